"""Reliability in words: the truth where choices did worst speaks, and nothing is said that was not measured."""

from __future__ import annotations

from dataclasses import replace

from dsim.recommend import DEFAULT, Procedure, in_words, stored
from dsim.recommend.words import UNMEASURED
from dsim.runtime import Runtime


def test_what_was_not_measured_is_said_to_be_so() -> None:
    assert in_words([]) == UNMEASURED


def test_the_default_is_told_by_the_truth_where_it_did_worst() -> None:
    records = stored(Procedure.of(DEFAULT, Runtime()))
    worst = min(records, key=lambda record: record.top1.value)
    assert len(records) > 1
    for given in (records, records[::-1]):
        said = in_words(given)
        assert worst.truth in said
        assert "1 target in 5" in said
        assert "a third of what chance loses" in said


def test_without_a_baseline_no_loss_beside_chance_is_told() -> None:
    record = replace(stored(Procedure.of(DEFAULT, Runtime()))[0], beside={})
    assert "chance" not in in_words([record])
