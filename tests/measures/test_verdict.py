"""Verdicts are decided in one place, by values, replicates, floors and votes alone."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsim.measures import (
    Outcome,
    Verdict,
    answer,
    count_votes,
    decide,
    decide_by_votes,
    first_shares,
    percentile_interval,
    vote_of,
    with_floor,
)

NAN = math.nan


def test_shares_of_first_ranks_sum_to_one_and_ties_are_shared() -> None:
    shares = first_shares({"a": np.array([1.0, 1, 3]), "b": np.array([2.0, 1, 1])})
    assert shares == {"a": pytest.approx(0.5), "b": pytest.approx(0.5)}
    assert first_shares({"a": np.array([-1.0]), "b": np.array([-2.0])}) == {"a": 0.0, "b": 1.0}
    assert first_shares({}) == {}


def test_undefined_replicates_give_no_shares_and_no_verdict() -> None:
    replicates = {"a": np.array([1.0, np.nan]), "b": np.array([2.0, 3.0])}
    assert all(math.isnan(share) for share in first_shares(replicates).values())
    found = decide("t", {"a": 1.0, "b": 2.0}, replicates)
    assert (found.best, found.clear, found.outcome) == ("a", None, Outcome.NOT_ASSESSED)
    assert math.isnan(percentile_interval(replicates["a"])[0])


@pytest.mark.parametrize(("second", "outcome"), [(5.0, Outcome.CLEAR), (1.02, Outcome.OPEN)])
def test_a_winner_is_clear_where_the_interval_of_the_difference_lies_above_zero(
    second: float, outcome: Outcome
) -> None:
    rng = np.random.default_rng(0)
    replicates = {"a": 1 + 0.1 * rng.standard_normal(500), "b": second + 0.1 * rng.standard_normal(500)}
    found = decide("t", {"b": second, "a": 1.0}, replicates)
    assert (found.best, found.second, found.outcome) == ("a", "b", outcome)
    assert (found.low, found.high) == percentile_interval(replicates["b"] - replicates["a"])
    assert (found.low > 0) is (outcome is Outcome.CLEAR)


def test_outcomes_without_an_assessment() -> None:
    assert decide("t", {}).outcome is Outcome.NO_SOURCE
    assert decide("t", {"a": NAN}).outcome is Outcome.NO_SOURCE
    assert decide("t", {"a": 1.0, "b": NAN}).outcome is Outcome.ONLY_SOURCE
    found = decide("t", {"a": 2.0, "b": 1.0}, not_assessed="a CSV holds no intervals")
    assert (found.best, found.outcome) == ("b", Outcome.NOT_ASSESSED)
    assert "a CSV holds no intervals" in found.reason


def test_sources_at_one_distance_have_no_winner() -> None:
    near = dict.fromkeys("abcd", 1.0)
    found = decide("t", {**near, "e": 2.0})
    assert (found.best, found.clear, found.outcome) == ("a", False, Outcome.TIED)
    assert "a, b, c and 1 more" in found.reason
    # Rounding makes no winner, and replicates do not decide between equals.
    replicates = {"a": np.array([5.0, 6.0]), "b": np.array([1.0, 2.0])}
    assert decide("t", {"a": 0.3, "b": 0.1 + 0.2}, replicates).outcome is Outcome.TIED


def test_the_noise_floor_is_said_beside_any_verdict() -> None:
    verdict = decide("t", {"a": 1.0, "b": 3.0})
    assert with_floor(verdict, 1.0, 1.0).within_floor is True
    assert with_floor(verdict, 1.0, 0.5).within_floor is False
    assert with_floor(verdict, 1.0, NAN) == verdict
    nothing = decide("t", {})
    assert with_floor(nothing, NAN, 1.0) == nothing


def test_members_decide_only_what_the_values_leave_open() -> None:
    open_ = decide("t", {"a": 1.0, "b": 3.0})
    assert decide_by_votes(open_, [], ["a", "b"]) == open_
    assert decide_by_votes(open_, ["a", "a"], ["a", "b"]).clear is True
    assert decide_by_votes(open_, ["a", None], ["a", "b"]).clear is False
    tied = decide("t", {"a": 1.0, "b": 1.0})
    assert decide_by_votes(tied, ["a", "a"], ["a", "b"]) == tied
    assert (vote_of(open_), vote_of(tied)) == ("a", None)


def test_a_poll_is_decided_by_more_than_half_of_the_measures() -> None:
    assert count_votes(["a", "a"]).unanimous
    most = count_votes(["a", "b", "a"])
    assert (most.leaders, most.decided, most.unanimous) == (("a",), True, False)
    half = count_votes(["a", "a", "b", None])
    assert (half.leaders, half.decided) == (("a",), False)
    assert count_votes(["b", "a"]).leaders == ("a", "b")
    nothing = count_votes([None, None])
    assert (nothing.leaders, nothing.unanimous, nothing.decided) == ((), False, False)


def test_the_outcome_survives_without_the_words() -> None:
    assert Verdict("t", "a", "b", False, 0.0, 0.0, "").outcome is Outcome.TIED
    assert Verdict("t", "a", "b", False, -0.1, 0.2, "").outcome is Outcome.OPEN


def test_a_source_beside_which_others_failed_is_not_called_the_only_one() -> None:
    alone, left = decide("t", {"a": 1.0}), decide("t", {"a": 1.0, "b": math.nan})
    assert (alone.best, left.best) == ("a", "a")
    assert left.reason != alone.reason
    assert "2" in answer(left, 2)
    assert "1" not in answer(alone, 1)
