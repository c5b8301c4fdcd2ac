"""Pictures of a map: every part of it shows some, they keep within the budget, and the rest stands beside the page."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from small_map import draw

from dsim.errors import DataError
from dsim.pages import CELL, MapColumn, PointMap, choose_pictures, make_sheets
from dsim.runtime import Runtime


def cells(points: np.ndarray, side: int) -> set[tuple[int, int]]:
    """Which cells of a grid over all points hold one."""
    return {(int(x), int(y)) for x, y in np.minimum(points * side, side - 1)}


def test_every_part_of_a_map_shows_a_picture() -> None:
    """Even the part where one image in a thousand lies, which a random choice would leave out."""
    rng = np.random.default_rng(0)
    dense, rare = rng.normal(0.2, 0.03, (5000, 2)), rng.uniform(0.6, 1.0, (5, 2))
    points = np.clip(np.concatenate([dense, rare, [[0, 0], [1, 1]]]), 0, 1)
    chosen = choose_pictures(points, 100)
    assert len(set(chosen.tolist())) == 100
    assert cells(points[chosen], 8) == cells(points, 8)
    # The first few of them do so more coarsely: they are what is drawn where there is little room.
    assert cells(points[chosen[:16]], 2) == cells(points, 2)


def test_all_images_are_chosen_where_there_is_room_and_the_choice_is_the_same_again() -> None:
    points = np.repeat(np.random.default_rng(1).normal(size=(20, 2)), 3, axis=0)  # some coincide
    assert sorted(choose_pictures(points, 99).tolist()) == list(range(60))
    assert choose_pictures(points, 30).tolist() == choose_pictures(points, 30).tolist()
    assert choose_pictures(points * 5 - 3, 30).tolist() == choose_pictures(points, 30).tolist()


def test_pictures_keep_within_the_budget_and_the_rest_goes_beside_the_page(tmp_path: Path) -> None:
    whole = make_sheets(draw, range(40), Runtime())
    assert (whole.shown, whole.beside) == (40, 0)
    fewer = make_sheets(draw, range(40), Runtime(), budget=whole.size // 2)
    assert 0 < fewer.size <= whole.size // 2
    assert [image for sheet in fewer.sheets for image in sheet.images] == list(range(fewer.shown))
    more = make_sheets(draw, range(40), Runtime(), budget=whole.size // 2, folder=tmp_path / "my pictures")
    assert (more.shown, more.size) == (40, fewer.size)
    (file,) = (tmp_path / "my pictures").iterdir()
    assert more.sheets[-1].source == f"my%20pictures/{file.name}"
    with Image.open(file) as sheet:
        assert sheet.width == more.sheets[-1].columns * CELL


def test_nothing_is_pictured_where_not_one_picture_fits() -> None:
    assert make_sheets(draw, range(3), Runtime(), budget=10).sheets == ()


@pytest.mark.parametrize(
    ("arguments", "culprit"),
    [
        (("dataset", "category", ["a"]), "dataset"),
        (("p", "number", ["a"]), "numbers"),
        (("p", "number", [np.inf]), "infinity"),
        (("p", "colour", [1.0]), "kind"),
        (("p", "category", [1.0]), "texts"),
    ],
)
def test_values_that_are_not_of_their_kind_are_refused(arguments: tuple[object, ...], culprit: str) -> None:
    with pytest.raises(DataError, match=culprit):
        MapColumn(*arguments)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("extras", "culprit"),
    [
        ({"columns": [MapColumn("p", "number", [1.0])]}, "1 values of the column 'p'"),
        ({"columns": [MapColumn("p", "number", np.zeros(6))] * 2}, "share a name"),
        ({"colour": "q"}, "'q'"),
        ({"neighbours": np.full((6, 2), 6)}, "neighbours"),
        ({"neighbours": np.zeros((5, 2), int)}, "neighbours"),
    ],
)
def test_columns_and_neighbours_belong_to_the_images(
    contents: PointMap, extras: dict[str, object], culprit: str
) -> None:
    with pytest.raises(DataError, match=culprit):
        PointMap(contents.points, contents.ids, contents.owners, contents.datasets, **extras)  # type: ignore[arg-type]
