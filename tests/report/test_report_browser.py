"""The page in headless Chromium: loads nothing, overflows no screen, shows every picture, and prints.

Needs playwright, with its own Chromium or the one that ``$DSIM_CHROMIUM`` names; skipped without.
"""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from report_pages import small

from dsim.data.dataset import Dataset
from dsim.measures import SimilarityMatrix
from dsim.report import Results, Step, make_report, write_report

# Without a sandbox and in one process: it opens our own page, perhaps as root in a container without a display.
ARGUMENTS = ("--no-sandbox", "--no-zygote", "--single-process", "--in-process-gpu", "--disable-dev-shm-usage")


@pytest.fixture
def browser() -> Iterator[Any]:
    if importlib.util.find_spec("playwright") is None:
        pytest.skip("no browser: playwright is not installed")
    from playwright.sync_api import Error, sync_playwright

    with sync_playwright() as engines:
        try:
            found = engines.chromium.launch(executable_path=os.environ.get("DSIM_CHROMIUM"), args=list(ARGUMENTS))
        except Error as error:
            pytest.skip(f"no browser: {error.message.splitlines()[0]}")
        yield found
        found.close()


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
def test_it_is_whole_in_a_browser(browser, pages, place):
    asked: list[str] = []
    said: list[str] = []
    page = browser.new_page()
    page.on("request", lambda request: asked.append(request.url))
    page.on("console", lambda message: said.append(message.text))
    page.goto(pages[place].as_uri())
    assert [url for url in asked if not url.startswith("data:")] == [pages[place].as_uri()]
    assert said == [], "a policy that is broken is told on the console"
    assert page.evaluate("[...document.images].every(one => one.complete && one.naturalWidth > 0)")
    for width in (320, 390, 800, 1200):
        page.set_viewport_size({"width": width, "height": 900})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    page.close()
