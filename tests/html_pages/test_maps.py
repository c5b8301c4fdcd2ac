"""The page of a map: its data are what was given, it loads nothing, and its script finds what is pointed at."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_map import HOSTILE, data_of, draw, sources, unpack

from dsim.errors import DataError
from dsim.pages import MapColumn, PointMap, embed_file, make_sheets, make_sprites, pictures, render_map
from dsim.runtime import Runtime


def test_the_page_holds_each_image_in_the_order_that_was_given(contents: PointMap) -> None:
    data = data_of(render_map(contents, "a map"))
    places = unpack(data["points"]).reshape(-1, 2) * data["step"] + data["low"]
    np.testing.assert_allclose(places, contents.points, atol=9 / 65_535 / 2 + 1e-9)
    assert data["ids"].split(data["separator"]) == list(contents.ids)
    assert unpack(data["owners"]).tolist() == [0, 1, 0, 1, 0, 0]
    first, second = data["datasets"]
    assert (first["kind"], second["shape"], second["name"]) == ("microscopy", "x", HOSTILE)
    # The region reaches one unit of the plane beyond the lowest image, and the view shows it whole.
    assert np.array(data["bounds"][:2]) * data["step"] == pytest.approx([-1, -1], abs=1e-3)
    assert data["regions"][0]["name"] == "microscopy"


def test_columns_are_codes_and_numbers_of_every_image(contents: PointMap) -> None:
    label = MapColumn("label", "category", ["10", "9", "", "9", HOSTILE, "10"])
    p = MapColumn("p", "number", np.array([0.5, np.nan, 1, 0, 0.25, 2]), "help")
    data = data_of(render_map(replace(contents, columns=[label, p]), "a"))
    classes, numbers = data["columns"]
    # Numbers come in their order, and no label at all comes last.
    assert classes["names"] == ["9", "10", HOSTILE, ""]
    assert unpack(classes["codes"]).tolist() == [1, 0, 3, 0, 2, 1]
    np.testing.assert_array_equal(unpack(numbers["numbers"]), p.values)
    assert (data["colour"], numbers["help"]) == ("label", "help")


def test_names_with_line_feeds_stay_whole(contents: PointMap) -> None:
    named = replace(contents, ids=["a\nb", *contents.ids[1:]])
    data = data_of(render_map(named, "a"))
    assert data["ids"].split(data["separator"]) == list(named.ids)


def test_many_categories_and_neighbours_take_wider_numbers(contents: PointMap) -> None:
    count = 70_000
    many = PointMap(
        np.random.default_rng(0).normal(size=(count, 2)),
        [str(image) for image in range(count)],
        np.zeros(count, int),
        contents.datasets[:1],
        columns=[MapColumn("group", "category", [str(image // 100) for image in range(count)])],
        neighbours=np.stack([np.arange(count)[::-1], np.full(count, -1)], axis=1),
    )
    data = data_of(render_map(many, "a"))
    (group,) = data["columns"]
    assert group["codes"][0] == "u2"
    assert [group["names"][code] for code in unpack(group["codes"])[[0, 150, -1]]] == ["0", "1", "699"]
    near = unpack(data["neighbours"]["numbers"]).reshape(count, 2)
    assert near[0].tolist() == [count - 1, count]


def test_known_distances_are_those_of_the_page(contents: PointMap) -> None:
    given = np.array([3.0, 1.0, 2.0, 0.5, 1.0, 0.0])
    changed = PointMap(contents.points, contents.ids, contents.owners, contents.datasets, distances=given)
    assert unpack(data_of(render_map(changed, "a"))["distances"]).tolist() == given.tolist()
    assert data_of(render_map(contents, "a"))["distances"] is None


def test_sprites_give_their_cells_to_the_images_that_they_show(contents: PointMap) -> None:
    held = data_of(render_map(replace(contents, sprites=make_sprites(sources(), 2, Runtime())), "a"))["pictures"]
    # The most typical image of each dataset comes first: images 2 and 1 of the first, which are 4 and 5 of the map.
    assert unpack(held["images"]).tolist() == [4, 3, 5, 1]
    assert unpack(held["of"]).tolist() == [0, 1, 0, 1]
    assert unpack(held["cells"]).tolist() == [0, 0, 1, 1]


def test_only_a_page_with_pictures_beside_it_may_read_files(contents: PointMap, tmp_path: Path) -> None:
    inside = replace(contents, sprites=(), pictures=make_sheets(draw, range(6), Runtime()))
    assert "img-src data:;" in render_map(inside, "a")
    outside = replace(inside, pictures=make_sheets(draw, range(6), Runtime(), budget=0, folder=tmp_path / "more"))
    page = render_map(outside, "a")
    assert "img-src data: 'self';" in page
    assert "6 more lie in files beside it" in page


def test_the_page_loads_nothing_and_no_name_becomes_markup(contents: PointMap) -> None:
    page = render_map(contents, HOSTILE, description=HOSTILE, notes=[HOSTILE], fallback=HOSTILE)
    assert page.count("</script>") == 2
    assert "<img src=x" not in page
    assert "<b>0" not in page
    links = re.findall(r'(?:src|href)="([^"]{0,11})', page)
    assert links == ["data:image/"] * 2
    assert render_map(contents, "a") == render_map(contents, "a")


def test_the_page_says_which_pictures_it_holds(contents: PointMap) -> None:
    assert "pictures of all images" in render_map(contents, "a")
    fewer = PointMap(
        contents.points, contents.ids, contents.owners, contents.datasets, make_sprites(sources(), 2, Runtime())
    )
    page = render_map(fewer, "a")
    assert "pictures of 4 of the 6 images" in page
    assert "at most 2 of each dataset" in page
    without = PointMap(contents.points, contents.ids, contents.owners, contents.datasets)
    assert "<img" not in render_map(without, "a")


@pytest.mark.parametrize(
    ("changes", "culprit"),
    [
        ({"points": np.zeros((5, 2))}, r"\(5, 2\)"),
        ({"points": np.full((6, 2), np.nan)}, "finite"),
        ({"owners": np.array([0, 0, 0, 0, 0, 0])}, "2 datasets"),
        ({"distances": np.zeros(3)}, "distances"),
        ({"sprites": ()}, ""),
    ],
)
def test_points_that_make_no_map_are_refused(contents: PointMap, changes: dict[str, Any], culprit: str) -> None:
    fields = {name: getattr(contents, name) for name in ("points", "ids", "owners", "datasets", "sprites")}
    if not culprit:
        assert PointMap(**{**fields, **changes})
        return
    with pytest.raises(DataError, match=culprit):
        PointMap(**{**fields, **changes})


def test_sprites_hold_the_most_typical_and_the_least() -> None:
    sprite = make_sprites(sources(), 2, Runtime())[0]
    assert sprite.cells == (-1, -1, 0, 1)
    assert (sprite.shown, sprite.columns) == (2, 2)


def test_a_page_that_grows_too_large_has_fewer_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    full = sum(sprite.size for sprite in make_sprites(sources(), 9, Runtime()))
    monkeypatch.setattr(pictures, "MOST_BYTES", full - 1)
    fewer = make_sprites(sources(), 9, Runtime())
    assert sum(sprite.size for sprite in fewer) < full
    assert all(sprite.shown >= 1 for sprite in fewer)


def test_a_picture_file_is_made_narrower_and_a_broken_one_is_named(tmp_path: Path) -> None:
    Image.new("RGB", (300, 100)).save(tmp_path / "wide.png")
    found = embed_file(tmp_path / "wide.png", "a picture", 150)
    assert (found.width, found.height, found.alt) == (150, 50, "a picture")
    (tmp_path / "broken.png").write_bytes(b"no picture")
    with pytest.raises(DataError, match=r"broken\.png"):
        embed_file(tmp_path / "broken.png", "", 150)
