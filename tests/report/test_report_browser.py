"""The page in headless Chromium: loads nothing, overflows no screen, shows every picture, and prints.

Needs playwright, with its own Chromium or the one that ``$DSIM_CHROMIUM`` names; skipped without.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_pages import small

from dsim.data import Dataset
from dsim.measures import SimilarityMatrix
from dsim.report import Results, Step, make_report, write_report


@pytest.fixture(scope="module")
def pages(
    matrices: tuple[SimilarityMatrix, ...],
    datasets: Mapping[str, Dataset],
    tmp_path_factory: pytest.TempPathFactory,
) -> list[Path]:
    """A report on one measure, one on two, and one on many datasets with long names."""
    folder, steps = tmp_path_factory.mktemp("pages"), [Step("Go on.", f"dsim compare --sources {'x' * 200}")]
    one = make_report(Results(matrices[:1], (None,)), datasets, steps=steps)
    two = make_report(Results(matrices, (None, None)), datasets, steps=steps)
    names = tuple(f"{'a-rather-long-name-' * (place % 3)}{place}" for place in range(16))
    wide = small(names, names, np.arange(256.0).reshape(16, 16), measure=f"wide@1:layer={'x' * 90}")
    reports = (one, two, make_report(Results((wide,), (None,))))
    return [write_report(report, folder / f"{place}.html") for place, report in enumerate(reports)]


@pytest.mark.parametrize("place", [0, 1, 2], ids=["one measure", "two measures", "many datasets"])
def test_it_is_whole_in_a_browser(open_page: Callable[[Path], Any], pages: list[Path], place: int) -> None:
    page = open_page(pages[place])
    assert page.evaluate("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
    for width in (320, 390, 800, 1200):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
