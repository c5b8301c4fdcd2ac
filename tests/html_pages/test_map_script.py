"""The functions of the map's script, run by node: what is near, inside, shown and written is what Python says."""

from __future__ import annotations

import csv
import io
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import matplotlib
import numpy as np
import pytest
from small_map import HOSTILE, data_of

from dsim.data.readers.manifest import read_table
from dsim.pages import MapColumn, PointMap, render_map
from dsim.pages.maps import map_script
from dsim.plots.style import ROLE_COLOURS, SHAPES

RNG = np.random.default_rng(0)
#: Places of the page, clumped so that some cells of its grid hold many.
POINTS = np.clip(RNG.normal(30_000, 9_000, (3000, 2)), 0, 65_535).round().astype(int)
POINTS[:50] = POINTS[0]


@pytest.fixture
def node(tmp_path: Path) -> Any:
    """``node(code, **values)`` is the value of an expression after the page's script, with these values at hand."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed: the functions of the page's script are run in the browser only")

    def run(code: str, **values: Any) -> Any:
        given = "".join(f"const {name} = {json.dumps(value)};\n" for name, value in values.items())
        (tmp_path / "script.js").write_text(f"{map_script()}\n{given}console.log(JSON.stringify({code}));", "utf-8")
        command = [program, str(tmp_path / "script.js")]
        done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60, encoding="utf-8")
        return json.loads(done.stdout)

    return run


GRID = "buildGrid(Uint16Array.from(flat), flat.length / 2)"
FLAT = POINTS.ravel().tolist()


def test_the_nearest_image_is_that_of_all(node: Any) -> None:
    asked = [*RNG.uniform(0, 65_535, (200, 2)).tolist(), [-9e4, 2e5], POINTS[0].tolist()]
    answers = node(f"((grid) => asked.map(([x, y]) => nearest(grid, x, y, Infinity)))({GRID})", flat=FLAT, asked=asked)
    expected = [int(((POINTS - place) ** 2).sum(axis=1).argmin()) for place in asked]
    assert answers == expected
    near = f"((grid) => [nearest(grid, 9, 9, 1), nearest(grid, x, y, 5, (i) => i > 7)])({GRID})"
    assert node(near, flat=FLAT, x=int(POINTS[0, 0]), y=int(POINTS[0, 1])) == [-1, 8]


def test_neighbours_in_the_plane_are_the_nearest_ones(node: Any) -> None:
    answers = node(f"((grid) => [7, 99, 2000].map((i) => nearestMany(grid, i, 12)))({GRID})", flat=FLAT)
    for image, answer in zip((7, 99, 2000), answers, strict=True):
        away = ((POINTS - POINTS[image]) ** 2).sum(axis=1)
        assert sorted(away[answer].tolist()) == np.sort(np.delete(away, image))[:12].tolist()
        assert image not in answer


def inside(corners: np.ndarray, points: np.ndarray) -> list[int]:
    """The points inside a polygon by the even-odd rule, written as in the literature (Haines 1994)."""
    result = []
    for place, (x, y) in enumerate(points.tolist()):
        odd = False
        for (ax, ay), (bx, by) in zip(corners.tolist(), np.roll(corners, -1, axis=0).tolist(), strict=True):
            if (ay > y) != (by > y) and x < (bx - ax) * (y - ay) / (by - ay) + ax:
                odd = not odd
        if odd:
            result.append(place)
    return result


@pytest.mark.parametrize("kind", ["star", "crossing itself", "beyond the map", "thin"])
def test_what_a_polygon_holds_is_what_python_says(node: Any, kind: str) -> None:
    angle = np.linspace(0, 2 * np.pi, 61)[:-1]
    corners = {
        "star": 30_000 + np.stack([np.cos(angle), np.sin(angle)], 1) * (6000 + 5000 * np.cos(7 * angle))[:, None],
        "crossing itself": RNG.uniform(15_000, 45_000, (9, 2)),
        "beyond the map": np.array([[-5e4, 20_000.5], [9e4, 25_000.25], [9e4, 40_000], [-5e4, 30_000.0]]),
        "thin": np.array([[0, 30_000], [65_535, 30_001], [65_535, 30_002.0]]),
    }[kind]
    code = f"((found) => (insidePolygon({GRID}, corners, (i) => found.push(i)), found.sort((a, b) => a - b)))([])"
    assert node(code, flat=FLAT, corners=corners.tolist()) == inside(corners, POINTS)


def test_what_is_under_the_pointer_stays_there_when_zooming(node: Any) -> None:
    view, at = "{x: 1, y: 2, scale: 10}", "400, 300, 50, 60"
    before, after = node(f"[toPlane({view}, {at}), toPlane(zoomed({view}, 3, {at}), {at})]")
    assert after == pytest.approx(before)


def test_arrows_reach_every_image_even_where_some_coincide(node: Any) -> None:
    points = [0, 0, 0, 0, 1, 0, 5, 4]
    assert node("[0, 1, 2, 3].map((from) => ahead(points, 4, from, 1, 0))", points=points) == [1, 2, 3, -1]
    assert node("ahead(points, 4, 1, -1, 0)", points=points) == 0


def test_boxes_that_cover_others_are_left_out(node: Any) -> None:
    assert node("free([[0, 0, 2, 2], [1, 1, 3, 3], [2, 2, 4, 4]])") == [True, False, True]
    middles = RNG.uniform(0, 900, (400, 2))
    fits = node("((room) => middles.map(([x, y]) => room(x, y)))(spaceFor(60))", middles=middles.tolist())
    placed: list[np.ndarray] = []
    for middle, fit in zip(middles, fits, strict=True):
        assert fit == all((np.abs(middle - other) >= 60).any() for other in placed)
        placed += [middle] if fit else []


def test_a_box_at_the_edge_is_moved_onto_the_map(node: Any) -> None:
    boxes = [[90, 0, 130, 9], [-5, 0, 20, 9], [5, 0, 9, 9]]
    assert node("boxes.map((box) => within(box, 100))", boxes=boxes) == [[58, 0, 98, 9], [2, 0, 27, 9], [5, 0, 9, 9]]


def test_a_name_that_does_not_fit_keeps_both_its_ends(node: Any) -> None:
    code = "[9, 7, 1].map((most) => shortened('abcdefgh', (text) => text.length <= most))"
    assert node(code) == ["abcdefgh", "abc…fgh", "ab…"]


def test_names_that_turn_the_text_around_them_become_boxes(node: Any) -> None:
    assert node("shownName(name)", name="a\u202eb\nc\u200dक") == "a□b□c\u200dक"


def with_columns(contents: PointMap) -> dict[str, Any]:
    columns = [
        MapColumn("label", "category", ["a", "b", "", '=1+1,"x"', "a", "-"]),
        MapColumn("group", "category", ["g1"] * 5 + ["@h"]),
        MapColumn("p", "number", np.array([0.5, np.nan, -0.25, 0, 1e-7, 2])),
    ]
    fields = {name: getattr(contents, name) for name in ("points", "ids", "owners", "datasets")}
    return data_of(render_map(PointMap(**fields, columns=columns), "a"))


def test_the_search_finds_names_and_categories_whatever_their_case(node: Any, contents: PointMap) -> None:
    raw = with_columns(contents)
    code = "((data) => texts.map((text) => [...matching(data, text).keys()].filter((i) => matching(data, text)[i])))"
    found = node(f"{code}(readData(raw))", raw=raw, texts=["<B>4", "CELLS", HOSTILE, "G1", "absent", "  "])
    assert found == [[4], [0, 2, 4, 5], [1, 3], [0, 1, 2, 3, 4], [], []]
    assert node("[-1, 0, 3].map((from) => nextOf([0, 1, 0, 1], from, (i) => i !== hidden))", hidden=3) == [1, 1, 1]


def test_filters_add_up_and_change_no_order(node: Any, contents: PointMap) -> None:
    code = """((data) => {
        data.columns[1].shown[data.columns[1].names.indexOf("b")] = false;
        const one = [...passing(data.columns, data.count)];
        Object.assign(data.columns[3], { from: 0, missing: false });
        const both = [...passing(data.columns, data.count)];
        data.columns.forEach(clearFilter);
        return [one, both, [...passing(data.columns, data.count)]];
    })(readData(raw))"""
    assert node(code, raw=with_columns(contents)) == [[1, 0, 1, 1, 1, 1], [1, 0, 0, 1, 1, 1], [1] * 6]


def test_tables_hold_what_the_page_holds_and_no_formula(node: Any, contents: PointMap, tmp_path: Path) -> None:
    raw = with_columns(contents)
    labels, table = node("((data) => [labelsCsv(data), imagesCsv(data, [3, 0, 1])])(readData(raw))", raw=raw)
    rows = list(csv.reader(io.StringIO(table)))
    assert rows[0] == ["file", "dataset", "label", "group", "p", "x", "y"]
    assert [row[0] for row in rows[1:]] == ["<b>3", "<b>0", "<b>1"]
    assert [row[4] for row in rows[1:]] == ["0", "0.5", ""]
    assert [float(row[5]) for row in rows[1:]] == pytest.approx([7, 0, 5], abs=1e-3)
    assert rows[1][1:3] == [HOSTILE, '\'=1+1,"x"']
    (tmp_path / "labels.csv").write_text(labels, "utf-8")
    read = read_table(tmp_path / "labels.csv", key="file", columns=("dataset", "label", "group"))
    assert [row.key for row in read] == list(contents.ids)
    assert [row.get("label") for row in read] == ["a", "b", None, '\'=1+1,"x"', "a", "'-"]
    assert read[5].get("group") == "'@h"


def test_colours_are_those_of_dsims_pictures(node: Any) -> None:
    colours, filled, scale = node("[COLOURS, FILLED, SEQUENCE]")
    assert colours == [*ROLE_COLOURS["source"], *ROLE_COLOURS["target"]]
    assert tuple(filled) == SHAPES["source"]
    stops = matplotlib.colormaps["viridis"](np.linspace(0.8, 0, len(scale)))
    assert [colour.lower() for colour in scale] == [matplotlib.colors.to_hex(stop) for stop in stops]
    names = [str(number) for number in range(56)]
    assert len({json.dumps(look) for look in node("looksOf(names)", names=names)}) == 56


def test_numbers_are_coloured_by_their_place_and_none_is_gray(node: Any) -> None:
    code = """((column) => [column.low, column.high, column.without, [...paintPoints(column, 4)]])(
        ready({ name: "p", kind: "number", numbers: Float32Array.from([NaN, -5, 5, 0]) }))"""
    low, high, without, looks = node(code)
    assert (low, high, without) == (-5, 5, 1)
    assert [look & 0xFFFFFF for look in looks[:3]] == [0xB4B4B4, 0x51D17A, 0x540144]


def test_the_order_of_drawing_holds_every_image_once_and_mixes_datasets(node: Any) -> None:
    column = "{ kind: 'category', names: ['a', ''], codes: Array.from({ length: 1000 }, (_, i) => (i === 7 ? 1 : 0)) }"
    code = f"[...drawingOrder({column}, 1000)]"
    order = node(code)
    assert sorted(order) == list(range(1000))
    assert order[0] == 7
    first = np.array(order[1:101])
    assert 30 < (first < 500).sum() < 70


def test_the_name_of_a_class_in_two_parts_stands_in_the_larger_one(node: Any) -> None:
    points = [[100 + k, 100] for k in range(9)] + [[60_000 + k, 60_000] for k in range(20)]
    code = "middlesOf({ names: ['a', 'b'], codes: new Array(29).fill(0) }, flat, new Array(29).fill(1), false)"
    middles = node(code, flat=np.array(points).ravel().tolist())
    assert middles == [[60_009.5, 60_000], None]
