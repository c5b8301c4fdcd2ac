"""Reliability in words: the truth where choices did worst speaks, and nothing is said that was not measured."""

from __future__ import annotations

import re
from dataclasses import replace

from dsim.recommend import DEFAULT, Procedure, in_words, stored
from dsim.recommend.words import UNMEASURED, lost_in_words, share_in_words
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


def test_a_regret_of_nothing_or_of_no_chance_is_no_share() -> None:
    assert lost_in_words(float("nan"), 10.0) == ""
    assert lost_in_words(1.0, 0.0) == ""


def promised(words: str) -> float:
    """The share that a reader understands."""
    counts = [int(number) for number in re.findall(r"\d+", words)]
    return counts[0] / counts[1] if counts else {"no": 0.0, "nearly": 0.95, "all": 1.0}[words.split()[0]]


def test_a_larger_share_never_sounds_smaller_and_words_stay_close_to_it() -> None:
    shares = [k / 1000 for k in range(1001)]
    heard = [promised(share_in_words(share)) for share in shares]
    assert heard == sorted(heard)
    assert max(abs(one - share) for one, share in zip(heard, shares, strict=True)) <= 0.0501


def test_all_none_and_nothing_are_said_of_exactly_these() -> None:
    assert share_in_words(0.97) != share_in_words(1.0)
    assert share_in_words(0.001) != share_in_words(0.0)
    assert lost_in_words(0.02, 1.0) != lost_in_words(0.0, 1.0)
