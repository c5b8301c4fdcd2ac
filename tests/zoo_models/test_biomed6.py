"""Storing the truth of the classification sets, on small drawn sets: what is stored is sound, and its card tells it."""

from __future__ import annotations

import csv
import json
import re
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
from scipy.stats import f

from dsim.data import open_dataset
from dsim.errors import DataError
from dsim.runtime import Runtime
from dsim.transfer.classification import ClassificationRecipe, measure_classification
from dsim.truth import TransferMatrix

ROOT = Path(__file__).parents[2]
NAMES = ("coarse", "fine", "noisy", "tilted")
Part = Callable[[str], ModuleType]


@pytest.fixture(scope="module")
def part(parts_of: Callable[[str], AbstractContextManager[Part]]) -> Iterator[Part]:
    with parts_of("biomed6") as part:
        yield part


def draw(folder: Path, kind: str, seed: int) -> None:
    """36 images of 16 pixels, stripes along rows or columns, that is the class, as .npz with META.json."""
    rng = np.random.default_rng(seed)
    rows, columns = np.mgrid[:16, :16]
    labels = np.repeat([0, 1], 18)
    pitch = {"fine": 2.0, "coarse": 0.7}.get(kind, 1.2)
    waves = [
        np.sin(pitch * ((columns if label else rows) + (0.3 * rows if kind == "tilted" else 0)) + rng.uniform(0, 6))
        for label in labels
    ]
    noise = rng.normal(0, 200 if kind == "noisy" else 90, (36, 16, 16))
    images = (128 + 80 * np.stack(waves) + noise).clip(0, 255).astype(np.uint8)
    folder.mkdir(parents=True)
    names = np.array(["along | rows", "along columns"])
    np.savez(folder / f"{kind}.npz", images=np.repeat(images[..., None], 3, 3), labels=labels, class_names=names)
    meta = {"dataset": f"All {kind} | 2026", "modality": "drawings", "citation": "Nobody 2026", "licence": "CC0 1.0"}
    meta |= {"source_repo": "nobody/drawings", "commit": "0" * 40, "path": f"{kind}/", "notes": "36 of 36"}
    (folder / "META.json").write_text(json.dumps(meta))


@pytest.fixture(scope="module")
def measured(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``data`` and ``results``: four drawn sets, measured by tiny networks."""
    root = tmp_path_factory.mktemp("biomed")
    for seed, name in enumerate(NAMES):
        draw(root / "data" / "sets" / name, name, seed)
    sets = [open_dataset(root / "data" / "sets" / name / f"{name}.npz") for name in NAMES]
    recipe = ClassificationRecipe(side=16, width=8, levels=2, epochs=2, pretrain_epochs=2, batch=12, neighbours=1)
    truth = measure_classification(
        sets,
        sets,
        recipe,
        folds=3,
        seed=4,
        out=root / "results",
        runtime=Runtime(device="cpu", offline=True),
        name="drawn",
        data=root / "data",
    )
    truth.to_json(root / "results" / "truth.json")
    return root


@pytest.fixture(scope="module")
def stored(measured: Path, part: Part) -> Path:
    """The same folder, with ``truth`` written."""
    arguments = [measured / "results", "--data", measured / "data", "--out", measured / "truth"]
    part("__main__").main([str(each) for each in arguments])
    return measured


@pytest.fixture
def truth(stored: Path) -> TransferMatrix:
    return TransferMatrix.from_json(stored / "truth" / "truth.json")


@pytest.fixture
def card(stored: Path) -> str:
    return (stored / "truth" / "card.md").read_text()


def test_the_stored_truth_judges_as_the_measured_one(stored: Path, truth: TransferMatrix) -> None:
    """Storing adds how it was made, and changes no number."""
    assert truth == TransferMatrix.from_json(stored / "results" / "truth.json")
    line = truth.provenance["command"]
    assert "--set width=8 --set levels=2 --set side=16" in line
    assert "--folds 3 --seed 4 --name drawn" in line
    assert [truth.datasets[name].location for name in NAMES] == [f"sets/{name}/{name}.npz" for name in NAMES]
    assert str(stored) not in (stored / "truth" / "truth.json").read_text()


def test_whoever_has_images_can_tell_whether_they_are_these(stored: Path) -> None:
    """Every image stands in the list with its class and the start of its digest."""
    with open(stored / "truth" / "images.csv", newline="") as file:
        rows = list(csv.DictReader(file))
    fine = open_dataset(stored / "data" / "sets" / "fine")
    assert len(rows) == 4 * 36
    assert [row["sha256"] for row in rows if row["dataset"] == "fine"] == [each[:16] for each in fine.image_digests]
    assert tuple(row["class"] for row in rows if row["dataset"] == "fine") == fine.labels


def test_the_card_tells_what_was_measured(truth: TransferMatrix, card: str) -> None:
    """Transferability by Eq. 1, the baseline, best sources and origins are in it, and its tables have whole rows."""
    gain = 100 * (truth.mean[1, 0] - truth.baseline[0].mean()) / truth.baseline[0].mean()
    (row,) = re.findall(r"^\| `coarse` \|  \| (.*)$", card, re.M)
    assert row.replace("*", "").startswith(f"{gain:+.1f}")
    assert f"| `coarse` | {truth.baseline[0].mean():.3f} ± {truth.baseline[0].std(ddof=1):.3f} | `" in card
    best = truth.sources[int(np.argmax([-1, *truth.mean[1:, 0]]))]
    assert f"± {truth.baseline[0].std(ddof=1):.3f} | `{best}` " in card
    for told in ("CC0 1.0", "nobody/drawings", "All fine \\| 2026", "Nobody 2026", "along \\| rows 18", "no transfer"):
        assert told in card
    assert "There is no ImageNet baseline: nobody publishes weights for the plain network" in card
    assert "nan" not in card
    for block in card.split("\n\n"):
        rows = [line.replace("\\|", "").count("|") for line in block.splitlines() if line.startswith("|")]
        assert len(set(rows)) <= 1


def test_a_gain_is_told_from_chance_by_its_differences_within_folds(truth: TransferMatrix, part: Part) -> None:
    """A gain that is the same in every fold is clear however much the folds differ; one that changes sign is not."""
    base = np.tile([0.5, 0.7, 0.6], (4, 1))
    values = base + np.array([0.1, 0.101, 0.099])
    values = np.tile(values, (4, 1, 1))
    values[0, 1] = base[1] + [0.1, -0.1, 0.02]
    found = part("gains").gains(replace(truth, values=values, baseline=base))
    assert found.clear[2, 1]
    assert not found.clear[0, 1]
    np.testing.assert_allclose(found.percent[2, 1], 100 * 0.1 / 0.6)
    ratio = np.mean([each["test"] / each["training"] for each in truth.provenance["folds"]["fine"]])
    widened = np.std([0.1, 0.101, 0.099], ddof=1) * np.sqrt(1 / 3 + ratio) / 0.6
    np.testing.assert_allclose(found.error[2, 1], 100 * widened)
    assert np.isnan(np.diag(found.percent)).all()


def test_sources_are_told_apart_by_analysis_of_variance(truth: TransferMatrix, part: Part) -> None:
    """Folds are blocks: two-way analysis of variance without replication, computed here from sums of squares."""
    values = np.random.default_rng(0).uniform(0.4, 0.9, truth.values.shape)
    found = part("gains").gains(replace(truth, values=values))
    table = values[1:, 0]
    sources, folds = table.mean(axis=1, keepdims=True), table.mean(axis=0, keepdims=True)
    between = 3 * ((sources - table.mean()) ** 2).sum() / 2
    within = ((table - sources - folds + table.mean()) ** 2).sum() / 4
    np.testing.assert_allclose(found.alike[0], f.sf(between / within, 2, 4))
    alike = part("gains").gains(replace(truth, values=np.full_like(values, 0.5))).alike
    np.testing.assert_array_equal(alike, 1)


def test_storing_again_gives_the_same_files(stored: Path, part: Part, tmp_path: Path) -> None:
    """The same results, the same bytes."""
    part("__main__").store(stored / "results", stored / "data", tmp_path)
    written = sorted(path.name for path in tmp_path.iterdir())
    assert written == ["card.md", "images.csv", "truth.json"]
    assert all((tmp_path / name).read_bytes() == (stored / "truth" / name).read_bytes() for name in written)


def test_other_labels_are_refused(stored: Path, part: Part, tmp_path: Path) -> None:
    """Fingerprints of images do not tell them; the finished work does."""
    shutil.copytree(stored / "data", tmp_path / "data")
    file = tmp_path / "data" / "sets" / "fine" / "fine.npz"
    arrays = dict(np.load(file))
    arrays["labels"] = arrays["labels"][::-1]
    np.savez(file, **arrays)
    with pytest.raises(DataError, match=r"has no score of .* for these images with these labels"):
        part("__main__").store(stored / "results", tmp_path / "data", tmp_path / "truth")
    assert not (tmp_path / "truth").exists()


def test_other_images_and_other_scores_are_refused(stored: Path, part: Part, tmp_path: Path) -> None:
    """A truth is stored only beside the images and the work that it came from."""
    for seed, name in enumerate(NAMES):
        draw(tmp_path / "sets" / name, name, seed + 10)
    with pytest.raises(DataError, match="are not those that truth 'drawn' was measured on"):
        part("__main__").store(stored / "results", tmp_path, tmp_path / "truth")
    shutil.copytree(stored / "results", tmp_path / "results")
    found = TransferMatrix.from_json(stored / "results" / "truth.json")
    replace(found, values=1 - found.values).to_json(tmp_path / "results" / "truth.json")
    with pytest.raises(DataError, match="gives other scores than truth 'drawn'"):
        part("__main__").store(tmp_path / "results", stored / "data", tmp_path / "truth")
    assert not (tmp_path / "truth").exists()


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        (lambda t: {"provenance": {k: v for k, v in t.provenance.items() if k != "folds"}}, "lacks 'folds'"),
        (lambda t: {"provenance": {**t.provenance, "about": "see /place/of/mine"}}, "a place of one machine"),
        (lambda t: {"provenance": {**t.provenance, "self pairs": []}}, "each under the same name"),
        (lambda t: {"baseline": None}, "from scratch was not measured"),
        (lambda t: {"values": t.values[:, :, :2], "baseline": t.baseline[:, :2]}, "2 repetitions"),
    ],
)
def test_an_incomplete_truth_is_refused(
    truth: TransferMatrix, part: Part, change: Callable[[TransferMatrix], dict[str, Any]], expected: str
) -> None:
    """Provenance must be whole, and name no place of one machine."""
    part("checking").check(truth)
    with pytest.raises(DataError, match=expected):
        part("checking").check(replace(truth, **change(truth)))


def test_what_is_added_to_meta_json_is_of_the_real_sets(real_data: Path, part: Part) -> None:
    """Each set has its sampling and its caution, and none is told of that is not there."""
    document = tomllib.loads((ROOT / "benchmarks" / "biomed6" / "sets.toml").read_text())
    assert sorted(document) == sorted(path.name for path in (real_data / "classification").iterdir() if path.is_dir())
    assert all(set(each) == {"sampling", "caution"} for each in document.values())
