"""The Markdown of a board: tables that hold together whatever names are in them, and marks that say what they must."""

from __future__ import annotations

import re
from dataclasses import replace

import numpy as np
import pytest

from dsim.evaluation import Score
from dsim.leaderboard import Board
from dsim.leaderboard.board import equal_best, tied_with_best
from dsim.leaderboard.markdown import escape_markdown, format_code, to_markdown
from dsim.leaderboard.phrases import columns, fewer, figure


def cells(line: str) -> list[str]:
    return [cell.strip() for cell in re.split(r"(?<!\\)\|", line)[1:-1]]


def tables(text: str) -> list[list[list[str]]]:
    """The cells of every table."""
    blocks = re.findall(r"(?:^\|.*\n?)+", text, flags=re.MULTILINE)
    return [[cells(line) for line in block.splitlines()] for block in blocks]


def name_in(line: list[str]) -> str:
    """The measure of a line, without its version."""
    return line[1].strip("`").replace("\\|", "|").split("@")[0]


@pytest.fixture(scope="module")
def text(board: Board) -> str:
    return to_markdown(board)


@pytest.fixture(scope="module")
def measures(text: str) -> dict[str, dict[str, str]]:
    """The main table: by measure, the cell of each column."""
    heads, _, *lines = tables(text)[0]
    return {line[1].strip("`"): dict(zip(heads, line, strict=True)) for line in lines}


def test_every_table_has_as_many_cells_in_every_line(text):
    found = tables(text)
    assert len(found) == 4
    for table in found:
        assert len({len(line) for line in table}) == 1


def test_every_row_stands_in_a_table(board, text):
    for row in board.rows:
        assert row.measure.partition(":")[0][:6] in text
    assert "it needs masks \\| and has none; fix: give it masks" in text


def test_measures_have_version_parameters_and_costs(measures):
    row = measures["random@1"]
    assert (row["parameters"], row["s"], row["MB"], row["targets"]) == ("`seed=3`", "–", "120", "6")
    assert measures["partial@1"]["targets"] == "5 of 6"
    assert measures["partial@1"]["#"] == "–"
    assert measures["good@2"]["#"] == "1"


def test_the_best_of_each_column_is_bold_and_what_is_tied_with_it_is_marked(board, text):
    heads, _, *lines = tables(text)[0]
    for column in columns(board):
        place = heads.index(column.title)
        bold = {name_in(line) for line in lines if "**" in line[place]}
        tied = {name_in(line) for line in lines if line[place].endswith(" =")}
        assert bold == {name.split("@")[0] for name in equal_best(board, column.score)}
        assert tied == {name.split("@")[0] for name in tied_with_best(board, column.score)}


def test_intervals_stand_beside_regret_and_rci(board, measures):
    found = next(row for row in board.rows if row.measure == "wrong@1").scores["regret"]
    bounds = f"[{figure('regret', found.low, board.truth)}, {figure('regret', found.high, board.truth)}]"
    assert bounds in measures["wrong@1"]["mean regret (DSC,\u00a0%)"]
    assert "[" in measures["wrong@1"]["Spearman (RCI)"]
    assert "[" not in measures["wrong@1"]["Pearson"]


def test_published_and_added_rows_say_where_they_come_from(measures):
    assert measures["ASAP"]["status"] == "as published: Table 3"
    assert measures["ASAP"]["mean regret (DSC,\u00a0%)"] == "3.89"
    assert measures["ASAP"]["top-1 (%)"] == "75.0"
    assert measures["ASAP"]["Kendall"] == "–"
    assert measures["twin@1"]["status"] == "added: ann.json"


def test_baselines_and_the_ceiling_stand_in_a_table_of_their_own(text):
    names = [line[0] for line in tables(text)[1][2:]]
    assert names[:3] == ["random", "best fixed source", "best fixed source, others"]
    assert {"largest source", "oracle", "noise ceiling"} <= set(names)


def test_what_was_published_on_other_data_stands_apart(text):
    _, apart = text.split("## As published on other data: not comparable with the rows above")
    assert "| CC | 21.29 | A paper \\<b\\> |" in apart


def test_it_says_how_it_was_made(board, text):
    assert board.truth.digest[:16] in text
    for words in ("Pairs of a dataset with itself: left out", "400 resamples, seed 0", "mean of 3 seeds", "mine 1.0"):
        assert words in text


def test_what_a_mean_leaves_out_is_said(text):
    _, said = text.split("## What must be said")
    assert "t3: all its distances are equal" in said
    assert "t2: the measure has no distance to it" in said


@pytest.mark.parametrize(
    ("given", "expected"), [("`", "`` ` ``"), ("a`b", "``a`b``"), ("a|b", "`a\\|b`"), ("a\nb", "`a b`"), ("", "")]
)
def test_code_holds_backticks_and_bars(given, expected):
    assert format_code(given) == expected


def test_markup_in_names_is_taken_literally(text, hostile):
    assert escape_markdown("# [x](y) *z*\n<b>") == "\\# \\[x\\](y) \\*z\\* \\<b\\>"
    outside = re.sub(r"(`+).*?\1", "", text)
    assert "<script>" not in outside
    assert "<img" not in outside


def test_regret_has_four_digits_of_the_range_of_scores(board):
    small = replace(board.truth, values=board.truth.values / 100, bounds=(0.0, 1.0), unit="", score="AUC")
    assert figure("regret", 0.01234, small) == "0.0123"
    assert figure("regret", 1.234, board.truth) == "1.23"
    assert figure("top1", 1 / 3, small) == "33.3"
    assert figure("pearson", -0.0001, small) == "0.000"
    assert figure("pearson", np.nan, small) == "–"


def test_a_board_without_a_judged_row_says_so(board):
    empty = replace(board, rows=tuple(row for row in board.rows if not row.judged))
    assert "No measure was judged on this benchmark." in to_markdown(empty)


def test_a_score_that_some_targets_lack_says_of_how_many_it_is(board: Board) -> None:
    truth = board.truth
    found = Score("pearson", 0.7, 0.6, 0.8, len(truth.targets) - 1)
    assert fewer(found, truth) == f"({len(truth.targets) - 1})"
    assert fewer(replace(found, targets=len(truth.targets)), truth) == ""
    assert fewer(replace(found, value=float("nan"), targets=0), truth) == ""
