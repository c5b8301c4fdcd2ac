"""Conformal p-values of held-out scores are valid, and the share of foreign images covers the truth."""

from __future__ import annotations

import math

import numpy as np
import pytest
from scipy.stats import kstest

from dsim.stats.foreign import foreign_share, split_conformal_p


def test_p_is_the_rank_among_held_out_scores_counted_one_by_one() -> None:
    rng = np.random.default_rng(1)
    scores, held_out = rng.integers(0, 9, 40).astype(float), rng.integers(0, 9, 25).astype(float)
    counted = [(1 + sum(other >= score for other in held_out)) / 26 for score in scores]
    assert split_conformal_p(scores, held_out).tolist() == pytest.approx(counted)


def test_p_of_images_of_the_same_kind_is_uniform() -> None:
    """Over held-out samples and new images; the distribution of scores does not matter."""
    rng = np.random.default_rng(2)
    p = [split_conformal_p(rng.lognormal(size=1), rng.lognormal(size=199))[0] for _ in range(2000)]
    assert kstest(p, "uniform").pvalue > 0.01
    assert np.mean(np.array(p) <= 0.05) == pytest.approx(0.05, abs=0.015)


def test_p_does_not_depend_on_scale_or_on_the_other_scores() -> None:
    rng = np.random.default_rng(3)
    scores, held_out = rng.random(50), rng.random(30)
    p = split_conformal_p(scores, held_out)
    assert split_conformal_p(7 * scores, 7 * held_out).tolist() == p.tolist()
    assert [split_conformal_p(scores[[i]], held_out)[0] for i in range(50)] == p.tolist()


@pytest.mark.parametrize("bad", [([1.0], []), ([math.nan], [1.0]), ([1.0], [math.nan])])
def test_no_p_without_scores_that_are_numbers(bad: tuple[list[float], list[float]]) -> None:
    with pytest.raises(ValueError, match="NaN"):
        split_conformal_p(*map(np.array, bad))


@pytest.mark.parametrize("truth", [0.0, 0.1, 0.5, 1.0])
@pytest.mark.parametrize("held_out", [40, 400])
def test_the_interval_of_the_share_covers_the_truth(truth: float, held_out: int) -> None:
    rng = np.random.default_rng(4)
    covered, estimates = [], []
    for _ in range(200):
        foreign = rng.random(200) < truth
        scores = np.where(foreign, 9.0, rng.normal(size=200))
        found = foreign_share(split_conformal_p(scores, rng.normal(size=held_out)), held_out)
        covered.append(found.low <= truth <= found.high)
        estimates.append(found.share)
    assert np.mean(covered) >= 0.92
    assert np.median(estimates) == pytest.approx(truth, abs=0.03)


def test_a_longer_list_of_held_out_images_makes_the_interval_shorter() -> None:
    p = np.linspace(0.001, 1, 500)
    widths = [found.high - found.low for found in (foreign_share(p, 30), foreign_share(p, 3000))]
    assert widths[1] < widths[0]


def test_too_few_held_out_images_give_no_number_but_a_reason() -> None:
    found = foreign_share(np.array([0.1, 0.9]), 18)
    assert math.isnan(found.share)
    assert math.isnan(found.unusual)
    assert "19" in found.reason
    assert foreign_share(np.array([0.1, 0.9]), 19).reason == ""


def test_a_share_needs_p_values() -> None:
    for bad in (np.array([]), np.array([1.5]), np.array([math.nan])):
        with pytest.raises(ValueError, match="p-values"):
            foreign_share(bad, 99)
