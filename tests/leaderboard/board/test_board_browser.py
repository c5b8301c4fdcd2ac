"""The leaderboard's page in headless Chromium: it overflows no screen, whatever measures and datasets are called."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from dsim.leaderboard import Board, Row, to_html

LONG = "averylongnameofameasurethatnobodyhyphenated_2024@1:extractor=timm:vit_large_patch14_dinov2.lvd142m[side=518]"


@pytest.fixture
def page(open_page: Callable[[Path], Any], board: Board, make_row: Callable[..., Row], tmp_path: Path) -> Any:
    """The board of the other tests, with a measure of a long name and long parameters, in the browser."""
    row = make_row(LONG, np.random.default_rng(0).uniform(0, 1, (5, 6)))
    (tmp_path / "board.html").write_text(to_html(replace(board, rows=(*board.rows, row))), "utf-8")
    return open_page(tmp_path / "board.html")


@pytest.mark.parametrize("width", [320, 390, 800, 1200])
def test_the_page_does_not_scroll_sideways_and_long_names_are_whole(page: Any, width: int) -> None:
    page.set_viewport_size({"width": width, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    cut = "(cells) => cells.filter((cell) => cell.scrollWidth > cell.clientWidth + 1).map((cell) => cell.textContent)"
    assert page.locator("tbody .measure").evaluate_all(cut) == []


def test_on_a_phone_name_and_score_stand_side_by_side(page: Any) -> None:
    """Without scrolling one reads who it is and how well it does."""
    page.set_viewport_size({"width": 390, "height": 800})
    cells = page.locator(".board tbody").filter(has_text="averylongname").locator("tr").first.locator("th, td")
    for place in range(3):
        box = cells.nth(place).bounding_box()
        assert box["x"] >= 0
        assert box["x"] + box["width"] <= 390
