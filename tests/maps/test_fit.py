"""A fit writes a whole map, goes on where it was interrupted, and does nothing twice; it refuses what has no map."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.testing import assert_array_equal

from dsim.data import from_arrays, open_dataset
from dsim.embeddings import neighbour_overlap
from dsim.errors import DataError, UnknownNameError, UsageError
from dsim.files.documents import check
from dsim.maps import crowding, open_map, read_record, stability
from dsim.runtime import Runtime

CELLS = "cells=phantoms:fluorescence[count=120,size=32]"
Fit = Callable[..., Any]


def test_a_fit_writes_every_image_with_its_place(fitted_folder: Path) -> None:
    cells = open_dataset(CELLS)
    with (fitted_folder / "points.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    assert [row["id"] for row in rows] == list(cells.ids)
    assert [row["label"] for row in rows] == list(cells.labels or ())
    assert {row["dataset"] for row in rows} == {"cells"}
    assert {"map.json", "map.html", "map.png", "run.json", "model"} <= {path.name for path in fitted_folder.iterdir()}
    assert cells.ids[0] in (fitted_folder / "map.html").read_text("utf-8")


def test_the_record_says_how_the_map_was_made(fitted_folder: Path) -> None:
    record = json.loads((fitted_folder / "map.json").read_text("utf-8"))
    check(record, "dsim.map/1", "the record", "")
    assert record["rotations"] == {"chosen": "any", "reason": "advised for fluorescence"}
    assert record["held_out"] == 20
    assert record["stability"] is None
    assert str(fitted_folder) not in json.dumps(record)


def test_a_map_opens_as_it_was_wherever_its_folder_lies(fitted_folder: Path, tmp_path: Path, runtime: Runtime) -> None:
    chart = open_map(fitted_folder)
    moved = tmp_path / "elsewhere"
    moved.symlink_to(fitted_folder)
    again = open_map(moved)
    assert_array_equal(again.points, chart.points)
    assert again.labels == chart.labels
    assert again.model == f"file:{moved}/model"
    assert again.features(runtime).shape == (120, 256)


def test_places_are_those_of_the_network_itself(fitted_folder: Path, runtime: Runtime) -> None:
    """The map's points come from stored features; the extractor without a layer gives the same to rounding."""
    from dsim.features import extract

    points = extract(open_dataset(CELLS), f"file:{fitted_folder}", runtime)
    np.testing.assert_allclose(open_map(fitted_folder).points, points, rtol=1e-4, atol=1e-5)


def test_a_finished_fit_is_read_and_not_made_again(
    fit_short: Fit, fitted_folder: Path, runtime: Runtime, noted: Any
) -> None:
    before = {path: path.stat().st_mtime_ns for path in fitted_folder.rglob("*")}
    again = fit_short(fitted_folder, runtime)
    assert {path: path.stat().st_mtime_ns for path in fitted_folder.rglob("*")} == before
    assert_array_equal(again.points, open_map(fitted_folder).points)
    assert len(noted.notes) == 1


def test_a_fit_that_was_killed_at_the_end_writes_what_is_missing(
    fit_short: Fit, tmp_path: Path, runtime: Runtime
) -> None:
    first = fit_short(tmp_path / "map", runtime)
    for lost in (["map.json", "map.html"], ["map.html"]):
        for name in lost:
            (tmp_path / "map" / name).unlink()
        again = fit_short(tmp_path / "map", runtime)
        assert (tmp_path / "map" / "map.html").is_file()
        assert_array_equal(again.points, first.points)


def test_further_seeds_say_how_stable_places_are_and_move_none(
    fit_short: Fit, fitted_folder: Path, runtime: Runtime
) -> None:
    one = open_map(fitted_folder)
    both = fit_short(fitted_folder, runtime, seeds=2)
    assert_array_equal(both.points, one.points)
    assert ((both.columns["stability"] >= 0) & (both.columns["stability"] <= 1)).all()
    record = read_record(fitted_folder)
    assert record["stability"]["by_chance"] == pytest.approx(15 / 119)
    fit_short(fitted_folder, runtime)  # as the other tests know it
    assert read_record(fitted_folder)["stability"] is None


def test_a_folder_with_something_else_is_refused(fit_short: Fit, tmp_path: Path, runtime: Runtime) -> None:
    (tmp_path / "thesis.tex").write_text("", "utf-8")
    with pytest.raises(UsageError):
        fit_short(tmp_path, runtime)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_a_folder_with_another_map_is_refused(fit_short: Fit, fitted_folder: Path, runtime: Runtime) -> None:
    with pytest.raises(UsageError, match="seed"):
        fit_short(fitted_folder, runtime, seed=5)


def test_what_cannot_be_mapped_is_refused_before_any_file(fit_short: Fit, tmp_path: Path, runtime: Runtime) -> None:
    single = from_arrays(np.zeros((1, 8, 8), np.uint8), name="single")
    with pytest.raises(DataError, match="one image"):
        fit_short(tmp_path / "map", runtime, [single])
    with pytest.raises(DataError, match="cells"):
        fit_short(tmp_path / "map", runtime, [CELLS, CELLS])
    with pytest.raises(UnknownNameError, match="t-simcne"):
        fit_short(tmp_path / "map", runtime, trainer="t-simcme")
    with pytest.raises(UsageError, match="seeds"):
        fit_short(tmp_path / "map", runtime, seeds=0)
    assert not (tmp_path / "map").exists()


def test_datasets_that_moved_are_named_and_can_be_given(fitted_folder: Path, tmp_path: Path) -> None:
    record = json.loads((fitted_folder / "map.json").read_text("utf-8"))
    record["datasets"][0]["location"] = str(tmp_path / "gone")
    moved = tmp_path / "map"
    moved.mkdir()
    (moved / "points.csv").write_text((fitted_folder / "points.csv").read_text("utf-8"), "utf-8")
    (moved / "map.json").write_text(json.dumps(record), "utf-8")
    with pytest.raises(DataError, match="--dataset cells=PATH"):
        open_map(moved)
    assert len(open_map(moved, [CELLS])) == 120
    with pytest.raises(UnknownNameError, match="cells"):
        open_map(moved, ["phantoms:xray[count=3]"])
    with pytest.raises(DataError, match="30 of the 120"):
        open_map(moved, [CELLS.replace("120", "90")])


@pytest.mark.parametrize(
    "damage",
    [
        ("points.csv", "id,dataset\n"),
        ("points.csv", ""),
        ("map.json", "{}"),
        ("map.json", "no document"),
    ],
)
def test_a_damaged_map_is_named(fitted_folder: Path, tmp_path: Path, damage: tuple[str, str]) -> None:
    for name in ("points.csv", "map.json"):
        (tmp_path / name).write_text((fitted_folder / name).read_text("utf-8"), "utf-8")
    (tmp_path / damage[0]).write_text(damage[1], "utf-8")
    with pytest.raises(DataError, match=damage[0]):
        open_map(tmp_path)


def test_new_labels_are_shown_without_a_new_training(fit_short: Fit, fitted_folder: Path, runtime: Runtime) -> None:
    cells = open_dataset(CELLS)
    renamed = replace(cells, labels=tuple(f"new {label}" for label in cells.labels or ()))
    trained = (fitted_folder / "model" / "manifest.toml").stat().st_mtime_ns
    assert fit_short(fitted_folder, runtime, [renamed]).labels == renamed.labels
    assert "new mitotic" in (fitted_folder / "points.csv").read_text("utf-8")
    assert (fitted_folder / "model" / "manifest.toml").stat().st_mtime_ns == trained
    fit_short(fitted_folder, runtime)  # as the other tests know it


def test_labels_of_the_page_are_shown(fit_short: Fit, fitted_folder: Path, tmp_path: Path, runtime: Runtime) -> None:
    ids = open_dataset(CELLS).ids
    table = tmp_path / "labels.csv"
    table.write_text(f"file,dataset,label\n{ids[3]},cells,odd\n{ids[4]},cells,\n", "utf-8")
    chart = fit_short(fitted_folder, runtime, labels=table)
    assert [row for row, label in enumerate(chart.labels) if label] == [3]
    assert chart.labels[3] == "odd"
    assert open_map(fitted_folder).labels == chart.labels
    fit_short(fitted_folder, runtime)  # as the other tests know it


def test_a_map_within_its_dataset_is_refused(fit_short: Fit, tmp_path: Path, runtime: Runtime) -> None:
    from dsim.data.phantoms import open_phantom, write

    [folder] = write([open_phantom("xray", count=4, size=16)], tmp_path)
    with pytest.raises(UsageError, match="within"):
        fit_short(folder / "map", runtime, [folder])
    with pytest.raises(UsageError, match="brackets"):
        fit_short(tmp_path / "map[1]", runtime)
    assert not (folder / "map").exists()


def test_crowded_places_are_those_with_near_neighbours() -> None:
    rng = np.random.default_rng(0)
    dense, sparse = rng.normal(size=(50, 2)) * 0.1, rng.normal(size=(50, 2)) * 5 + 40
    values = crowding(np.concatenate([dense, sparse]))
    assert values[:50].min() > values[50:].max()
    assert crowding(np.ones((30, 2))).tolist() == [0.5] * 30
    moved = crowding(3 * np.concatenate([dense, sparse]) + 7)
    assert_array_equal(moved, values)


def test_stability_is_one_for_the_same_shape_and_chance_for_another() -> None:
    rng = np.random.default_rng(1)
    points = rng.normal(size=(200, 2))
    turned = 4 * points[:, ::-1] - 3
    assert stability(points, [turned]).min() == 1
    others = [rng.normal(size=(200, 2)) for _ in range(5)]
    assert stability(points, others).mean() == pytest.approx(15 / 199, abs=0.02)
    assert np.isnan(stability(points, [])).all()


def test_stability_is_the_mean_overlap_of_exact_neighbours() -> None:
    rng = np.random.default_rng(2)
    points, others = rng.normal(size=(90, 2)), [rng.normal(size=(90, 2)) for _ in range(2)]
    mean = np.mean([neighbour_overlap(points, other, 7) for other in others], axis=0)
    np.testing.assert_allclose(stability(points, others, k=7), mean)
    copies = np.zeros((40, 2))
    assert ((stability(copies, [copies]) >= 0) & (stability(copies, [copies]) <= 1)).all()
