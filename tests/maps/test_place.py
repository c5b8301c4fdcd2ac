"""New images are placed one by one, in their order; p is valid for the same kind, and foreign images are seen."""

from __future__ import annotations

import csv
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_allclose

from dsim.data import from_arrays, open_dataset
from dsim.errors import DataError, UsageError
from dsim.files.documents import check
from dsim.maps import open_map_model, place_on_map, write_placed
from dsim.maps.model import MapModel
from dsim.runtime import Runtime

#: Cells that were mapped; those of another seed are of the same kind, and X-rays are foreign.
CELLS, SAME_KIND, FOREIGN = (
    "cells=phantoms:fluorescence[count=120,size=32]",
    "phantoms:fluorescence[count=80,seed=9,size=32]",
    "phantoms:xray[count=40,size=32]",
)


def test_images_of_the_map_are_placed_where_they_are(fitted_folder: Path, runtime: Runtime) -> None:
    from dsim.maps import open_map

    placed = place_on_map(CELLS, fitted_folder, runtime=runtime)
    chart = open_map(fitted_folder)
    assert_allclose(placed.points, chart.points, rtol=1e-6)
    assert [names[0] for names in map(placed.names_of_nearest, range(120))] == [f"cells/{name}" for name in chart.ids]


def test_the_place_of_an_image_depends_on_no_other_image(fitted_folder: Path, runtime: Runtime, tmp_path: Path) -> None:
    """In any order, with any others, in batches of any size, and not from the cache."""
    whole = place_on_map(SAME_KIND, fitted_folder, runtime=runtime)
    shuffled = np.random.default_rng(0).permutation(len(whole))[:31]
    fresh = replace(runtime, cache=tmp_path, batch=7)
    some = place_on_map(open_dataset(SAME_KIND).subset(shuffled), fitted_folder, runtime=fresh)
    single = place_on_map(open_dataset(SAME_KIND).subset([5]), fitted_folder, runtime=fresh)
    assert list(some.dataset.ids) == [whole.dataset.ids[index] for index in shuffled]
    assert_allclose(some.points, whole.points[shuffled], rtol=1e-4, atol=1e-5)
    assert_allclose(some.p, whole.p[shuffled])
    assert_allclose(single.points, whole.points[[5]], rtol=1e-4, atol=1e-5)


def test_images_of_the_same_kind_are_not_called_foreign(fitted_folder: Path, runtime: Runtime) -> None:
    placed = place_on_map(SAME_KIND, fitted_folder, runtime=runtime)
    assert placed.foreign.low <= 0
    assert placed.foreign.unusual < 0.25  # 1 in 21 is expected, with 20 held-out images
    assert (placed.p > 0).all()


def test_foreign_images_are_seen(fitted_folder: Path, runtime: Runtime) -> None:
    placed = place_on_map(FOREIGN, fitted_folder, runtime=runtime)
    assert placed.foreign.low > 0.5
    assert placed.foreign.unusual > 0.9
    assert len(placed.unusual) > 36
    assert (np.diff(placed.novelty[placed.unusual]) <= 0).all()


def test_p_is_uniform_where_features_are_of_the_same_kind(fitted_folder: Path) -> None:
    """On synthetic features, over many held-out samples: references, held-out and new ones from one distribution."""
    from scipy.stats import kstest

    rng = np.random.default_rng(3)
    model, p = open_map_model(fitted_folder), []
    for _ in range(300):
        features = rng.standard_t(4, size=(151, 8)).astype(np.float32)
        p.append(_unusual_among(model, features[:100], features[100:150], features[150:])[0])
    assert kstest(p, "uniform").pvalue > 0.01


def _unusual_among(model: MapModel, references: np.ndarray, held_out: np.ndarray, new: np.ndarray) -> np.ndarray:
    """p of new features by a model that remembers these, as its trainer would have it."""
    from dsim.embeddings import novelty

    fake = MapModel(model.reference, model.model)
    fake.__dict__["reference_features"] = references
    fake.__dict__["calibration"] = novelty(held_out.astype(float), references.astype(float))
    return fake.unusual(new)[1]


def test_placed_images_are_written_in_their_order(fitted_folder: Path, runtime: Runtime, tmp_path: Path) -> None:
    placed = place_on_map(FOREIGN, fitted_folder, runtime=runtime)
    record, table, page = write_placed(placed, tmp_path, runtime)
    check(placed.to_dict(), "dsim.map-place/1", "the record", "")
    with table.open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == list(placed.dataset.ids)
    assert [float(row["x"]) for row in rows] == placed.points[:, 0].tolist()
    assert rows[0]["nearest"].startswith("cells/")
    assert placed.dataset.ids[0] in page.read_text("utf-8")
    assert record.is_file()


def test_a_model_without_its_map_places_images_too(fitted_folder: Path, runtime: Runtime, tmp_path: Path) -> None:
    alone = tmp_path / "alone"
    alone.mkdir()
    (alone / "model").symlink_to(fitted_folder / "model")
    placed = place_on_map(FOREIGN, alone, runtime=runtime)
    assert placed.onto is None
    assert placed.names_of_nearest(0) == []
    assert_allclose(placed.points, place_on_map(FOREIGN, fitted_folder, runtime=runtime).points)
    assert "training images" in write_placed(placed, tmp_path / "out", runtime)[2].read_text("utf-8")


def test_a_map_whose_datasets_moved_places_images_and_says_what_is_missing(
    fitted_folder: Path, runtime: Runtime, noted: Any, tmp_path: Path
) -> None:
    for path in fitted_folder.iterdir():
        if path.name != "map.json":
            (tmp_path / path.name).symlink_to(path)
    text = (fitted_folder / "map.json").read_text("utf-8")
    (tmp_path / "map.json").write_text(text.replace("phantoms:fluorescence", "gone/fluorescence"), "utf-8")
    placed = place_on_map(FOREIGN, tmp_path, runtime=runtime)
    assert placed.onto is None
    assert any("--dataset cells=PATH" in note for note in noted.notes)
    assert place_on_map(FOREIGN, tmp_path, datasets=[CELLS], runtime=runtime).onto is not None


def test_images_of_any_size_and_of_one_channel_are_placed(fitted_folder: Path, runtime: Runtime) -> None:
    gray = from_arrays(np.random.default_rng(0).integers(0, 255, (3, 40, 20), np.uint8), name="gray")
    assert place_on_map(gray, fitted_folder, runtime=runtime).points.shape == (3, 2)


def test_images_of_another_number_of_channels_are_refused_and_gray_ones_noted(
    fitted_folder: Path, runtime: Runtime, noted: Any
) -> None:
    rng = np.random.default_rng(0)
    for channels in (2, 12):
        many = from_arrays(rng.integers(0, 255, (2, 20, 20, channels), np.uint8), name="many")
        with pytest.raises(DataError, match=f"{channels} channels"):
            place_on_map(many, fitted_folder, runtime=runtime)
    colour = from_arrays(rng.integers(0, 255, (2, 20, 20, 3), np.uint8), name="colour")
    place_on_map(colour, fitted_folder, runtime=runtime)
    assert any("channels" in note for note in noted.notes)


def test_noise_is_foreign(fitted_folder: Path, runtime: Runtime) -> None:
    noise = from_arrays(np.random.default_rng(0).integers(0, 255, (60, 32, 32), np.uint8), name="noise")
    assert place_on_map(noise, fitted_folder, runtime=runtime).foreign.low > 0.5


def test_a_map_without_held_out_images_says_that_p_is_too_small(
    fit_short: Any, tmp_path: Path, runtime: Runtime, noted: Any
) -> None:
    fit_short(tmp_path / "map", runtime, calibration=0.0)
    assert open_map_model(tmp_path / "map").held_out == 0
    place_on_map(SAME_KIND, tmp_path / "map", runtime=runtime)
    assert any("held out" in note for note in noted.notes)


def test_a_model_that_is_no_map_is_refused(runtime: Runtime) -> None:
    with pytest.raises(UsageError, match="map"):
        place_on_map(FOREIGN, "zoo:asap-resnet18.biomed16.r1", runtime=runtime)


def test_a_folder_without_a_model_is_refused_with_what_is_missing(tmp_path: Path, runtime: Runtime) -> None:
    with pytest.raises(DataError, match="no map"):
        place_on_map(FOREIGN, tmp_path / "mapp", runtime=runtime)
    with pytest.raises(DataError, match="no model"):
        place_on_map(FOREIGN, tmp_path, runtime=runtime)
    (tmp_path / "run.json").write_text("{}", "utf-8")
    with pytest.raises(DataError, match="not finished"):
        place_on_map(FOREIGN, tmp_path, runtime=runtime)
