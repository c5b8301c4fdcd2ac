"""The page of a map: its data are what was given, it loads nothing, and its script finds what is pointed at."""

from __future__ import annotations

import json
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image
from small_map import HOSTILE, sources

import dsim.pages
from dsim.errors import DataError
from dsim.pages import PointMap, embed_file, make_sprites, pictures, render_map
from dsim.runtime import Runtime

SCRIPT = Path(dsim.pages.__file__).parent / "map.js"


def data_of(page: str) -> Any:
    return json.loads(re.findall(r'id="data">(.*?)</script>', page, re.DOTALL)[0])


def test_the_page_holds_each_dataset_in_the_order_of_its_images(contents: PointMap) -> None:
    data = data_of(render_map(contents, "a map"))
    first, second = data["datasets"]
    assert first["points"] == [[0, 0], [2, 0], [1, 0], [9, 0]]
    assert first["ids"] == ["<b>0", "<b>2", "<b>4", "<b>5"]
    assert first["centre"] == [3, 0]
    assert first["rank"] == [2, 0, 1, 3]
    assert second["distance"] == [1, 1]
    assert (first["kind"], second["shape"], second["name"]) == ("microscopy", "x", HOSTILE)
    assert data["bounds"] == [-1, -1, 10, 5]
    assert data["regions"][0]["name"] == "microscopy"


def test_known_distances_take_the_place_of_those_in_the_plane(contents: PointMap) -> None:
    given = np.array([3.0, 1.0, 2.0, 0.5, 1.0, 0.0])
    changed = PointMap(contents.points, contents.ids, contents.owners, contents.datasets, distances=given)
    assert [each["distance"] for each in data_of(render_map(changed, "a"))["datasets"]] == [[3, 2, 1, 0], [1, 0.5]]


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


def node(code: str) -> Any:
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed: the page's script is not run")
    text = f"const page = require({json.dumps(str(SCRIPT))}); console.log(JSON.stringify({code}))"
    done = subprocess.run([program, "-e", text], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


def test_what_is_under_the_pointer_stays_there_when_zooming() -> None:
    view, at = "{x: 1, y: 2, scale: 10}", "400, 300, 50, 60"
    before, after = node(f"[page.toPlane({view}, {at}), page.toPlane(page.zoomed({view}, 3, {at}), {at})]")
    assert after == pytest.approx(before)


def test_arrows_reach_every_image_even_where_some_coincide() -> None:
    points = "[{x: 0, y: 0}, {x: 0, y: 0}, {x: 1, y: 0}, {x: 5, y: 4}]"
    steps = node(f"[0, 1, 2, 3].map((from) => page.ahead({points}, from, 1, 0))")
    assert steps == [1, 2, 3, -1]
    assert node(f"page.ahead({points}, 1, -1, 0)") == 0


def test_the_pointer_finds_the_nearest_of_five_thousand_at_once() -> None:
    many = "Array.from({length: 5000}, (_, i) => ({x: i % 100, y: Math.floor(i / 100)}))"
    assert node(f"page.nearest({many}, 7.2, 3.1, 1)") == 307
    assert node(f"page.nearest({many}, 7.5, 3.5, 0.1)") == -1


def test_boxes_that_cover_others_are_left_out() -> None:
    assert node("page.free([[0, 0, 2, 2], [1, 1, 3, 3], [2, 2, 4, 4]])") == [True, False, True]


def test_the_search_goes_round_and_leaves_out_what_is_hidden(contents: PointMap) -> None:
    data, everyone = json.dumps(data_of(render_map(contents, "a"))), "() => true"
    searches = [
        ("<B>4", -1, everyone),
        ("CELLS", 2, everyone),
        ("cells", 3, everyone),
        ("<b>", 0, "(point) => point.owner === 1"),
        ("absent", 0, everyone),
        ("  ", 0, everyone),
    ]
    calls = ", ".join(f"page.matching(data, page.flat(data), '{text}', {at}, {who})" for text, at, who in searches)
    assert node(f"((data) => [{calls}])({data})") == [2, 3, 0, 4, -1, -1]


def test_a_box_at_the_edge_is_moved_onto_the_map() -> None:
    assert node(
        "[page.within([90, 0, 130, 9], 100), page.within([-5, 0, 20, 9], 100), page.within([5, 0, 9, 9], 100)]"
    ) == [
        [58, 0, 98, 9],
        [2, 0, 27, 9],
        [5, 0, 9, 9],
    ]


def test_a_name_that_does_not_fit_keeps_both_its_ends() -> None:
    assert node("[9, 7, 1].map((most) => page.shortened('abcdefgh', (text) => text.length <= most))") == [
        "abcdefgh",
        "abc…fgh",
        "ab…",
    ]
