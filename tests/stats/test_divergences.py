"""Divergences equal scipy and closed forms, say where they are undefined, and smoothing keeps to what it promises."""

from __future__ import annotations

import math

import numpy as np
import pytest
import scipy.stats

from dsim.stats.divergences import (
    REACH,
    bin_of,
    binned_divergence,
    bkld,
    count_bins,
    kl_divergence,
    shared_edges,
    soften,
)


def weights(seed: int, *shape: int) -> np.ndarray:
    return np.random.default_rng(seed).random(shape)


def test_kl_equals_scipy_and_normalises_as_it_does() -> None:
    p, q = weights(0, 20, 7), weights(1, 20, 7)
    assert kl_divergence(p, q) == pytest.approx(scipy.stats.entropy(p, q, axis=1), rel=1e-12)
    assert kl_divergence(3 * p, 5 * q) == pytest.approx(kl_divergence(p, q), rel=1e-12)


def test_kl_of_two_coins_is_the_closed_form() -> None:
    found = kl_divergence(np.array([0.25, 0.75]), np.array([0.5, 0.5]))
    assert float(found) == pytest.approx(0.25 * math.log(0.5) + 0.75 * math.log(1.5), rel=1e-12)


def test_kl_is_infinite_where_q_lacks_what_p_has_and_finite_the_other_way() -> None:
    p, q = np.array([1.0, 1.0]), np.array([1.0, 0.0])
    assert float(kl_divergence(p, q)) == math.inf
    assert float(kl_divergence(q, p)) == pytest.approx(math.log(2))


@pytest.mark.parametrize("bad", [[0.0, 0.0], [1.0, -0.1], [1.0, math.nan], [1.0, math.inf]])
def test_what_is_no_distribution_has_no_divergence(bad: list[float]) -> None:
    good = np.array([0.5, 0.5])
    assert math.isnan(kl_divergence(np.array(bad), good))
    assert math.isnan(kl_divergence(good, np.array(bad)))


def smoothed(counts: np.ndarray, share: float) -> np.ndarray:
    distribution: np.ndarray = counts / counts.sum(axis=1, keepdims=True)
    return (1 - share) * distribution + share / counts.shape[1]


def test_smoothing_does_not_depend_on_the_number_of_samples() -> None:
    rng = np.random.default_rng(2)
    source, target = rng.integers(0, 5, (9, 12)), rng.integers(0, 5, (9, 12))
    source[:, 0], target[:, 1] = 1, 1
    many = binned_divergence(1000 * source, target, 0.1)
    assert many == pytest.approx(binned_divergence(source, target, 0.1), rel=1e-12)


def test_binned_divergence_is_the_mean_of_the_smoothed_divergences() -> None:
    rng = np.random.default_rng(4)
    source, target = rng.integers(0, 5, (9, 12)), rng.integers(0, 5, (9, 12))
    source[:, 3] = target[:, 3] = 0
    expected = kl_divergence(smoothed(source, 0.2), smoothed(target, 0.2)).mean()
    assert binned_divergence(source, target, 0.2) == pytest.approx(expected, rel=1e-12)
    assert binned_divergence(source, source, 0.2) == 0


def test_binned_divergence_stays_within_its_bound() -> None:
    source, target = np.array([[7, 0, 0, 0]]), np.array([[0, 0, 0, 9]])
    assert 0 < binned_divergence(source, target, 0.01) < math.log(4 / 0.01)


def test_edges_are_the_same_for_everybody_and_grow_in_proportion_far_from_zero() -> None:
    edges = shared_edges(100, 0.1)
    assert len(edges) == 99
    assert (np.diff(edges) > 0).all()
    assert edges == pytest.approx(-edges[::-1])
    assert edges[-1] / edges[-2] == pytest.approx(math.exp(2 * REACH / 100), rel=1e-6)
    assert edges[50] == pytest.approx(0.1 * math.sinh(2 * REACH / 100))
    assert set(shared_edges(50, 0.1).round(9)) <= set(edges.round(9))


def test_bins_take_every_finite_number_and_zero_lies_with_small_positive_ones() -> None:
    edges = shared_edges(50, 0.1)
    numbers = np.array([-1e30, -1e-12, -0.0, 0.0, 1e-12, 1e30], dtype=np.float32)
    assert bin_of(numbers, edges).tolist() == [0, 24, 25, 25, 25, 49]


def test_counts_equal_numpys_histograms() -> None:
    x = np.random.default_rng(5).normal(size=(200, 4))
    edges = shared_edges(20, 0.1)
    outer = np.concatenate([[-np.inf], edges, [np.inf]])
    expected = [np.histogram(column, outer)[0] for column in x.T]
    assert count_bins(bin_of(x, edges), 20).tolist() == [counts.tolist() for counts in expected]


@pytest.mark.parametrize("weighed", [False, True])
def test_bkld_equals_a_straightforward_computation(weighed: bool) -> None:
    """KL(target || softmax(source)) feature by feature, as arXiv:2412.08763's published code forms it."""
    rng = np.random.default_rng(6)
    source, target = rng.integers(0, 9, (5, 8)), rng.integers(0, 9, (5, 8))
    importance = rng.random(5) if weighed else None
    expected = []
    for s, t in zip(source / source.sum(1, keepdims=True), target / target.sum(1, keepdims=True), strict=True):
        q = [math.exp(value) / sum(math.exp(other) for other in s) for value in s]
        expected.append(sum(a * math.log(a / b) for a, b in zip(t, q, strict=True) if a > 0))
    assert bkld(source, target, importance) == pytest.approx(np.average(expected, weights=importance), rel=1e-12)


def test_bkld_is_not_zero_for_equal_datasets() -> None:
    """Why a fingerprint's distance to itself says nothing: the source is flattened almost to uniform."""
    compact = np.array([[10, 0, 0, 0]])
    assert bkld(compact, compact) == pytest.approx(math.log(3 + math.e) - 1)
    assert soften(compact).max() / soften(compact).min() == pytest.approx(math.e)


@pytest.mark.parametrize("shift", [1e2, 1e5, 1e8])
def test_distributions_that_are_all_but_equal_keep_their_divergence(shift: float) -> None:
    rng = np.random.default_rng(3)
    one, other = rng.normal(size=8), rng.normal(size=8)
    # To leading order the divergence is half the squared relative difference of the shares.
    p, q = (x + shift for x in (one, other))
    expected = (((q / q.sum() - p / p.sum()) ** 2) / (2 * p / p.sum())).sum()
    assert float(kl_divergence(p, q)) == pytest.approx(expected, rel=0.1 if shift < 1e3 else 1e-4)


def test_a_share_near_the_least_number_adds_next_to_nothing() -> None:
    for least in (1e-310, 5e-324):
        assert float(kl_divergence([least, 1.0], [0.5, 0.5])) == pytest.approx(math.log(2))
