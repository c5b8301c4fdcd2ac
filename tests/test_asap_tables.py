"""The page of ASAP's studies shows what the stored results say, to the last digit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

ROOT = Path(__file__).parents[1]


def test_tables_of_the_page_are_those_of_the_stored_results(program: Callable[[str], ModuleType]) -> None:
    page = (ROOT / "docs" / "asap.md").read_text(encoding="utf-8")
    made = program("asap_tables").tables(ROOT / "benchmarks" / "asap")
    missing = [heading for heading, lines in made.items() if "\n".join(lines).strip() not in page]
    assert missing == []
