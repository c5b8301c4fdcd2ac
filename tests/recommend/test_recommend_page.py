"""The page cannot go stale: its Python prints what it shows, and its sentences are those of the shipped record."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import pytest

from dsim.files.shipped import shipped
from dsim.recommend.reliability import FILE, records, sentences

PAGE = (Path(__file__).parents[2] / "docs" / "recommend.md").read_text("utf-8")


def test_its_python_runs_and_prints_what_it_shows(capsys: pytest.CaptureFixture[str]) -> None:
    names: dict[str, Any] = {}
    ((code, output),) = re.findall(r"^```python\n(.*?)^```\n\n```\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL)
    exec(compile(code, "recommend.md", "exec"), names)
    assert capsys.readouterr().out == output


def test_its_sentences_on_reliability_are_those_of_the_record() -> None:
    (record,) = (
        record
        for record in records(shipped("truth") / "phantoms-dsc" / FILE)
        if record.depends["measure"] == "ensemble@1"
    )
    shown = " ".join(PAGE.split())
    for sentence in sentences(record):
        assert sentence in shown
