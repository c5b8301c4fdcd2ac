"""What annotation tools read: each format is read back by other code than wrote it, and gives the mask exactly."""

from __future__ import annotations

import io
import json
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import roifile
from numpy.typing import NDArray
from PIL import Image
from scipy import ndimage

from dsim.annotations import coco, geojson
from dsim.annotations.fiji_rois import roi_zip
from dsim.annotations.masks import write_mask, write_probabilities
from dsim.annotations.outlines import outlined


def holed(seed: int = 0, shape: tuple[int, int] = (40, 50)) -> NDArray[np.bool_]:
    """Objects with holes, and objects in parts."""
    noise = ndimage.gaussian_filter(np.random.default_rng(seed).random(shape), 1.5)
    mask: NDArray[np.bool_] = np.abs(noise - np.median(noise)) < 0.03
    return mask


def inside(rings: list[NDArray[Any]], shape: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels whose centres matplotlib takes to be inside an odd number of rings."""
    from matplotlib.path import Path as Outline

    y, x = np.indices(shape)
    centres = np.stack([x.ravel(), y.ravel()], axis=1) + 0.5
    counts = sum(Outline(np.vstack([ring, ring[:1]])).contains_points(centres).astype(int) for ring in rings)
    return (np.asarray(counts) % 2 == 1).reshape(shape)


def decoded(segmentation: dict[str, Any]) -> NDArray[np.bool_]:
    """COCO's compressed RLE, as its API describes it; written from that, not from our encoder."""
    height, width = segmentation["size"]
    lengths: list[int] = []
    letters = iter(segmentation["counts"].encode())
    for letter in letters:
        value, shift = (letter - 48) & 31, 5
        more = (letter - 48) & 32
        last = letter - 48
        while more:
            last = next(letters) - 48
            value |= (last & 31) << shift
            shift += 5
            more = last & 32
        if last & 16:
            value -= 1 << shift
        lengths.append(value + (lengths[-2] if len(lengths) > 2 else 0))
    assert sum(lengths) == height * width
    values = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
    return values.reshape(width, height).T


def test_coco_gives_every_object_exactly() -> None:
    kinds = set()
    for seed in range(12):
        mask = holed(seed)
        for one in outlined(mask):
            alone = np.zeros(mask.shape, bool)
            alone[one.rows, one.columns] = True
            written = coco.coco_annotation(one, mask.shape, 0.75)
            where = written["segmentation"]
            kinds.add(type(where))
            if isinstance(where, dict):
                again = decoded(where)
            else:
                again = inside([np.reshape(ring, (-1, 2)) for ring in where], mask.shape)
            np.testing.assert_array_equal(again, alone)
            assert written["area"] == alone.sum()
            left, top, width, height = written["bbox"]
            assert alone[top : top + height, left : left + width].sum() == alone.sum()
    assert kinds == {dict, list}


def test_run_lengths_survive_long_runs_and_falling_lengths() -> None:
    """Lengths of several letters, and changes below zero."""
    rng = np.random.default_rng(1)
    for _ in range(50):
        lengths = [int(rng.integers(0, 3)), *rng.integers(1, 10 ** rng.integers(1, 6), 9).tolist()]
        where = {"size": [sum(lengths), 1], "counts": coco.compress_run_lengths(lengths)}
        expected = np.repeat(np.arange(len(lengths)) % 2 == 1, lengths)
        np.testing.assert_array_equal(decoded(where)[:, 0], expected)


def test_run_lengths_of_a_frozen_example() -> None:
    """Counts and text that pycocotools 2.0.11 gives for this mask."""
    mask = np.array([[0, 1, 1, 0], [0, 1, 1, 1], [1, 0, 0, 1]], bool)
    rows, columns = np.nonzero(mask)
    assert coco.run_lengths(rows, columns, (3, 4)) == [2, 3, 1, 2, 2, 2]
    assert coco.compress_run_lengths([2, 3, 1, 2, 2, 2]) == "231O10"


def test_coco_files_number_what_they_hold(tmp_path: Path) -> None:
    mask = holed()
    found = [coco.coco_annotation(one, mask.shape, 0.5) for one in outlined(mask)]
    images = [{"id": 1, "file_name": "ä.png", "width": 50, "height": 40}, {"id": 2, "file_name": "b.png"}]
    coco.write_coco(
        tmp_path / "coco.json", "about", ["nucleus"], iter(images), iter([(1, found), (2, []), (3, found[:1])])
    )
    document = json.loads((tmp_path / "coco.json").read_text("utf-8"))
    assert document["images"] == images
    assert document["categories"] == [{"id": 1, "name": "nucleus", "supercategory": ""}]
    assert [one["id"] for one in document["annotations"]] == list(range(1, len(found) + 2))
    assert [one["image_id"] for one in document["annotations"]] == [1] * len(found) + [3]
    assert document["annotations"][0] | {"id": 0, "image_id": 0} == found[0] | {"id": 0, "image_id": 0}


def test_a_coco_file_of_nothing_is_json(tmp_path: Path) -> None:
    coco.write_coco(tmp_path / "coco.json", "about", ["nucleus"], [], [])
    document = json.loads((tmp_path / "coco.json").read_text("utf-8"))
    assert (document["images"], document["annotations"]) == ([], [])


def test_geojson_is_what_qupath_imports() -> None:
    mask = holed(3)
    found = outlined(mask)
    text = geojson.feature_collection(found, [0.8] * len(found), "nucleus", "key")
    document = json.loads(text)
    assert document["type"] == "FeatureCollection"
    again = np.zeros(mask.shape, bool)
    for feature in document["features"]:
        assert feature["properties"]["objectType"] == "annotation"
        assert feature["properties"]["classification"] == {"name": "nucleus", "color": [0, 230, 255]}
        assert feature["properties"]["measurements"] == [{"name": "Mean probability", "value": 0.8}]
        kind, places = feature["geometry"]["type"], feature["geometry"]["coordinates"]
        rings = [ring for polygon in (places if kind == "MultiPolygon" else [places]) for ring in polygon]
        assert all(ring[0] == ring[-1] and len(ring) >= 5 for ring in rings)
        again |= inside([np.array(ring[:-1]) for ring in rings], mask.shape)
    np.testing.assert_array_equal(again, mask)
    assert {feature["geometry"]["type"] for feature in document["features"]} == {"Polygon", "MultiPolygon"}
    assert len({feature["id"] for feature in document["features"]}) == len(found)
    assert geojson.feature_collection(found, [0.8] * len(found), "nucleus", "key") == text


def test_geojson_of_nothing_is_an_empty_collection() -> None:
    text = geojson.feature_collection([], [], "nucleus", "key")
    assert json.loads(text) == {"type": "FeatureCollection", "features": []}


def read_rois(content: bytes) -> list[roifile.ImagejRoi]:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return [roifile.ImagejRoi.frombytes(archive.read(name)) for name in archive.namelist()]


def test_a_roi_zip_gives_the_mask_exactly() -> None:
    mask = holed(3)
    rois = read_rois(roi_zip(outlined(mask), "nucleus"))
    again = np.zeros(mask.shape, bool)
    for roi in rois:
        rings = [np.asarray(ring) for ring in roi.coordinates(multi=True)]
        again |= inside(rings, mask.shape)
        x, y = np.vstack(rings).T
        assert (roi.left, roi.top, roi.right, roi.bottom) == (x.min(), y.min(), x.max(), y.max())
        assert roi.position == 0
    np.testing.assert_array_equal(again, mask)
    assert {roi.composite for roi in rois} == {True, False}
    assert {roi.roitype for roi in rois if not roi.composite} == {roifile.ROI_TYPE.TRACED}
    assert [roi.name for roi in rois[:2]] == [f"nucleus-{n:0{len(str(len(rois)))}d}" for n in (1, 2)]


def test_rois_of_a_page_stand_on_that_page_and_the_bytes_are_always_the_same() -> None:
    found = outlined(holed())
    assert {roi.position for roi in read_rois(roi_zip(found, "a", page=4))} == {5}
    assert roi_zip(found, "a") == roi_zip(found, "a")


def test_a_label_with_a_slash_is_no_folder_in_the_zip() -> None:
    with zipfile.ZipFile(io.BytesIO(roi_zip(outlined(np.ones((2, 2), bool)), "tumour/stroma"))) as archive:
        assert archive.namelist() == ["tumour_stroma-1.roi"]


def test_corners_beyond_15_bits_come_back() -> None:
    mask = np.zeros((2, 40_000), bool)
    mask[:, 39_990:] = True
    [roi] = read_rois(roi_zip(outlined(mask), "a"))
    assert np.asarray(roi.coordinates()).max(axis=0).tolist() == [40_000, 2]


def test_masks_are_0_and_255(tmp_path: Path) -> None:
    write_mask(tmp_path / "a.png", holed())
    with Image.open(tmp_path / "a.png") as image:
        assert image.mode == "L"
        np.testing.assert_array_equal(np.asarray(image), holed() * np.uint8(255))


@pytest.mark.parametrize(("suffix", "tolerance"), [("png", 0.5 / 65535), ("tif", 0.0)])
def test_probability_maps_come_back(tmp_path: Path, suffix: str, tolerance: float) -> None:
    import tifffile

    wanted = np.random.default_rng(0).random((20, 30), np.float32)
    path = tmp_path / f"a.{suffix}"
    write_probabilities(path, wanted)
    if suffix == "tif":
        found = tifffile.imread(path)
        assert found.dtype == np.float32
    else:
        with Image.open(path) as image:
            assert image.mode == "I;16"
            found = np.asarray(image) / 65535
    np.testing.assert_allclose(found, wanted, rtol=0, atol=tolerance + 1e-7)
