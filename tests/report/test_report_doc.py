"""The page on reports cannot go stale: its Python prints what it shows, its options and badges are the code's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dsim.cli import compare as comparing
from dsim.cli import report as reporting
from dsim.report import build, layout, rankings

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "report.md").read_text("utf-8")


def test_its_python_runs_and_prints_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    ((code, output),) = re.findall(r"^```python\n(.*?)^```\n\n```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(code, "report.md", "exec"), names)
    assert capsys.readouterr().out == output


def test_its_options_are_those_of_the_commands() -> None:
    known = {
        option
        for command in (comparing.compare, reporting.report)
        for parameter in command.params
        for option in parameter.opts
    }
    known |= {option for parameter in reporting.report.params for option in parameter.secondary_opts}
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", PAGE)) <= known


def test_its_limits_are_those_of_the_code() -> None:
    flat = " ".join(PAGE.split())
    assert f"up to {build.MOST} images, fewer where there are more than 30 datasets, of at most" in flat
    assert build.count_thumbnails(30) == build.MOST > build.count_thumbnails(31)
    assert f"of at most {build.SIDE} pixels; the map is at most {layout.DRAWING_WIDTH} pixels wide" in flat


def test_its_badges_are_those_of_the_page() -> None:
    code = Path(rankings.__file__).read_text("utf-8")
    rows = re.findall(r"^\| ([a-z ]+) \| .* \| ([a-z ]+) \| .* \|$", PAGE.split("The badges:")[1], re.MULTILINE)
    badges = [badge for row in rows for badge in row if badge != "badge"]
    assert len(badges) == 6
    assert all(f'"{badge}"' in code for badge in badges)


def test_its_picture_is_small() -> None:
    assert (ROOT / "docs" / "images" / "report.png").stat().st_size < 300_000
