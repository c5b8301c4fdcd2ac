"""Storing the truth of the real sets and its zoo models, on small drawn sets; and what is stored is sound."""

from __future__ import annotations

import csv
import json
import shutil
import tomllib
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dsim.data import open_dataset
from dsim.errors import DataError, UsageError
from dsim.features.zoo_backend import blueprint
from dsim.models import SegmentationRecipe, load_segmenter
from dsim.runtime import Runtime
from dsim.transfer.segmentation import measure_segmentation
from dsim.truth import TransferMatrix
from dsim.zoo import read_model

NAMES = ("bright", "dark", "squares", "stripes")
Part = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def part(parts_of: Callable[[str], AbstractContextManager[Part]]) -> Iterator[Part]:
    with parts_of("biomed16") as part:
        yield part


def draw(folder: Path, kind: str, seed: int) -> None:
    """Twelve gray images of 20 x 16 pixels with masks and META.json."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:20, :16]
    for place in ("images", "masks"):
        (folder / place).mkdir(parents=True)
    for number in range(12):
        y, x, r = rng.uniform(6, 13), rng.uniform(5, 11), rng.uniform(3, 5)
        inside = {
            "squares": np.maximum(abs(rows - y), abs(columns - x)) < r,
            "stripes": (rows + int(y)) % 8 < 4,
        }.get(kind, (rows - y) ** 2 + (columns - x) ** 2 < r**2)
        shade = np.where(inside ^ (kind == "dark"), 190, 70) + rng.integers(-20, 20, inside.shape)
        Image.fromarray(shade.astype(np.uint8)).save(folder / "images" / f"{number:03d}.png")
        Image.fromarray(inside.astype(np.uint8) * 255).save(folder / "masks" / f"{number:03d}.png")
    meta = {"dataset": f"All {kind} | 2026", "modality": "drawings", "citation": "Nobody 2026", "licence": "CC0 1.0"}
    meta |= {"source_repo": "nobody/drawings", "commit": "0" * 40, "path": f"{kind}/", "notes": "12 of 12"}
    (folder / "META.json").write_text(json.dumps(meta))
    listing = "".join(f"{number:03d}.png,{kind}/number {number}.tif\n" for number in range(12))
    (folder / "sources.csv").write_text("file,source_path\n" + listing)


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``data`` and ``results``: four drawn sets, measured by tiny networks."""
    root = tmp_path_factory.mktemp("biomed")
    for seed, name in enumerate(NAMES):
        draw(root / "data" / "sets" / name, name, seed)
    sets = [open_dataset(root / "data" / "sets" / name) for name in NAMES]
    recipe = SegmentationRecipe(side=16, patch=16, width=8, levels=2, epochs=4, shown=16, blocks=6)
    truth = measure_segmentation(sets, sets, recipe, out=root / "results", name="drawn", data=root / "data")
    truth.to_json(root / "results" / "truth.json")
    return root


@pytest.fixture(scope="module")
def stored(measured: Path, part: Part) -> Path:
    """The same folder, with ``truth`` and ``zoo`` written."""
    arguments = [
        measured / "results",
        "--data",
        measured / "data",
        "--out",
        measured / "truth",
        "--zoo",
        measured / "zoo",
    ]
    part("__main__").main([str(each) for each in arguments])
    return measured


def test_the_stored_truth_judges_as_the_measured_one(stored: Path) -> None:
    """Storing adds how it was made, and changes no number."""
    truth = TransferMatrix.from_json(stored / "truth" / "truth.json")
    assert truth == TransferMatrix.from_json(stored / "results" / "truth.json")
    assert "--set width=8 --set levels=2 --set side=16" in truth.provenance["command"]
    assert [truth.datasets[name].location for name in NAMES] == [f"sets/{name}" for name in NAMES]
    assert str(stored) not in (stored / "truth" / "truth.json").read_text()


def test_the_images_can_be_found_again(stored: Path) -> None:
    """Every image stands in the list with its path in the collection."""
    with open(stored / "truth" / "images.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == 48
    assert rows[12] == {"dataset": "dark", "file": "000.png", "source_path": "dark/number 0.tif"}


def test_the_card_tells_what_was_measured(stored: Path) -> None:
    """Own Dice, best sources, regrets, ceiling, licences and origins are in it, and its tables have whole rows."""
    text = (stored / "truth" / "card.md").read_text()
    truth = TransferMatrix.from_json(stored / "truth" / "truth.json")
    own = truth.values[0, 0].mean()
    assert f"| `bright` | {own:.1f} ± " in text
    for told in ("mean regret, points", "ceiling", "CC0 1.0", "nobody/drawings", "All dark \\| 2026", "Nobody 2026"):
        assert told in text
    best = truth.sources[int(np.argmax([-1, *truth.mean[1:, 0]]))]
    assert f"| `bright` | `{best}` " in text
    assert "nan" not in text
    for block in text.split("\n\n"):
        rows = [line.replace("\\|", "").count("|") for line in block.splitlines() if line.startswith("|")]
        assert len(set(rows)) <= 1


def test_each_source_has_a_sound_model(stored: Path) -> None:
    """Manifest, weights and probe hold, and the card names data, licence, and Dice on every set."""
    for name in NAMES:
        model = read_model(stored / "zoo" / f"unet8.{name}.r1")
        model.build()
        assert model.manifest["output"] == {"dim": 1, "kind": "segmentation", "marks": "foreground"}
        assert model.pool[0]["images_fingerprint"] == open_dataset(stored / "data" / "sets" / name).images_fingerprint
        card = (model.folder / "card.md").read_text()
        assert all(f"`{other}`" in card for other in NAMES)
        assert "CC0 1.0" in card
        assert str(stored) not in card + (model.folder / "manifest.toml").read_text()


def test_a_model_that_segments_is_no_extractor(stored: Path) -> None:
    """Who asks it for features is told what it is for."""
    with pytest.raises(UsageError, match=r"'unet8.bright.r1' segments images and gives no features"):
        blueprint("zoo:unet8.bright.r1", read_model(stored / "zoo" / "unet8.bright.r1"), {})


def test_a_segmentation_model_gives_one_probability(stored: Path, tmp_path: Path) -> None:
    """A manifest that says otherwise is refused with the key at fault."""
    text = (stored / "zoo" / "unet8.bright.r1" / "manifest.toml").read_text()
    (tmp_path / "manifest.toml").write_text(text.replace("dim = 1", "dim = 16"))
    with pytest.raises(DataError, match=r"'output\.dim' of kind 'segmentation' must be 1"):
        read_model(tmp_path)


def test_the_model_is_the_one_of_least_validation_loss(stored: Path) -> None:
    """What targets say chooses nothing."""
    trainings = TransferMatrix.from_json(stored / "truth" / "truth.json").provenance["trainings"]
    for name in NAMES:
        document = tomllib.loads((stored / "zoo" / f"unet8.{name}.r1" / "manifest.toml").read_text())["training"]
        assert document["validation_loss"] == min(
            each["validation_loss"] for each in trainings if each["source"] == name
        )


def test_half_precision_gives_the_same_probabilities(stored: Path, part: Part) -> None:
    """Within the change that the manifest tells, on images that it was measured on."""
    truth = TransferMatrix.from_json(stored / "truth" / "truth.json")
    for name, training in part("choosing").chosen(truth, stored / "results").items():
        folder = stored / "zoo" / f"unet8.{name}.r1"
        document = tomllib.loads((folder / "manifest.toml").read_text())["training"]
        original, half = (load_segmenter(file, Runtime(device="cpu")) for file in (training.weights, folder))
        other = open_dataset(stored / "data" / "sets" / NAMES[NAMES.index(name) - 1])
        change = np.abs(original.predict(other.pixels(0)) - half.predict(other.pixels(0))).max()
        assert change <= document["half_precision_change"] * 1.01 + 1e-7
        assert document["half_precision_change"] < 0.01
        assert half.trained_on == original.trained_on


def test_storing_again_gives_the_same_files(stored: Path, part: Part, tmp_path: Path) -> None:
    """The same results, the same bytes."""
    part("__main__").store(stored / "results", stored / "data", tmp_path / "truth", tmp_path / "zoo")
    written = [path.relative_to(tmp_path) for path in tmp_path.rglob("*") if path.is_file()]
    assert len(written) == 3 + 3 * len(NAMES)
    assert all((tmp_path / path).read_bytes() == (stored / path).read_bytes() for path in written)


def test_an_id_never_names_other_weights(stored: Path, part: Part, tmp_path: Path) -> None:
    """Other weights under an id that exists are refused."""
    place = tmp_path / "unet8.bright.r1"
    place.mkdir()
    (place / "segmenter.safetensors").write_bytes(b"others")
    with pytest.raises(DataError, match="names other weights already"):
        part("__main__").store(stored / "results", stored / "data", tmp_path / "truth", tmp_path)


def test_other_images_are_refused(stored: Path, part: Part, tmp_path: Path) -> None:
    """A truth is stored only beside the images that it was measured on."""
    for seed, name in enumerate(NAMES):
        draw(tmp_path / "sets" / name, name, seed + 10)
    with pytest.raises(DataError, match="are not those that truth 'drawn' was measured on"):
        part("__main__").store(stored / "results", tmp_path, tmp_path / "truth", tmp_path / "zoo")
    assert not (tmp_path / "truth").exists()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda t: {"provenance": {k: v for k, v in t.provenance.items() if k != "hours"}}, "lacks 'hours'"),
        (lambda t: {"provenance": {**t.provenance, "about": "see /place/of/mine"}}, "a place of one machine"),
        (lambda t: {"provenance": {**t.provenance, "trainings": []}}, "record of some trainings is missing"),
        (lambda t: {"values": t.values[:, :, :2]}, "2 repetitions"),
        (lambda t: {"datasets": {}}, "bright has no images"),
    ],
)
def test_an_incomplete_truth_is_refused(
    stored: Path, part: Part, change: Callable[[TransferMatrix], dict[str, Any]], expected: str
) -> None:
    """Provenance must be whole, and name no place of one machine."""
    truth = TransferMatrix.from_json(stored / "truth" / "truth.json")
    part("checking").check(truth)
    with pytest.raises(DataError, match=expected):
        part("checking").check(replace(truth, **change(truth)))


def test_a_truth_of_one_training_tells_no_spread_and_marks_what_its_models_replace(
    stored: Path, part: Part, tmp_path: Path
) -> None:
    """Where a source was not learnt there is no new model, and the older one stays as it is."""
    truth = TransferMatrix.from_json(stored / "results" / "truth.json")
    first = [each for each in truth.provenance["trainings"] if each["repetition"] == 0]
    once = replace(truth, values=truth.values[:, :, :1], provenance={**truth.provenance, "trainings": first})
    results, zoo = tmp_path / "results", tmp_path / "zoo"
    shutil.copytree(stored / "results", results)
    once.to_json(results / "truth.json")
    own = {name: float(once.values[i, i, 0]) for i, name in enumerate(NAMES)}
    least = sorted(own.values())[1]
    for name in NAMES:
        shutil.copytree(stored / "zoo" / f"unet8.{name}.r1", zoo / f"old.{name}.r1")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(part("__main__"), "LEARNT", least)
        options = {"fewest": 1, "learnt": True, "replaces": "old"}
        part("__main__").store(results, stored / "data", tmp_path / "truth", zoo, **options)
    text = (tmp_path / "truth" / "card.md").read_text()
    assert "nan" not in text
    assert "RESULTS --fewest 1 --learnt --replaces old" in text
    for name in NAMES:
        is_learnt = own[name] >= least
        assert (zoo / f"unet8.{name}.r1").exists() == is_learnt
        document = tomllib.loads((zoo / f"old.{name}.r1" / "manifest.toml").read_text())
        assert document["training"].get("replaced_by") == (f"unet8.{name}.r1" if is_learnt else None)
        assert ("**Replaced** by" in (zoo / f"old.{name}.r1" / "card.md").read_text()) == is_learnt
    with pytest.raises(DataError, match="1 repetitions"):
        part("checking").check(once)
