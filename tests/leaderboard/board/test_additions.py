"""A stranger's results come in only as a whole, after each thing that can be checked was checked."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dsim.errors import DataError
from dsim.leaderboard import Board, Row, Status
from dsim.leaderboard.additions import add, merge_document

RNG = np.random.default_rng(3)
VALUES = RNG.uniform(size=(5, 6))


@pytest.fixture
def new(make_row) -> Row:
    return make_row("theirs@1", VALUES, plugin="their-measures 0.3", source="")


def measures(board: Board) -> list[str]:
    return [row.measure for row in board.rows]


def test_a_new_row_is_added_with_its_source_and_stands_where_its_regret_puts_it(board, stranger, new):
    merged = add(board, stranger(new), "theirs.json")
    row = next(row for row in merged.rows if row.measure == "theirs@1")
    assert (row.status, row.source, row.seconds) == (Status.ADDED, "theirs.json", 1.5)
    assert sorted(measures(merged)) == sorted([*measures(board), "theirs@1"])
    regrets = [row.scores["regret"].value for row in merged.rows if row.judged and row.measure != "partial@1"]
    assert regrets == sorted(regrets)


def test_it_may_come_as_a_file(board, stranger, new, tmp_path):
    (tmp_path / "of-ann.json").write_text(json.dumps(stranger(new)))
    merged = add(board, tmp_path / "of-ann.json")
    assert next(row for row in merged.rows if row.measure == "theirs@1").source == "of-ann.json"


def test_a_source_that_a_stranger_writes_does_not_hide_the_file(board, stranger, new):
    merged = add(board, stranger(replace(new, source="the authors of dsim")), "theirs.json")
    row = next(row for row in merged.rows if row.measure == "theirs@1")
    assert row.source == "the authors of dsim, by theirs.json"


def test_the_verdict_is_computed_here_with_the_settings_of_the_board(board, stranger, new):
    """Other resamples give other bounds: those of the board stand, and all values must still be the same."""
    from dsim.evaluation import evaluate

    settings = {**board.settings, "resamples": 150, "seed": 9}
    theirs = replace(new, evaluation=evaluate(new.matrix, board.truth, **settings))
    merged = add(board, stranger(theirs, settings=settings))
    row = next(row for row in merged.rows if row.measure == "theirs@1")
    assert theirs.evaluation.judgement.scores["regret"].low != new.evaluation.judgement.scores["regret"].low
    assert row.scores["regret"] == new.scores["regret"]


def test_what_is_there_with_the_same_values_is_passed_over_and_said(board, stranger, new):
    good = next(row for row in board.rows if row.measure == "good@2")
    made = merge_document(board, stranger(good, new))
    assert made.added == ("theirs@1",)
    assert made.notes == ("good@2: passed over; it is on the board already, with the same values",)
    assert next(row for row in made.board.rows if row.measure == "good@2") is good


def test_a_failed_row_comes_in_as_failed(board, stranger):
    failed = Row("slow@1", Status.FAILED, reason="it took too long", plugin="their-measures 0.3")
    row = next(row for row in add(board, stranger(failed), "t.json").rows if row.measure == "slow@1")
    assert (row.status, row.reason, row.source) == (Status.FAILED, "it took too long", "t.json")


def test_what_failed_here_and_ran_there_takes_its_place_and_not_the_other_way_round(board, stranger, make_row):
    ran = make_row("lost@1:size=8", VALUES)
    assert merge_document(board, stranger(ran)).added == ("lost@1:size=8",)
    failed = Row("good@2", Status.FAILED, reason="no memory", plugin="mine 1.0")
    made = merge_document(board, stranger(failed))
    assert made.added == ()
    assert made.notes == ("good@2: passed over; it failed there, and the board has a row of it",)


def test_published_rows_of_a_stranger_are_passed_over(board, stranger):
    printed = Row("Mine", Status.PUBLISHED, published={"regret": 0.0}, source="trust me")
    made = merge_document(board, stranger(printed))
    assert made.board.rows == board.rows
    assert "Mine: passed over" in made.notes[0]


def scores(row: dict[str, Any]) -> Any:
    return row["evaluation"]["judgement"]["scores"]


def claim(row: dict[str, Any], score: str, part: str, value: float) -> None:
    found = scores(row)
    found = found[score] if isinstance(found, dict) else next(one for one in found if one["name"] == score)
    found[part] = value


def other_fingerprint(row: dict[str, Any]) -> None:
    row["matrix"]["provenance"]["datasets"]["b"]["fingerprint"] = "read-others"


def other_pairs(row: dict[str, Any]) -> None:
    row["matrix"]["same"][1][0] = True


CLAIMS: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "a better value": (lambda row: claim(row, "regret", "value", 0.0), "regret is claimed to be 0 ["),
    "a value that is a little better": (
        lambda row: claim(row, "spearman", "value", scores_value(row, "spearman") + 1e-8),
        "spearman is claimed",
    ),
    "a narrower interval": (lambda row: claim(row, "pearson", "low", 0.9), "pearson is claimed"),
    "no value": (lambda row: claim(row, "kendall", "value", None), "kendall is claimed to be nan"),
    "a pair called one dataset": (other_pairs, "called one dataset, and they are two: b -> t1"),
    "other images": (other_fingerprint, "it did not read the images of this board: b"),
    "no plugin version": (
        lambda row: row.update(plugin="given as an object"),
        "is not a distribution with its version",
    ),
    "distances of another measure": (lambda row: row["matrix"].update(measure="x@1"), "its distances are of 'x@1'"),
}


def scores_value(row: dict[str, Any], score: str) -> float:
    found = scores(row)
    found = found[score] if isinstance(found, dict) else next(one for one in found if one["name"] == score)
    return float(found["value"])


@pytest.mark.parametrize("kind", CLAIMS)
def test_what_a_row_claims_must_be_so(board, stranger, new, kind):
    spoil, message = CLAIMS[kind]
    document = copy.deepcopy(stranger(new))
    spoil(document["rows"][0])
    with pytest.raises(DataError) as raised:
        add(board, document, "theirs.json")
    assert message in raised.value.message
    assert "theirs.json, row 'theirs@1'" in raised.value.message
    assert raised.value.hint


def test_a_difference_that_rounding_makes_is_none(board, stranger, new):
    document = copy.deepcopy(stranger(new))
    claim(document["rows"][0], "spearman", "value", scores_value(document["rows"][0], "spearman") + 1e-11)
    assert "theirs@1" in measures(add(board, document))


def test_another_truth_is_refused(board, stranger, new):
    other = replace(board.truth, values=board.truth.values + 1)
    with pytest.raises(DataError, match=r"theirs.json was judged by another truth: by-hand"):
        add(board, stranger(new, truth=other), "theirs.json")


def test_other_images_are_refused_and_listed(board, stranger, new):
    prints = {**board.fingerprints, "c": "1" * 64}
    prints.pop("t2")
    with pytest.raises(DataError, match=r"of other images: c, t2 \(2 of 10 datasets\)"):
        add(board, stranger(new, fingerprints=prints))


def test_other_rules_are_refused(board, stranger, new):
    with pytest.raises(DataError, match="judged with self pairs included, this board with them excluded"):
        add(board, stranger(new, settings={**board.settings, "self_pairs": "include"}))


def test_names_that_are_not_those_of_the_truth_are_refused(board, stranger, new):
    sources = ("a", "b", "c", "d", "extra")
    row = replace(new, matrix=replace(new.matrix, sources=sources))
    with pytest.raises(DataError, match=r"row 'theirs@1': its sources are not those of by-hand: e, extra"):
        add(board, stranger(row))


def test_other_values_or_parameters_of_a_measure_that_is_there_are_refused(board, stranger, make_row):
    good = next(row for row in board.rows if row.measure == "good@2")
    with pytest.raises(DataError, match="row 'good@2': it is on the board already, with other parameters"):
        add(board, stranger(replace(good, parameters={"size": 64})))
    with pytest.raises(DataError, match="row 'good@2': it is on the board already, with other distances"):
        add(board, stranger(make_row("good@2", VALUES)))


def test_distances_that_two_machines_round_differently_are_the_same(board, stranger, make_row):
    good = next(row for row in board.rows if row.measure == "good@2")
    made = merge_document(board, stranger(make_row("good@2", good.matrix.values * (1 + 1e-9))))
    assert made.added == ()


def test_nothing_is_merged_where_one_row_is_wrong(board, stranger, new):
    before = board.to_dict()
    document = copy.deepcopy(stranger(new, replace(new, measure="bad@1")))
    with pytest.raises(DataError, match="row 'bad@1': its distances are of 'theirs@1'"):
        add(board, document)
    assert board.to_dict() == before


def test_a_document_that_does_not_hold_to_the_schema_is_refused_before_anything_else(board, stranger, new):
    document = stranger(new)
    document["rows"][0] = {**document["rows"][0], "measure": "theirs"}
    with pytest.raises(DataError, match=r"theirs.json does not hold to dsim.leaderboard/1: row 'theirs'"):
        add(board, document, "theirs.json")
