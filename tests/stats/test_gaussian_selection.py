"""The posterior of candidates' expected scores: closed forms, limits, brute force, and coverage under its own model."""

from __future__ import annotations

import math

import numpy as np
import pytest
from numpy.typing import NDArray

from dsim.stats.gaussian_selection import (
    best_shares,
    condition_on_cases,
    draw_scores,
    expected_loss,
    mean_of_rest,
    mean_within_bounds,
    nearest_semidefinite,
    noise_covariance,
)

Array = NDArray[np.float64]


@pytest.fixture
def model() -> tuple[Array, Array, Array]:
    """A prior of three candidates, two of which are alike, and the noise of one case."""
    likeness = np.array([[1.0, 0.8, 0.1], [0.8, 1.0, 0.2], [0.1, 0.2, 1.0]])
    return np.array([0.5, 0.4, 0.6]), 0.02 * likeness + 0.005, 0.04 * likeness


def test_without_cases_the_prior_is_left(model: tuple[Array, Array, Array]) -> None:
    mean, cov, noise = model
    found = condition_on_cases(mean, cov, np.zeros((3, 0)), noise)
    assert np.array_equal(found[0], mean)
    assert np.array_equal(found[1], cov)


def test_many_cases_outweigh_the_prior(model: tuple[Array, Array, Array]) -> None:
    mean, cov, noise = model
    scores = np.random.default_rng(0).normal(0.3, 0.05, (3, 20_000))
    found, left = condition_on_cases(mean, cov, scores, noise)
    assert found == pytest.approx(scores.mean(axis=1), abs=1e-3)
    assert np.diag(left).max() < 1e-5


def test_one_case_leaves_much_open(model: tuple[Array, Array, Array]) -> None:
    mean, cov, noise = model
    _, left = condition_on_cases(mean, cov, np.array([[0.5], [0.5], [0.5]]), noise)
    assert np.all(np.diag(left) < np.diag(cov))
    assert np.all(np.diag(left) > 0.2 * np.diag(cov))


def test_the_posterior_is_that_of_weighted_draws(model: tuple[Array, Array, Array]) -> None:
    """Brute force: draws of the prior, weighted by how likely they make the scores."""
    mean, cov, noise = model
    scores = np.array([[0.6, 0.55], [0.5, 0.6], [0.3, 0.5]])
    draws = np.random.default_rng(1).multivariate_normal(mean, cov, 400_000)
    errors = scores.T[None] - draws[:, None, :]
    weights = np.exp(-0.5 * np.einsum("nki,ij,nkj->n", errors, np.linalg.inv(noise), errors))
    weights /= weights.sum()
    found, left = condition_on_cases(mean, cov, scores, noise)
    brute = weights @ draws
    assert found == pytest.approx(brute, abs=3e-3)
    assert left == pytest.approx((draws - brute).T @ ((draws - brute) * weights[:, None]), abs=3e-4)


def test_noise_of_each_case_alike_is_noise_of_all(model: tuple[Array, Array, Array]) -> None:
    mean, cov, noise = model
    scores = np.random.default_rng(2).uniform(size=(3, 4))
    one, each = (condition_on_cases(mean, cov, scores, what) for what in (noise, np.stack([noise] * 4)))
    assert each[0] == pytest.approx(one[0])
    assert each[1] == pytest.approx(one[1])


def test_a_noisier_case_counts_less(model: tuple[Array, Array, Array]) -> None:
    mean, cov, noise = model
    scores = np.array([[0.9, 0.1]] * 3)
    found, _ = condition_on_cases(mean, cov, scores, np.stack([noise, 100 * noise]))
    assert np.all(found > mean)


def test_the_better_of_two_has_the_closed_probability() -> None:
    """P(a > b) = Phi((m_a - m_b) / sd(a - b))."""
    mean, cov = np.array([0.5, 0.45]), np.array([[0.004, 0.002], [0.002, 0.006]])
    shares = best_shares(draw_scores(mean, cov, 200_000, np.random.default_rng(0)))
    deviation = math.sqrt(0.004 + 0.006 - 2 * 0.002)
    expected = 0.5 * (1 + math.erf(0.05 / deviation / math.sqrt(2)))
    assert shares[0] == pytest.approx(expected, abs=5e-3)


def test_what_choosing_the_first_loses_has_its_closed_form() -> None:
    """E max(0, d) of a Gaussian d is s phi(m / s) + m Phi(m / s)."""
    mean, cov = np.array([0.5, 0.45]), np.diag([0.004, 0.006])
    found = expected_loss(draw_scores(mean, cov, 200_000, np.random.default_rng(0)), 0)
    s, m = math.sqrt(0.01), -0.05
    expected = s * math.exp(-0.5 * (m / s) ** 2) / math.sqrt(2 * math.pi) + m * 0.5 * (
        1 + math.erf(m / s / math.sqrt(2))
    )
    assert found == pytest.approx(expected, abs=5e-4)


def test_intervals_cover_what_the_model_draws(model: tuple[Array, Array, Array]) -> None:
    """The mean of the rest lies within its 95 % interval as often as it says, after 0, 1 and 3 cases."""
    mean, cov, noise = model
    rng, rest = np.random.default_rng(3), 20
    for count in (0, 1, 3):
        inside = []
        for _ in range(1500):
            true = rng.multivariate_normal(mean, cov)
            cases = rng.multivariate_normal(true, noise, count + rest).T
            found = condition_on_cases(mean, cov, cases[:, :count], noise)
            center, spread = mean_of_rest(*found, noise, rest)
            inside.append(np.abs(cases[:, count:].mean(axis=1) - center) < 1.96 * np.sqrt(np.diag(spread)))
        assert np.mean(inside) == pytest.approx(0.95, abs=0.015), count


def test_candidates_that_agree_entirely_stay_equal() -> None:
    """Two names of one model: no division by zero, one posterior, and half of the probability each."""
    cov = np.full((2, 2), 0.04)
    noise = noise_covariance(np.array([0.5, 0.5]), np.ones((2, 2)), 0.2, 0.0, 0.0)
    found, left = condition_on_cases(np.array([0.5, 0.5]), cov, np.array([[0.7], [0.7]]), noise)
    assert found[0] == pytest.approx(found[1], abs=1e-6)
    shares = best_shares(draw_scores(found.round(6), left.round(9), 2000, np.random.default_rng(0)).round(4))
    assert shares == pytest.approx([0.5, 0.5], abs=0.05)


def test_a_mended_matrix_is_semidefinite_with_its_diagonal() -> None:
    rough = np.array([[1.0, 0.9, -0.9], [0.9, 1.0, 0.9], [-0.9, 0.9, 1.0]])
    mended = nearest_semidefinite(rough)
    assert np.linalg.eigvalsh(rough)[0] < 0 <= np.linalg.eigvalsh(mended)[0] + 1e-12
    assert np.diag(mended) == pytest.approx(np.ones(3))


def test_scores_near_a_bound_spread_less() -> None:
    found = np.diag(noise_covariance(np.array([-0.1, 0.02, 0.5, 1.2]), np.eye(4), 0.2, 0.05, 0.5))
    assert found[0] == found[3] == pytest.approx(0.05**2)
    assert found[0] < found[1] < found[2]


def test_means_within_bounds_are_those_of_the_draws_that_are_cut() -> None:
    """The expected score of a candidate is the mean of what its probabilities are drawn from, also near the bounds."""
    mean, deviation = np.array([-0.1, 0.3, 0.95, 1.2]), np.array([0.2, 0.3, 0.1, 0.3])
    drawn = draw_scores(mean, np.diag(deviation**2), 400_000, np.random.default_rng(0))
    np.testing.assert_allclose(mean_within_bounds(mean, deviation), drawn.mean(axis=0), atol=2e-3)


def test_means_without_spread_are_the_nearest_within_bounds() -> None:
    """A score that is known is itself, and at most the bound."""
    found = mean_within_bounds(np.array([-1.0, 0.0, 0.4, 1.0, 9.0]), np.zeros(5))
    np.testing.assert_allclose(found, [0, 0, 0.4, 1, 1], atol=1e-8)
