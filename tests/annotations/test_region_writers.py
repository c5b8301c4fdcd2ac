"""Regions written for annotation tools: read back equal, and as the tools themselves read them."""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile

from dsim.annotations import FORMATS, Region, class_colours, read_regions, write_regions
from dsim.annotations.writers import COLOURS
from dsim.errors import DataError, UnknownNameError

SIZES = {"plate/a": (100, 200), "b.01": (60, 50), "what?": (30, 30), "empty": (10, 10)}


def regions() -> list[Region]:
    """Boxes and points of three images, with fractions, without score, without class, and a class with letters."""
    return [
        Region("plate/a", 1, 2, 30, 40, "red cell", 0.25),
        Region("plate/a", 12.4, 7.2, 4.8, 4.8, "Tumor: Positive", 0.999999),
        Region("plate/a", 0, 0, 200, 100, "red cell", -0.5),
        Region("b.01", 3.1, 4.7, 0, 0, 'naïve, "quoted"', 0.125),
        Region("b.01", 10, 20, 5.5, 6.25, "red cell"),
        Region("what?", 0.5, 29.5, 0, 0, "red cell", 1.0),
    ]


def plain(found: Sequence[Region]) -> list[tuple[Any, ...]]:
    """Fields of regions; a missing score is None, since NaN equals nothing."""
    return [(*region[:6], None if math.isnan(region.score) else region.score) for region in found]


PLACES = {"geojson": "geojson", "coco": "coco.json", "fiji": "rois", "csv": "detections.csv", "napari": "napari"}


@pytest.mark.parametrize("name", FORMATS)
def test_each_format_is_read_back_equal(tmp_path: Path, name: str) -> None:
    written = write_regions(tmp_path, regions(), SIZES, [name])
    assert sorted(written) == sorted(path for path in tmp_path.rglob("*") if path.is_file())
    found = read_regions(tmp_path / PLACES[name])
    assert sorted(plain(found), key=str) == sorted(plain(regions()), key=str)


def test_all_formats_are_written_unless_some_are_chosen(tmp_path: Path) -> None:
    write_regions(tmp_path, regions(), SIZES)
    assert {path.name for path in tmp_path.iterdir()} == set(PLACES.values())


def test_the_same_regions_are_the_same_bytes(tmp_path: Path) -> None:
    for place in ("one", "two"):
        write_regions(tmp_path / place, regions(), SIZES)
    for path in sorted((tmp_path / "one").rglob("*.*")):
        assert path.read_bytes() == (tmp_path / "two" / path.relative_to(tmp_path / "one")).read_bytes()


def test_qupath_gets_classes_with_colours_and_scores(tmp_path: Path) -> None:
    write_regions(tmp_path, regions(), SIZES, ["geojson"], labels=["red cell"])
    document = json.loads((tmp_path / "geojson/plate/a.geojson").read_text("utf-8"))
    assert document["type"] == "FeatureCollection"
    first = document["features"][0]
    assert first["geometry"] == {"type": "Polygon", "coordinates": [[[1, 2], [31, 2], [31, 42], [1, 42], [1, 2]]]}
    assert first["properties"]["classification"] == {"name": "red cell", "color": [0, 114, 178]}
    assert first["properties"]["measurements"] == [{"name": "Score", "value": 0.25}]
    assert len({feature["id"] for feature in document["features"]}) == 3
    points = json.loads((tmp_path / "geojson/b.01.geojson").read_text("utf-8"))["features"]
    assert points[0]["geometry"] == {"type": "Point", "coordinates": [3.1, 4.7]}
    assert json.loads((tmp_path / "geojson/empty.geojson").read_text("utf-8"))["features"] == []


def test_coco_has_all_images_and_the_categories_in_their_order(tmp_path: Path) -> None:
    write_regions(tmp_path, regions(), SIZES, ["coco"], files={"plate/a": "plate/a.tif"}, labels=["red cell", "none"])
    document = json.loads((tmp_path / "coco.json").read_text("utf-8"))
    assert document["images"][0] == {"id": 1, "file_name": "plate/a.tif", "height": 100, "width": 200}
    assert [image["file_name"] for image in document["images"]] == ["plate/a.tif", "b.01", "what?", "empty"]
    assert [(row["id"], row["name"]) for row in document["categories"]][:2] == [(1, "red cell"), (2, "none")]
    first = document["annotations"][0]
    assert (first["image_id"], first["category_id"], first["bbox"], first["score"]) == (1, 1, [1, 2, 30, 40], 0.25)
    assert first["area"] == 1200
    assert "score" not in document["annotations"][4]


def test_roifile_reads_rectangles_and_points_where_imagej_draws_them(tmp_path: Path) -> None:
    """ImageJ counts a point from the centre of a pixel, an area from its corner."""
    write_regions(tmp_path, regions(), SIZES, ["fiji"])
    assert not (tmp_path / "rois/empty.zip").exists()
    boxes: Any = roifile.roiread(tmp_path / "rois/plate/a.zip")
    assert {roi.roitype for roi in boxes} == {roifile.ROI_TYPE.RECT}
    assert (boxes[1].xd, boxes[1].yd, boxes[1].widthd) == pytest.approx((12.4, 7.2, 4.8))
    assert (boxes[1].left, boxes[1].top, boxes[1].right, boxes[1].bottom) == (12, 7, 18, 12)
    assert boxes[1].properties == {"class": "Tumor: Positive", "image": "plate/a", "score": 0.999999}
    assert [roi.name for roi in boxes] == ["red_cell-1", "Tumor__Positive-2", "red_cell-3"]
    point, _ = (roi for roi in roifile.roiread(tmp_path / "rois/b.01.zip"))  # type: ignore[union-attr]
    assert point.roitype == roifile.ROI_TYPE.POINT
    np.testing.assert_allclose(point.coordinates(), [[2.6, 4.2]], rtol=1e-6)


def test_napari_reads_centres_as_points_with_features(tmp_path: Path) -> None:
    """Columns as napari.utils.io takes them: axis-* are coordinates, all others but the index are properties."""
    write_regions(tmp_path, regions(), SIZES, ["napari"])
    header, *rows = csv.reader((tmp_path / "napari/plate/a.csv").read_text("utf-8").splitlines())
    assert {"index", "axis-0", "axis-1"} <= set(header)
    assert not {"shape-type", "vertex-index"} & set(header)
    axes = [name.startswith("axis-") for name in header]
    points = np.array(rows)[:, axes].astype(float)
    np.testing.assert_allclose(points[0], [2 + 20 - 0.5, 1 + 15 - 0.5])
    assert [row[header.index("class")] for row in rows] == ["red cell", "Tumor: Positive", "red cell"]


def test_an_image_beyond_the_format_of_imagej_has_no_zip(tmp_path: Path) -> None:
    far = [Region("wide", 70_000, 3, 10, 10, "a")]
    assert write_regions(tmp_path, far, {"wide": (100, 80_000)}, ["fiji"]) == []


def test_large_coordinates_are_read_back_from_rois(tmp_path: Path) -> None:
    far = [Region("wide", 40_000, 3, 10, 10, "a"), Region("wide", 59_000.5, 90, 0, 0, "a")]
    write_regions(tmp_path, far, {"wide": (100, 60_000)}, ["fiji"])
    assert plain(read_regions(tmp_path / "rois")) == plain(far)


def test_letters_that_imagej_cannot_keep_do_not_damage_the_rest(tmp_path: Path) -> None:
    write_regions(tmp_path, [Region("a", 1, 1, 2, 2, "cell \U0001f9eb x", 0.5)], {"a": (9, 9)}, ["fiji"])
    [found] = read_regions(tmp_path / "rois")
    assert (found.image, found.label, found.score) == ("a", "cell \ufffd x", 0.5)


def test_colours_are_those_of_pictures() -> None:
    from dsim.plots import COLOURS as OF_PICTURES

    assert ["#{:02X}{:02X}{:02X}".format(*colour) for colour in COLOURS] == list(OF_PICTURES)
    many = class_colours([str(number) for number in range(9)])
    assert many["7"] == many["0"] != many["1"]


def test_unknown_formats_and_images_are_refused_before_anything_is_written(tmp_path: Path) -> None:
    with pytest.raises(UnknownNameError, match="geojsn") as caught:
        write_regions(tmp_path / "out", [], SIZES, ["csv", "geojsn"])
    assert "geojson" in str(caught.value)
    with pytest.raises(DataError, match="other"):
        write_regions(tmp_path / "out", [Region("other", 0, 0, 1, 1)], SIZES)
    assert not (tmp_path / "out").exists()
