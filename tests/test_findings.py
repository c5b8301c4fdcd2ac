"""The page of findings shows what the stored leaderboards say, to the last digit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import ModuleType

import pytest

from dsim.leaderboard import Board

ROOT = Path(__file__).parents[1]
BOARDS = sorted((ROOT / "docs" / "leaderboard").glob("*/results.json"))


@pytest.mark.parametrize("path", BOARDS, ids=lambda path: path.parent.name)
def test_tables_of_the_page_are_those_of_the_board(path: Path, program: Callable[[str], ModuleType]) -> None:
    made = program("findings")
    page = (ROOT / "docs" / "findings.md").read_text(encoding="utf-8")
    assert "\n".join(made.findings(Board.from_json(path))).rstrip() in page


def test_the_boards_are_those_of_the_truths_that_were_measured_here() -> None:
    assert [path.parent.name for path in BOARDS] == ["biomed16-dsc", "biomed6-auc", "phantoms-dsc"]
