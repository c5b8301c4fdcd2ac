"""Intervals, shares of first ranks and verdicts say what they mean."""

from __future__ import annotations

import math

import numpy as np
import pytest

from dsim import compare
from dsim.comparison.draws import draws, first_shares, interval, verdict
from dsim.plugin import Direction

DISTANCE, SIMILARITY = Direction.DISTANCE, Direction.SIMILARITY


def test_interval_covers_the_true_value_about_as_often_as_it_claims(gap_class, line, tmp_path):
    """100 experiments on a closed form: the distance of two means; 95 % intervals, so 88 to 100 must hold it."""
    from dsim.data.memory import from_arrays
    from dsim.runtime import Runtime

    rng = np.random.default_rng(3)
    held = 0
    for trial in range(100):
        pair = [from_arrays(features=rng.normal([c, 0], [1, 0.0], (40, 2)), name=f"{c}") for c in (0, 5)]
        runtime = Runtime(cache=tmp_path / str(trial % 5))
        matrix = compare(pair[:1], pair[1:], measure=gap_class(), bootstrap=200, seed=trial, runtime=runtime)
        held += bool(matrix.low[0, 0] <= 5 <= matrix.high[0, 0])
    assert 88 <= held <= 100


def test_first_shares_sum_to_one_and_ties_are_shared():
    shares = first_shares({"a": np.array([1.0, 1, 3]), "b": np.array([2.0, 1, 1])}, DISTANCE)
    assert shares == {"a": pytest.approx(0.5), "b": pytest.approx(0.5)}
    assert first_shares({"a": np.array([1.0]), "b": np.array([2.0])}, SIMILARITY) == {"a": 0.0, "b": 1.0}


def test_undefined_replicates_give_no_shares_and_no_verdict():
    replicates = {"a": np.array([1.0, np.nan]), "b": np.array([2.0, 3.0])}
    assert all(math.isnan(share) for share in first_shares(replicates, DISTANCE).values())
    assert verdict("t", ["a", "b"], replicates, DISTANCE).clear is None
    assert math.isnan(interval(replicates["a"])[0])


@pytest.mark.parametrize(("second", "clear"), [(5.0, True), (1.02, False)])
def test_two_sources_that_cannot_be_told_apart_make_no_clear_winner(second, clear):
    rng = np.random.default_rng(0)
    replicates = {"a": 1 + 0.1 * rng.standard_normal(500), "b": second + 0.1 * rng.standard_normal(500)}
    found = verdict("t", ["a", "b"], replicates, DISTANCE)
    assert found.clear is clear
    assert ("no clear winner" in found.reason) is not clear
    flipped = verdict("t", ["a", "b"], {name: -values for name, values in replicates.items()}, SIMILARITY)
    assert (flipped.low, flipped.high) == (found.low, found.high)


def test_paired_draws_see_a_difference_that_separate_intervals_hide(gap, line):
    """Both distances vary with the target's draw together: their difference does not."""
    matrix = compare(line([0, 0.6], spread=0.05), line([50], n=10, spread=5.0), measure=gap, bootstrap=300)
    overlap = matrix.low[0, 0] < matrix.high[1, 0]
    assert overlap
    assert matrix.verdicts["at50"].clear is True


def test_no_source_one_source_and_no_bootstrap_are_said_in_words():
    assert "no source" in verdict("t", [], None, DISTANCE).reason
    assert "only source" in verdict("t", ["a"], None, DISTANCE).reason
    assert "not assessed" in verdict("t", ["a", "b"], None, DISTANCE).reason


def test_draws_are_whole_groups(line):
    (dataset,) = line([0], n=6, groups=["p", "p", "q", "q", "q", "r"])
    for draw in draws(dataset, "fingerprint", 50, seed=0):
        counts = np.bincount(draw, minlength=6)
        assert counts[0] == counts[1]
        assert counts[2] == counts[3] == counts[4]


def test_sources_at_one_distance_have_no_winner():
    found = verdict("t", ["a", "b", "c", "d", "e"], None, DISTANCE, alike=4)
    assert found.clear is False
    assert found.reason == "no clear winner: a, b, c and 1 more are equally near"
    assert "a, b are equally near" in verdict("t", ["a", "b"], None, DISTANCE, alike=2).reason


def test_a_tie_is_seen_by_the_engine(gap, line):
    source, target = line([0, 1])
    found = compare([source, source.renamed("twin")], [target], measure=gap).verdicts["at1"]
    assert found.reason == "no clear winner: at0, twin are equally near"
