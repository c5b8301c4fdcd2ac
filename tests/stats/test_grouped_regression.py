"""The regression of scores that come in groups finds what scores were drawn from, and knows what it does not know."""

from __future__ import annotations

import numpy as np
import pytest

from dsim.stats.grouped_regression import Group, fit_grouped_regression

WEIGHTS = np.array([0.4, 0.1, -0.05])


def drawn(groups: int, of_group: float, of_member: float, members: int = 12, seed: int = 0) -> list[Group]:
    rng = np.random.default_rng(seed)
    found = []
    for place in range(groups):
        size = members - place % 3  # groups need not be equally large
        rows = np.column_stack([np.ones(size), rng.standard_normal((size, 2))])
        scores = rows @ WEIGHTS + of_group * rng.standard_normal() + of_member * rng.standard_normal(size)
        found.append(Group(rows, scores, np.eye(size), np.full(size, 1e-6)))
    return found


def test_weights_and_variances_are_found() -> None:
    fitted = fit_grouped_regression(drawn(60, 0.2, 0.05), np.array([25.0, 1.0, 1.0]))
    assert fitted.weights[1:] == pytest.approx(WEIGHTS[1:], abs=0.01)
    assert np.sqrt(fitted.of_group) == pytest.approx(0.2, rel=0.3)
    assert np.sqrt(fitted.of_alike + fitted.of_member) == pytest.approx(0.05, rel=0.1)


def test_few_groups_leave_weights_uncertain() -> None:
    few, many = (fit_grouped_regression(drawn(count, 0.2, 0.1), np.array([25.0, 1.0, 1.0])) for count in (3, 60))
    assert np.all(np.diag(few.uncertainty) > np.diag(many.uncertainty))


def test_intervals_cover_new_groups() -> None:
    fitted = fit_grouped_regression(drawn(200, 0.2, 0.1), np.array([25.0, 1.0, 1.0]))
    inside = []
    for group in drawn(200, 0.2, 0.1, seed=1):
        mean, cov = fitted.predict(group.rows, group.likeness)
        inside.append(np.mean(np.abs(group.scores - mean) < 1.96 * np.sqrt(np.diag(cov))))
    assert np.mean(inside) == pytest.approx(0.95, abs=0.03)


def test_alike_members_share_what_properties_do_not_tell() -> None:
    """Pairs of members with one deviation: the likeness takes the variance, not the single member."""
    rng, likeness = np.random.default_rng(4), np.kron(np.eye(6), np.ones((2, 2)))
    groups = []
    for _ in range(30):
        shared = np.repeat(0.2 * rng.standard_normal(6), 2)
        groups.append(Group(np.ones((12, 1)), 0.4 + shared, likeness, np.full(12, 1e-4)))
    fitted = fit_grouped_regression(groups, np.array([25.0]))
    assert fitted.of_alike > 10 * fitted.of_member
    assert np.sqrt(fitted.of_alike) == pytest.approx(0.2, rel=0.2)
