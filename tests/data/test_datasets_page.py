"""docs/datasets.md tells what the code does."""

from __future__ import annotations

import doctest
from pathlib import Path

from dsim.data.formats.decode import IMAGE_SUFFIXES
from dsim.data.options import MAX_PIXELS
from dsim.data.readers import SPECS

PAGE = Path(__file__).parents[2] / "docs" / "datasets.md"


def test_every_reader_stands_in_the_table_in_the_order_they_are_asked() -> None:
    section = PAGE.read_text().partition("## What can be read")[2].partition("\n## ")[0]
    rows = [line.split("`")[1] for line in section.splitlines() if line.startswith("| `")]
    assert rows == [spec.name for spec in sorted(SPECS, key=lambda spec: spec.priority)]


def test_every_image_format_and_the_limit_are_named() -> None:
    text = PAGE.read_text().lower()
    aliases = {".jpg": "jpeg", ".tif": "tiff", ".apng": "png"}
    assert [suffix for suffix in IMAGE_SUFFIXES if aliases.get(suffix, suffix[1:]) not in text] == []
    assert MAX_PIXELS == 8192 * 8192
    assert "8192 x 8192" in text


def test_the_python_examples_run() -> None:
    results = doctest.testfile(str(PAGE), module_relative=False)
    assert results.attempted >= 5
    assert results.failed == 0
