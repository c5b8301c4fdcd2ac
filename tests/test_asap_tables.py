"""The page of ASAP's studies shows what the stored results say, to the last digit."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import numpy as np

ROOT = Path(__file__).parents[1]


def test_tables_of_the_page_are_those_of_the_stored_results(program: Callable[[str], ModuleType]) -> None:
    page = (ROOT / "docs" / "asap.md").read_text(encoding="utf-8")
    made = program("asap_tables").tables(ROOT / "benchmarks" / "asap")
    missing = [heading for heading, lines in made.items() if "\n".join(lines).strip() not in page]
    assert missing == []


def test_what_several_sources_lead_to_is_what_was_measured() -> None:
    study = json.loads((ROOT / "benchmarks" / "asap" / "several.json").read_text(encoding="utf-8"))
    section = (ROOT / "docs" / "asap.md").read_text(encoding="utf-8").partition("## When do several sources help?")[2]
    rows = [line.split("|")[2:4] for line in section.splitlines() if line.startswith("|")]
    shown = {mean.strip(): gain.split("(")[0].strip() for mean, gain in rows}
    nearest = np.array(study["choices"]["nearest 1"])
    for name, scores in study["choices"].items():
        gain = "" if name == "nearest 1" else f"{np.mean(scores - nearest):+.1f}"
        assert shown[f"{np.mean(scores):.1f}"] == gain, name
