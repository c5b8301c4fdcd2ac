"""The page cannot go stale: its Python runs and prints what it shows, its settings are the recipe's."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dsim.models import SETTINGS, SegmentationRecipe

PAGE = Path(__file__).parents[2] / "docs" / "transfer.md"
SEGMENTATION = PAGE.read_text("utf-8").partition("## Segmentation")[2].partition("\n## ")[0]


def test_its_python_runs_and_prints_what_it_shows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    names: dict[str, Any] = {}
    shown = re.findall(r"^```python\n(.*?)^```\n\n```\n(.*?)^```", SEGMENTATION, re.MULTILINE | re.DOTALL)
    assert len(shown) == 2
    for code, output in shown:
        exec(compile(code, PAGE.name, "exec"), names)
        assert capsys.readouterr().out == output


def test_every_setting_is_told_with_its_default() -> None:
    rows = re.findall(
        r"^\| (`.*?) \| (.*?) \|", SEGMENTATION.partition("### Recipe")[2].partition("###")[0], re.MULTILINE
    )
    told: dict[str, str] = {}
    for names, defaults in rows:
        told |= dict(zip(re.findall(r"`(\w+)`", names), defaults.replace("`", "").split(", "), strict=True))
    assert {name: setting for setting in SETTINGS if (name := setting.name)}.keys() == told.keys()
    assert SegmentationRecipe().changed(told) == SegmentationRecipe()
