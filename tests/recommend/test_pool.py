"""The zoo's sources: by their features every measure gives what it gives beside the images, which are not at hand."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

import dsim
from dsim.data.phantoms import open_phantom
from dsim.errors import DataError, NeedError, UsageError
from dsim.features.shelves import FOLDER, read_shelf
from dsim.recommend import recommend, zoo_sources
from dsim.recommend.pool import write
from dsim.runtime import Runtime

PIXELS = "pixels:[side=4]"
MEASURE = f"energy:extractor={PIXELS}"


@pytest.fixture(scope="module")
def pool() -> list[dsim.Dataset]:
    return [open_phantom(name, count=6, size=16) for name in ("fundus", "histology", "xray")]


@pytest.fixture
def target() -> dsim.Dataset:
    return open_phantom("xray-bedside", count=6, size=16)


@pytest.fixture
def zoo(pool: list[dsim.Dataset], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Features of three datasets; segmentation models were trained on all of them but histology."""
    for dataset in pool:
        # Written elsewhere: what is read here must come from the file, and not from the cache that made it.
        write(dataset, tmp_path / "zoo" / FOLDER, Runtime(cache=tmp_path / "other"), PIXELS)
    monkeypatch.setattr("dsim.registry.Registry.zoo_paths", lambda self: [tmp_path / "zoo"])
    trained_on(monkeypatch, [dataset for dataset in pool if dataset.name != "histology"])
    return tmp_path / "zoo"


def trained_on(monkeypatch: pytest.MonkeyPatch, datasets: list[dsim.Dataset]) -> None:
    models = [
        SimpleNamespace(segments=True, pool=({"images_fingerprint": dataset.images_fingerprint},))
        for dataset in datasets
    ]
    monkeypatch.setattr("dsim.zoo.models", lambda: models)


def test_sources_are_the_datasets_that_a_segmentation_model_was_trained_on(zoo: Path, pool: list[dsim.Dataset]) -> None:
    found = zoo_sources(Runtime())
    assert [dataset.name for dataset in found] == ["fundus", "xray"]
    assert [dataset.images_fingerprint for dataset in found] == [pool[0].images_fingerprint, pool[2].images_fingerprint]


def test_values_by_shipped_features_are_those_beside_the_images_to_the_last_bit(
    zoo: Path, pool: list[dsim.Dataset], target: dsim.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_on(monkeypatch, pool)
    beside = dsim.compare(pool, [target], measure=MEASURE, runtime=Runtime(cache=tmp_path / "other"))
    without = dsim.compare(zoo_sources(Runtime()), [target], measure=MEASURE)
    np.testing.assert_array_equal(without.values, beside.values)
    assert without.provenance["extractors"] == beside.provenance["extractors"]


def test_features_of_a_second_extractor_belong_to_the_same_sources(
    zoo: Path, pool: list[dsim.Dataset], target: dsim.Dataset, tmp_path: Path
) -> None:
    second, elsewhere = "pixels:[side=2]", Runtime(cache=tmp_path / "other")
    for dataset in pool:
        write(dataset, zoo / FOLDER / "second", elsewhere, second)
    found = zoo_sources(Runtime())
    assert [dataset.name for dataset in found] == ["fundus", "xray"]
    for extractor in (PIXELS, second):
        beside = dsim.compare([pool[0], pool[2]], [target], measure=f"energy:extractor={extractor}", runtime=elsewhere)
        without = dsim.compare(found, [target], measure=f"energy:extractor={extractor}")
        np.testing.assert_array_equal(without.values, beside.values)
    with pytest.raises(NeedError, match=r"side=4\] and pixels:\[side=2\] only"):
        found[0].pixels(0)


def test_a_measure_of_anything_else_is_told_that_the_images_are_not_at_hand(zoo: Path, target: dsim.Dataset) -> None:
    for measure in ("cc:size=16", "energy:extractor=pixels:[side=8]"):
        with pytest.raises(
            NeedError, match=r"the images of '\w+' are not at hand: .*features of pixels:\[side=4\] only"
        ):
            dsim.compare(zoo_sources(Runtime()), [target], measure=measure)


def test_a_target_that_the_zoo_has_is_recognised_by_its_images(
    zoo: Path, pool: list[dsim.Dataset], monkeypatch: pytest.MonkeyPatch
) -> None:
    trained_on(monkeypatch, pool)
    monkeypatch.setattr("dsim.recommend.advice.models_of", lambda source, target: ())
    found = recommend(pool[0].renamed("mine"), zoo_sources(Runtime()), measure=MEASURE)
    assert found.excluded == ("fundus",)
    assert "fundus is the target itself: left out of the sources" in found.notes


def test_without_images_of_the_source_the_choice_stands_without_a_picture(
    zoo: Path, target: dsim.Dataset, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("dsim.recommend.advice.models_of", lambda source, target: ())
    monkeypatch.setattr("dsim.recommend.pool.REFERENCE", PIXELS)
    found = recommend(target, zoo_sources(Runtime()), measure=MEASURE, out=tmp_path / "out")
    assert found.best == "xray"
    assert [row["image"] for row in found.nearest] == list(target.ids)
    assert [path.name for path in (tmp_path / "out").iterdir()] == ["recommendation.json"]
    assert any(note.startswith("no picture of the nearest images: the images of 'xray'") for note in found.notes)


def test_an_empty_zoo_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("dsim.registry.Registry.zoo_paths", lambda self: [tmp_path])
    with pytest.raises(UsageError, match="the zoo has no sources to choose from"):
        zoo_sources(Runtime())


def test_a_damaged_file_is_refused(zoo: Path) -> None:
    path = zoo / FOLDER / "xray.safetensors"
    content = bytearray(path.read_bytes())
    content[-1] ^= 1
    path.write_bytes(content)
    with pytest.raises(DataError, match="does not hold features of a dataset"):
        read_shelf(path)
    path.write_bytes(b"nothing")
    with pytest.raises(DataError, match="does not hold features of a dataset"):
        zoo_sources(Runtime())


def test_features_that_this_version_would_not_compute_are_refused(zoo: Path) -> None:
    shelf = read_shelf(zoo / FOLDER / "xray.safetensors")
    with pytest.raises(DataError, match="would not compute: treatment differ"):
        replace(shelf, key={**shelf.key, "treatment": 0}).put_into_cache(Runtime())


def test_the_same_images_give_the_same_file(zoo: Path, pool: list[dsim.Dataset], tmp_path: Path) -> None:
    again = write(pool[2], tmp_path / "again", Runtime(), PIXELS)
    assert again.read_bytes() == (zoo / FOLDER / "xray.safetensors").read_bytes()


def test_images_of_16_bits_are_refused(tmp_path: Path) -> None:
    deep = dsim.from_arrays(np.zeros((2, 8, 8), np.uint16), name="deep")
    with pytest.raises(DataError, match="8 bits"):
        write(deep, tmp_path, Runtime(), PIXELS)


def test_the_shipped_features_are_sound_and_have_a_card() -> None:
    """Nothing to check where none is shipped yet."""
    from dsim.files.shipped import shipped

    folder = shipped("zoo") / FOLDER
    for path in folder.rglob("*.safetensors"):
        shelf = read_shelf(path)
        shelf.put_into_cache(Runtime())
        assert f"`{shelf.dataset.name}`" in (folder / "card.md").read_text("utf-8")
        assert json.dumps(shelf.key)
