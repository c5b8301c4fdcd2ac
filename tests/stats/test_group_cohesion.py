"""Groups that cluster are seen, groups of nothing are not, nor a group that is a whole class."""

from __future__ import annotations

import numpy as np

from dsim.stats.group_cohesion import group_cohesion


def _within(points: np.ndarray, classes: np.ndarray, k: int = 5) -> np.ndarray:
    table = np.linalg.norm(points[:, None] - points, axis=2)
    table[classes[:, None] != classes] = np.inf
    np.fill_diagonal(table, np.inf)
    return table.argsort(axis=1)[:, :k]


def test_groups_of_nothing_are_rarely_significant() -> None:
    """The level of the adjusted p over 60 draws: at most 5 %, and a margin of three standard errors."""
    false = 0
    for seed in range(60):
        rng = np.random.default_rng(seed)
        classes = np.zeros(80, dtype=int)
        neighbours = _within(rng.normal(size=(80, 3)), classes)
        found = group_cohesion(neighbours, rng.permutation(np.arange(80) // 8), classes, rng, 99)
        false += bool((found.p <= 0.05).any())
    assert false <= 8


def test_one_shifted_group_is_significant_and_no_other() -> None:
    rng = np.random.default_rng(0)
    points, groups, classes = rng.normal(size=(120, 3)), np.arange(120) // 10, np.zeros(120, dtype=int)
    points[groups == 4] += 8
    found = group_cohesion(_within(points, classes), groups, classes, rng)
    assert np.flatnonzero(found.p <= 0.05).tolist() == [4]
    assert found.share[4] == 1.0
    assert found.expected[4] < 0.2


def test_a_group_that_is_a_class_is_no_cluster() -> None:
    rng = np.random.default_rng(1)
    classes = np.arange(60) // 20
    points = rng.normal(size=(60, 2)) + 20 * classes[:, None]
    found = group_cohesion(_within(points, classes), classes, classes, rng, 99)
    assert found.p.tolist() == [1.0, 1.0, 1.0]
    assert found.expected.tolist() == [1.0, 1.0, 1.0]


def test_small_groups_are_not_judged() -> None:
    rng = np.random.default_rng(2)
    groups = np.array([0, 0, *[1] * 10, *[2] * 10])
    classes = np.zeros(22, dtype=int)
    found = group_cohesion(_within(rng.normal(size=(22, 2)), classes), groups, classes, rng, 99)
    assert np.isnan([found.p[0], found.share[0], found.expected[0]]).all()
    assert not np.isnan(found.p[1:]).any()
