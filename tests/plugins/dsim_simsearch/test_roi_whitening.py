"""Whitening: covariances afterwards, shrinkage, and points that do not vary."""

from __future__ import annotations

import numpy as np
import pytest

from dsim_simsearch.whitening import fit_whitening, unit_vectors


@pytest.fixture
def points():
    generator = np.random.default_rng(0)
    return (generator.normal(size=(500, 6)) @ generator.normal(size=(6, 6)) + 3).astype(np.float32)


@pytest.mark.parametrize("strength", [0, 0.5, 1])
def test_the_covariance_afterwards_is_a_power_of_the_one_before(points, strength):
    whitened = fit_whitening(points, strength, 1e-9).whiten(points)
    before, after = (np.cov(some.T.astype(float), bias=True) for some in (points, whitened))
    values, vectors = np.linalg.eigh(before)
    assert np.allclose(after, (vectors * values ** (1 - strength)) @ vectors.T, atol=1e-3)
    assert np.allclose(whitened.mean(axis=0), 0, atol=1e-4)


def test_shrinkage_is_towards_the_mean_variance(points):
    """As scikit-learn's shrunk covariance has it."""
    from sklearn.covariance import shrunk_covariance

    matrix = fit_whitening(points, 1, 0.05).matrix
    expected = shrunk_covariance(np.cov(points.T.astype(float), bias=True), 0.05)
    assert np.allclose(np.linalg.inv(matrix @ matrix), expected)


def test_distances_of_whitened_points_are_those_of_mahalanobis(points):
    from sklearn.covariance import shrunk_covariance

    whitening = fit_whitening(points, 1, 0.05)
    precision = np.linalg.inv(shrunk_covariance(np.cov(points.T.astype(float), bias=True), 0.05))
    difference = points[0].astype(float) - points[1]
    found = ((whitening.whiten(points[0]) - whitening.whiten(points[1])) ** 2).sum()
    assert found == pytest.approx(difference @ precision @ difference, rel=1e-4)


def test_points_that_do_not_vary_become_zero():
    whitened = fit_whitening(np.full((5, 3), 7.0)).whiten(np.full((2, 3), 7.0))
    assert whitened.tolist() == [[0, 0, 0], [0, 0, 0]]
    assert not np.isnan(unit_vectors(whitened)).any()
