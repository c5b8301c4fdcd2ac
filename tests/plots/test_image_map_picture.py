"""The picture of a map has a mark for each image, and names each category once."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dsim.errors import UsageError
from dsim.plots.image_map import MOST, category_marks, draw_image_map


def test_every_image_is_in_one_category_and_the_rest_is_gray() -> None:
    names = [f"class {number}" for number in range(MOST + 5) for _ in range(MOST + 6 - number)] + [""] * 3
    groups = category_marks(names)
    assert groups[0][0] == "other"
    assert len(groups) == MOST + 1
    members = np.concatenate([members for *_, members in groups])
    assert sorted(members.tolist()) == list(range(len(names)))
    assert len({(colour, shape) for _, colour, shape, _ in groups}) == MOST + 1


def test_up_to_fourteen_categories_have_colours_of_their_own() -> None:
    colours = [colour for _, colour, _, _ in category_marks([f"class {number}" for number in range(14)])]
    assert len(set(colours)) == 14


@pytest.mark.parametrize("categories", [["a", "b", ""] * 4, [""] * 12, ["$x$ <b>\n"] * 12])
def test_a_picture_is_written_whatever_the_names(tmp_path: Path, categories: list[str]) -> None:
    points = np.random.default_rng(0).normal(size=(12, 2))
    draw_image_map(points, categories, tmp_path / "map.png", "a $title$")
    assert (tmp_path / "map.png").stat().st_size > 1000


def test_points_in_one_place_are_drawn_too(tmp_path: Path) -> None:
    draw_image_map(np.ones((5, 2)), ["a"] * 5, tmp_path / "map.svg", "same")
    assert (tmp_path / "map.svg").is_file()


def test_another_suffix_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError):
        draw_image_map(np.ones((5, 2)), ["a"] * 5, tmp_path / "map.txt", "same")


def test_colours_go_by_name_and_not_by_number_of_images() -> None:
    few, many = (category_marks([*"a" * count, *"bbb"]) for count in (1, 9))
    assert {m.name: m.colour for m in few} == {m.name: m.colour for m in many}
