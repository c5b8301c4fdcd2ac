"""The page of a map in headless Chromium: it loads nothing, overflows no screen, and finds what is pointed at."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from small_map import HOSTILE

from dsim.pages import PointMap, render_map

#: Where the image of dataset 0 with this number lies on the screen, while the whole map is shown.
PLACE = """(number) => {
    const data = JSON.parse(document.getElementById("data").textContent), canvas = document.getElementById("map");
    const size = [canvas.clientWidth, canvas.clientHeight], box = canvas.getBoundingClientRect();
    const [x, y] = toPixels(fitted(data.bounds, ...size), ...size, ...data.datasets[0].points[number]);
    return [box.x + x, box.y + y];
}"""


@pytest.fixture
def page(open_page: Callable[[Path], Any], contents: PointMap, tmp_path: Path) -> Any:
    """The small map in the browser."""
    file = tmp_path / "map.html"
    file.write_text(render_map(contents, HOSTILE, description=HOSTILE, notes=[HOSTILE]), "utf-8")
    return open_page(file)


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
    page.mouse.move(*page.evaluate(PLACE, 3))
    assert page.locator("#tip").is_visible()
    assert page.locator("#text").text_content().startswith("<b>5\ncells, microscopy\n")
    painted = "() => document.getElementById('picture').getContext('2d').getImageData(0, 0, 96, 60).data.some(Boolean)"
    page.wait_for_function(painted)


def test_the_search_goes_to_the_image_of_that_name_and_says_where_there_is_none(page: Any) -> None:
    page.fill("#find", "<B>4")
    assert page.locator("#text").text_content().startswith("<b>4\n")
    page.fill("#find", HOSTILE)
    assert page.locator("#text").text_content().startswith(f"<b>1\n{HOSTILE}\n")
    page.press("#find", "Enter")
    assert page.locator("#text").text_content().startswith("<b>3\n")
    page.fill("#find", "absent")
    assert page.locator("#tip").is_hidden()
    assert page.get_attribute("#find", "aria-invalid") == "true"


def test_a_hidden_dataset_is_not_found_and_arrows_walk_over_the_others(page: Any) -> None:
    page.locator("#list input").nth(1).uncheck()
    page.fill("#find", HOSTILE)
    assert page.get_attribute("#find", "aria-invalid") == "true"
    page.fill("#find", "<b>0")
    page.locator("#map").focus()
    page.keyboard.press("ArrowRight")
    assert page.locator("#text").text_content().startswith("<b>4\n")


LONG = "a_very_long_name_of_a_dataset_that_nobody_shortened_2024_v3"


@pytest.mark.parametrize("width", [320, 390])
def test_a_long_name_is_read_on_a_phone(
    open_page: Callable[[Path], Any], contents: PointMap, tmp_path: Path, width: int
) -> None:
    """It breaks into few lines in list and table, and pushes nothing off the screen."""
    first, second = contents.datasets
    named = replace(contents, datasets=[replace(first, name=LONG, kind=LONG), second])
    (tmp_path / "map.html").write_text(render_map(named, "map"), "utf-8")
    page = open_page(tmp_path / "map.html")
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    lines = "(cell) => cell.getClientRects()[0].height / parseFloat(getComputedStyle(cell).lineHeight)"
    assert page.locator("tbody th").first.evaluate(lines) < 7
    assert page.locator("#list .count").first.evaluate(lines) < 1.5
    assert page.locator(".plot").bounding_box()["height"] < 1.3 * width
