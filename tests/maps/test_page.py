"""The page of a map gets every image's own values and picture, whatever the order of datasets and images."""

from __future__ import annotations

import base64
import io
from typing import Any

import numpy as np
import pytest
from PIL import Image

from dsim.data import from_arrays
from dsim.maps import ImageMap, draw_pictures, nearest_in_features, page_columns, render_image_map
from dsim.runtime import Runtime


def gray_map() -> ImageMap:
    """Two datasets of constant images, each of a gray of its own, in mixed order in the map."""
    count = 30
    values = np.linspace(0, 250, count).astype(np.uint8)
    images = np.ones((count, 16, 16), np.uint8) * values[:, None, None]
    first = from_arrays(images[: count // 3], labels=["a"] * (count // 3), name="first")
    second = from_arrays(images[count // 3 :], name="second")
    points = np.random.default_rng(0).normal(size=(count, 2))
    chart = ImageMap.of([first, second], points, {"density": np.linspace(0, 1, count), "p": np.full(count, np.nan)})
    # Datasets may alternate in a map; the images of each stay in order.
    order = np.argsort(np.concatenate([np.arange(10) * 3 + 0.5, np.arange(20) * 1.5]))
    return ImageMap(
        chart.points[order],
        chart.owners[order],
        chart.datasets,
        tuple(chart.ids[row] for row in order),
        tuple(chart.labels[row] for row in order),
        tuple(chart.groups[row] for row in order),
        {name: column[order] for name, column in chart.columns.items()},
    )


@pytest.fixture
def chart() -> ImageMap:
    return gray_map()


def _gray(chart: ImageMap, row: int) -> int:
    dataset = chart.datasets[chart.owners[row]]
    place = list(dataset.ids).index(chart.ids[row])
    return int(dataset.native(place)[0, 0, 0])


def test_each_picture_is_that_of_its_image(chart: ImageMap) -> None:
    found = draw_pictures(chart, Runtime())
    assert found is not None
    seen = {}
    for sheet in found.sheets:
        picture = Image.open(io.BytesIO(base64.b64decode(sheet.source.partition(",")[2]))).convert("L")
        for cell, image in enumerate(sheet.images):
            row, column = divmod(cell, sheet.columns)
            middle = (column * found.cell + found.cell // 2, row * found.cell + found.cell // 2)
            seen[image] = picture.getpixel(middle)
    assert sorted(seen) == list(range(30))
    # Dark ones are brightened for the eye; the brighter half is as it is.
    bright = [row for row in range(30) if _gray(chart, row) > 128]
    assert all(abs(seen[row] - _gray(chart, row)) <= 6 for row in bright)


def test_columns_without_any_value_are_left_out(chart: ImageMap) -> None:
    columns = {column.name: column for column in page_columns(chart)}
    assert list(columns) == ["label", "density"]
    assert list(columns["label"].values) == list(chart.labels)
    assert all(column.help for column in columns.values())


def test_the_page_is_told_all_that_is_known(chart: ImageMap, monkeypatch: pytest.MonkeyPatch) -> None:
    told: dict[str, Any] = {}

    def keep(contents: Any, title: str, **more: Any) -> str:
        told.update(more, contents=contents)
        return title

    monkeypatch.setattr("dsim.pages.render_map", keep)
    neighbours = np.tile(np.arange(4), (30, 1))
    assert render_image_map(chart, Runtime(), "a map", neighbours=neighbours, description="why") == "a map"
    contents = told["contents"]
    assert list(contents.ids) == list(chart.ids)
    assert [dataset.name for dataset in contents.datasets] == ["first", "second"]
    assert contents.neighbours is neighbours
    assert told["description"] == "why"


def test_neighbours_are_those_in_feature_space() -> None:
    features = np.array([[0.0], [1.0], [1.1], [9.0]], dtype=np.float32)
    near = nearest_in_features(features, 2)
    assert near is not None
    assert near.tolist() == [[1, 2], [2, 0], [1, 0], [2, 1]]
    assert nearest_in_features(features[:1]) is None


def test_images_without_pixels_have_no_pictures() -> None:
    bare = from_arrays(features=np.zeros((4, 3), np.float32), name="bare")
    assert draw_pictures(ImageMap.of([bare], np.zeros((4, 2))), Runtime()) is None
