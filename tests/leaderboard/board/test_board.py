"""The order of a board, and which rows tie with the best: paired differences, by hand and by simulation."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsim.evaluation import PER_TARGET, SCORES, Intervals
from dsim.leaderboard import Row, Status
from dsim.leaderboard.board import all_ties, best, complete, equal_best, ranks, reference, tied_with_best


def named(board, measure: str) -> Row:
    return next(row for row in board.rows if row.measure == measure)


def test_rows_stand_by_mean_regret_then_partial_then_failed_then_published_ones(board):
    order = [row.measure for row in board.rows]
    full = complete(board.rows, "regret")
    regrets = [row.scores["regret"].value for row in board.rows if row.measure in full]
    assert order[0] == "good@2"
    assert regrets == sorted(regrets)
    assert order[-3:] == ["partial@1", "lost@1:size=8", "ASAP"]


def test_a_mean_over_fewer_targets_has_no_rank_and_is_never_best(board):
    # It is as perfect as the best row, on the targets that it has.
    assert named(board, "partial@1").scores["regret"].value == 0
    assert ranks(board)["partial@1"] is None
    for score in ("regret", "top1", "spearman"):
        assert "partial@1" not in equal_best(board, score) | tied_with_best(board, score)


def test_equal_regrets_share_a_rank_and_the_next_is_skipped(board, make_row):
    good = named(board, "good@2")
    second = make_row("again@1", good.matrix.values * 2)
    shared = ranks(replace(board, rows=(*board.rows, second)))
    assert shared["good@2"] == shared["again@1"] == 1
    assert sorted(rank for rank in shared.values() if rank is not None)[:3] == [1, 1, 3]


def test_rows_that_are_not_judged_have_no_rank(board):
    assert ranks(board)["lost@1:size=8"] is None
    assert ranks(board)["ASAP"] is None


def test_published_distances_are_judged_and_ranked_like_all_others(board):
    shown = replace(named(board, "wrong@1"), status=Status.PUBLISHED, source="Table 4")
    rows = [row for row in board.rows if row.measure != "wrong@1"]
    assert ranks(replace(board, rows=(*rows, shown))) == ranks(board)


def test_ties_are_paired_differences_whose_interval_holds_zero(board):
    how = Intervals(6, board.settings["confidence"], board.settings["resamples"], "expanded", board.settings["seed"])
    first = best(board, "regret")
    values = first.evaluation.judgement.per_target["regret"]
    expected = set()
    for row in board.rows:
        if row.judged and row is not first and row.measure != "partial@1":
            _, low, high, _ = how.difference(values, row.evaluation.judgement.per_target["regret"])
            expected |= {row.measure} if low <= 0 <= high else set()
    assert tied_with_best(board, "regret") == expected
    assert "twin@1" in expected
    assert "wrong@1" not in expected


def test_targets_are_paired_by_name_not_by_place(board):
    twin = named(board, "twin@1")
    turned = replace(
        twin.evaluation,
        targets=twin.evaluation.targets[::-1],
        judgement=replace(
            twin.evaluation.judgement,
            per_target={name: values[::-1] for name, values in twin.evaluation.judgement.per_target.items()},
        ),
    )
    rows = [replace(row, evaluation=turned) if row is twin else row for row in board.rows]
    assert all_ties(replace(board, rows=tuple(rows))) == all_ties(board)


def test_the_best_is_not_tied_with_itself(board):
    for score in PER_TARGET:
        assert best(board, score).measure not in tied_with_best(board, score)


@pytest.mark.parametrize("score", [spec.name for spec in SCORES if not spec.per_target])
def test_scores_that_targets_do_not_have_one_by_one_have_no_ties(board, score):
    assert tied_with_best(board, score) == set()


def test_an_empty_board_has_neither_best_nor_ties(board):
    empty = replace(board, rows=tuple(row for row in board.rows if not row.judged))
    assert best(empty, "regret") is None
    assert reference(empty) is None
    assert all_ties(empty) == {score: set() for score in PER_TARGET}


def test_random_measures_are_mostly_tied_with_the_best_of_few(board, make_row):
    """Marks that are missing would claim differences that are not there: 30 times three random measures."""
    rng, tied, rivals = np.random.default_rng(1), 0, 0
    for _ in range(30):
        rows = tuple(make_row(f"r{i}@1", rng.uniform(size=(5, 6))) for i in range(3))
        found = tied_with_best(replace(board, rows=rows), "regret")
        tied, rivals = tied + len(found), rivals + 2
    # The best of three was chosen for being best, so fewer than 95 % are tied; yet they are the rule.
    assert tied / rivals > 0.6
