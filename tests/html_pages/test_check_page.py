"""The page of a check opens without loading anything, shows each image beside its partner, and fits a phone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np

from dsim.data import from_arrays
from dsim.maps.quality import check_map, render_check
from dsim.runtime import Runtime


def test_it_shows_pairs_loads_nothing_and_fits_a_phone(tmp_path: Path, open_page: Callable[[Path], Any]) -> None:
    pixels = np.random.default_rng(0).integers(0, 255, (12, 32, 32, 3), np.uint8)
    pixels[10], pixels[11] = pixels[2], np.rot90(pixels[3])
    data = from_arrays(pixels, name="scans of a project with quite a long name")
    path = tmp_path / "check.html"
    check = check_map([data], extractor="pixels:", kinds=["exact-duplicate", "near-duplicate"])
    path.write_text(render_check(check, [data], Runtime()), "utf-8")
    page = open_page(path)
    assert page.locator("table").count() == 2
    assert page.locator("img").count() == 4
    assert page.locator("img").evaluate_all("images => images.every(image => image.naturalWidth > 0)")
    page.set_viewport_size({"width": 390, "height": 800})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
