"""The page of a map in headless Chromium: it loads nothing, overflows no screen, and finds what is pointed at."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from small_map import HOSTILE, data_of, draw, unpack

from dsim.pages import MapColumn, MapDataset, PointMap, make_sheets, render_map
from dsim.runtime import Runtime

#: Where an image lies on the screen.
PLACE = """(image) => {
    const box = map.canvas.getBoundingClientRect(), [x, y] = placeOf(map, image);
    return [box.x + x, box.y + y];
}"""
CHOSEN = "[...selectedImages(map)]"
RTL = "\u05e9\u05dc\u05d5\u05dd"


def many(count: int = 900) -> PointMap:
    """Images of two datasets in three clusters, with a class of which two were never labelled, and numbers."""
    rng = np.random.default_rng(3)
    cluster = rng.integers(0, 3, count)
    points = np.array([[0, 0], [8, 1], [3, 7]])[cluster] + rng.normal(size=(count, 2))
    labels = [("round", RTL, HOSTILE)[number] for number in cluster]
    labels[4] = labels[9] = ""
    numbers = rng.random(count)
    numbers[::10] = np.nan
    columns = [MapColumn("label", "category", labels, "what it is"), MapColumn("p", "number", numbers, "how usual")]
    datasets = [MapDataset("cells", "#0072B2", kind="microscopy"), MapDataset(HOSTILE, "#D55E00", "s")]
    near = (np.arange(count)[:, None] + np.arange(1, 4)) % count
    ids = [f"<i>{image}" for image in range(count)]
    return PointMap(points, ids, np.arange(count) % 2, datasets, columns=columns, neighbours=near)


def opened(open_page: Callable[[Path], Any], contents: PointMap, path: Path) -> Any:
    path.write_text(render_map(contents, HOSTILE, description=HOSTILE, notes=[HOSTILE]), "utf-8")
    page = open_page(path)
    page.wait_for_function("() => map.width > 0")
    return page


@pytest.fixture
def page(open_page: Callable[[Path], Any], contents: PointMap, tmp_path: Path) -> Any:
    """The small map in the browser."""
    return opened(open_page, contents, tmp_path / "map.html")


@pytest.fixture
def large(open_page: Callable[[Path], Any], tmp_path: Path) -> Any:
    """The map of 900 images in the browser."""
    return opened(open_page, many(), tmp_path / "map.html")


def drag(page: Any, corners: np.ndarray) -> None:
    """Draw a line with the mouse, from places in the map."""
    box = page.locator("#map").bounding_box()
    for number, (x, y) in enumerate(corners.tolist()):
        page.mouse.move(box["x"] + x, box["y"] + y)
        if number == 0:
            page.mouse.down()
    page.mouse.up()


CIRCLE = np.stack([np.cos(np.linspace(0, 6, 40)), np.sin(np.linspace(0, 6, 40))], axis=1)


def test_it_is_whole_in_a_browser(page: Any) -> None:
    assert page.locator("#map").is_visible()
    assert page.locator("#silent").is_hidden()
    assert page.title() == HOSTILE
    assert page.evaluate("[...document.images].every(each => each.complete && each.naturalWidth > 0)")
    for width in (320, 390, 800, 1200):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_the_image_under_the_pointer_is_shown_with_its_picture(page: Any) -> None:
    assert page.locator("#tip").is_hidden()
    page.mouse.move(*page.evaluate(PLACE, 5))
    assert page.locator("#tip").is_visible()
    assert page.locator("#text").text_content().startswith("<b>5\ndataset: cells, microscopy")
    painted = "() => document.getElementById('picture').getContext('2d').getImageData(0, 0, 96, 60).data.some(Boolean)"
    page.wait_for_function(painted)


def test_a_click_pins_an_image_with_its_neighbours_in_the_plane_and_says_so(page: Any) -> None:
    page.mouse.click(*page.evaluate(PLACE, 5))
    assert page.locator("#pinned h2 bdi").text_content() == "<b>5"
    assert "Nearest in the plane" in page.locator("#pinned").text_content()
    assert page.locator("#pinned .thumb").count() == 5


def test_neighbours_by_features_are_those_that_the_map_was_given(large: Any) -> None:
    large.evaluate("pin(map, 7)")
    assert "by the model's features" in large.locator("#pinned").text_content()
    assert large.locator("#pinned .thumb").nth(0).get_attribute("title").startswith("<i>8\n")


def test_a_lasso_selects_what_python_says_is_inside(large: Any) -> None:
    """The line that was drawn is taken from the page, in units of the plane, and every image judged anew."""
    from test_map_script import inside

    box = large.locator("#map").bounding_box()
    middle, sizes = np.array([box["width"], box["height"]]) / 2, np.array([0.35, 0.3]) * box["height"]
    large.click("[data-mode=lasso]")
    drag(large, middle + CIRCLE * sizes * (1 + 0.5 * np.cos(5 * np.linspace(0, 6, 40)))[:, None])
    chosen = large.evaluate(CHOSEN)
    points = unpack(data_of(large.content())["points"]).reshape(-1, 2).astype(int)
    assert 50 < len(chosen) < 850
    assert chosen == inside(np.array(large.evaluate("map.lastPolygon")), points)


def test_shift_adds_to_the_selection_and_alt_removes_from_it(large: Any) -> None:
    box = large.locator("#map").bounding_box()
    whole = np.array([[2, 45], [box["width"] - 2, box["height"] - 2]])
    half = np.array([[2, 45], [box["width"] / 2, box["height"] - 2]])
    large.click("[data-mode=rectangle]")
    drag(large, half)
    left = set(large.evaluate(CHOSEN))
    low, high = np.sort(np.array(large.evaluate("map.lastPolygon")), axis=0)[[0, -1]]
    points = unpack(data_of(large.content())["points"]).reshape(-1, 2)
    assert left == set(np.flatnonzero(((points > low) & (points < high)).all(axis=1)).tolist())
    assert 100 < len(left) < 800
    large.keyboard.down("Shift")
    drag(large, whole)
    large.keyboard.up("Shift")
    assert len(large.evaluate(CHOSEN)) == 900
    large.keyboard.down("Alt")
    drag(large, half)
    large.keyboard.up("Alt")
    assert set(large.evaluate(CHOSEN)) == set(range(900)) - left


def test_filters_shift_no_index(large: Any) -> None:
    """After classes and numbers are hidden, an image is still found where it was, under its own name."""
    before = large.evaluate(PLACE, 100)
    label = large.evaluate("valueOf(map.data.columns[1], 100)")
    for entry in large.locator("#list .entry").all():
        if entry.locator(".name").text_content() != label:
            entry.locator("input").uncheck()
    assert large.evaluate("map.visibleCount") == sum(name == label for name in many().columns[0].values)
    assert large.evaluate(PLACE, 100) == before
    large.fill("#find", "<i>100")
    assert large.locator("#text").text_content().startswith("<i>100\n")
    hidden = next(place for place, name in enumerate(many().columns[0].values) if name not in (label, ""))
    large.fill("#find", f"<i>{hidden}")
    large.keyboard.press("Enter")
    assert f"<i>{hidden}\n" not in large.locator("#text").text_content()
    large.evaluate("selectWhere(map, () => true, 'new')")
    assert large.evaluate(CHOSEN) == [place for place, name in enumerate(many().columns[0].values) if name == label]
    large.select_option("#colour", "p")
    large.get_by_label("Show only p from").fill("0.5")
    large.keyboard.press("Enter")
    shown = large.evaluate("[...map.visible.keys()].filter((image) => map.visible[image])")
    numbers = many().columns[1].values
    wanted = [name == label and not value < 0.5 for name, value in zip(many().columns[0].values, numbers, strict=True)]
    assert shown == np.flatnonzero(wanted).tolist()
    large.get_by_label("Lift the filter by label").click()
    large.get_by_label("Lift the filter by p").click()
    assert large.evaluate("map.visibleCount") == 900


def test_labels_are_given_taken_back_and_downloaded(large: Any) -> None:
    large.evaluate("select(map, [4, 9, 20])")
    assert large.locator("#selection h2").text_content() == "3 selected"
    assert large.locator("#selection .thumb").count() == 3
    large.fill("#label", "-mitosis")
    large.keyboard.press("Enter")
    assert "3 labels changed" in large.locator("#selection").text_content()
    large.evaluate("undoLabel(map)")
    assert large.evaluate("map.edited.size") == 0
    large.fill("#label", "-mitosis")
    large.keyboard.press("Enter")
    with large.expect_download() as download:
        large.click("#labels-csv")
    assert download.value.suggested_filename == "labels.csv"
    rows = list(csv.DictReader(io.StringIO(Path(download.value.path()).read_text("utf-8"))))
    expected = list(many().columns[0].values)
    for place in (4, 9, 20):
        expected[place] = "'-mitosis"  # guarded: a spreadsheet takes it for no formula, and dsim reads it without
    assert [row["label"] for row in rows] == expected
    assert [row["file"] for row in rows] == [f"<i>{image}" for image in range(900)]
    assert rows[1]["dataset"] == HOSTILE


def test_a_map_without_labels_can_be_given_some(page: Any) -> None:
    page.evaluate("select(map, [0, 5])")
    page.fill("#label", "first")
    page.keyboard.press("Enter")
    assert page.evaluate("labelsCsv(map.data)").splitlines()[:2] == ["file,dataset,label", "<b>0,cells,first"]
    assert page.locator("#colour option").all_text_contents() == ["dataset", "label"]


def test_everything_is_reached_by_keys(large: Any) -> None:
    large.locator("#map").focus()
    large.keyboard.press("?")
    listed = large.locator("#keys").text_content()
    large.keyboard.press("Escape")
    assert large.locator("#keys").is_hidden()
    keys = large.evaluate("KEYS.flatMap(([names]) => names)")
    spoken = {"ArrowRight": "arrows", "ArrowLeft": "arrows", "ArrowUp": "arrows", "ArrowDown": "arrows", " ": "space"}
    unlisted = {".", ",", "="}  # distances are not known; the unshifted plus
    assert all(spoken.get(key, key) in listed for key in keys if key not in unlisted)
    large.keyboard.press("ArrowRight")
    large.keyboard.press("Enter")
    large.keyboard.press("k")
    pinned = large.evaluate("map.pinned")
    assert large.evaluate(CHOSEN) == sorted((pinned + step) % 900 for step in range(4))
    large.keyboard.press("e")
    labels = many().columns[0].values
    assert set(large.evaluate(CHOSEN)) >= {place for place, name in enumerate(labels) if name == labels[pinned]}
    large.keyboard.press("d")
    assert large.evaluate(CHOSEN) == []
    large.keyboard.press("c")
    assert large.evaluate("map.column.name") == "p"
    large.keyboard.press("f")
    assert large.evaluate("document.activeElement.id") == "find"


#: Headless Chromium computes WebGL2 without a graphics card, which the page refuses unless it does not hear of it.
ANY_WEBGL = """const get = WebGL2RenderingContext.prototype.getExtension;
    WebGL2RenderingContext.prototype.getExtension = function (name) {
        return name === "WEBGL_debug_renderer_info" ? null : get.call(this, name);
    };"""
#: The colour that was drawn where an image lies.
DRAWN = """(image) => {
    const [x, y] = placeOf(map, image).map((at) => Math.round(at * map.ratio));
    const canvas = document.getElementById("dots");
    const flat = document.createElement("canvas").getContext("2d");
    flat.canvas.width = canvas.width; flat.canvas.height = canvas.height;
    flat.fillStyle = "#ffffff"; flat.fillRect(0, 0, canvas.width, canvas.height);
    drawDots(map, 0); // what WebGL2 has drawn is there until the browser has shown it
    flat.drawImage(canvas, 0, 0);
    return [...flat.getImageData(x, y, 1, 1).data].slice(0, 3);
}"""


def test_both_ways_of_drawing_show_the_same_and_one_follows_the_other(browser: Any, tmp_path: Path) -> None:
    """By WebGL2 first; when it is lost, as without a graphics card, on a flat canvas."""
    (tmp_path / "map.html").write_text(render_map(many(), "map"), "utf-8")
    page = browser.new_page()
    page.add_init_script(ANY_WEBGL)
    page.goto((tmp_path / "map.html").as_uri())
    page.wait_for_function("() => map.width > 0")
    assert page.evaluate("map.renderer.kind") == "webgl2"
    page.evaluate("select(map, [100])")
    wanted = page.evaluate("channels(colourOf(map.column, 100))")
    for kind in ("webgl2", "canvas"):
        page.wait_for_function(f"() => map.renderer.kind === '{kind}' && !map.queued")
        drawn = page.evaluate(DRAWN, 100)
        assert np.abs(np.array(drawn) - wanted).max() < 40, kind
        if kind == "webgl2":
            gl = "document.getElementById('dots').getContext('webgl2')"
            page.evaluate(f"{gl}.getExtension('WEBGL_lose_context').loseContext()")


def test_more_pictures_lie_beside_the_page_and_nothing_else_is_read(browser: Any, tmp_path: Path) -> None:
    contents = many(30)
    sheets = make_sheets(draw, range(30), Runtime(), budget=0, folder=tmp_path / "cells pictures")
    (tmp_path / "map.html").write_text(render_map(replace(contents, pictures=sheets), "map"), "utf-8")
    page, requests = browser.new_page(), list[str]()
    page.on("request", lambda request: requests.append(request.url))
    page.goto((tmp_path / "map.html").as_uri())
    page.wait_for_function("() => map.width > 0")
    page.evaluate("pin(map, 3)")
    page.wait_for_function("() => document.querySelector('#pinned .large') && map.sheets[0].naturalWidth > 0")
    folder = (tmp_path / "cells pictures").as_uri()
    assert [url for url in requests if not url.startswith(folder)] == [(tmp_path / "map.html").as_uri()]


def test_a_finger_pins_and_two_zoom(browser: Any, tmp_path: Path) -> None:
    (tmp_path / "map.html").write_text(render_map(many(), "map"), "utf-8")
    page = browser.new_page(viewport={"width": 390, "height": 844}, has_touch=True)
    page.goto((tmp_path / "map.html").as_uri())
    page.wait_for_function("() => map.width > 0")
    page.touchscreen.tap(*page.evaluate(PLACE, 50))
    assert page.evaluate("map.pinned") >= 0
    assert page.locator("#pinned").is_visible()
    before = page.evaluate("map.view.scale")
    page.evaluate("""() => {
        const fire = (type, pointerId, x, y) => map.canvas.dispatchEvent(new PointerEvent(type,
            { pointerId, pointerType: "touch", clientX: x, clientY: y, bubbles: true }));
        map.canvas.setPointerCapture = () => {};
        fire("pointerdown", 1, 150, 300); fire("pointerdown", 2, 200, 300); fire("pointermove", 2, 250, 300);
        fire("pointerup", 1, 150, 300); fire("pointerup", 2, 250, 300);
    }""")
    assert page.evaluate("map.view.scale") == pytest.approx(2 * before)
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


LONG = "a_very_long_name_of_a_dataset_that_nobody_shortened_2024_v3"


@pytest.mark.parametrize("width", [320, 390])
def test_a_long_name_is_read_on_a_phone(
    open_page: Callable[[Path], Any], contents: PointMap, tmp_path: Path, width: int
) -> None:
    """It breaks into few lines in list and table, and pushes nothing off the screen."""
    first, second = contents.datasets
    named = replace(contents, datasets=[replace(first, name=LONG, kind=LONG), second])
    page = opened(open_page, named, tmp_path / "map.html")
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    lines = "(cell) => cell.getClientRects()[0].height / parseFloat(getComputedStyle(cell).lineHeight)"
    assert page.locator("tbody th").first.evaluate(lines) < 7
    assert page.locator("#list .count").first.evaluate(lines) < 1.5
    assert page.locator(".plot").bounding_box()["height"] < 1.4 * width


def test_names_are_kept_apart_from_the_direction_of_what_is_around_them(large: Any) -> None:
    isolated = large.evaluate("[...document.querySelectorAll('#list .name bdi')].map((each) => each.textContent)")
    assert set(isolated) == {"round", RTL, HOSTILE, "none"}
