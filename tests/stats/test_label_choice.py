"""Points to label next equal those of plain loops, and are the same every time."""

from __future__ import annotations

import numpy as np
import pytest
from sklearn.cluster import KMeans

from dsim.stats.label_choice import k_centres, typical_points


def naive_centres(points: np.ndarray, labelled: list[int], count: int) -> tuple[int, ...]:
    """Distances anew for every choice."""
    taken = list(labelled)
    for _ in range(count):
        if not taken:
            taken.append(int(np.linalg.norm(points - points.mean(axis=0), axis=1).argmin()))
            continue
        away = [
            -1 if i in taken else min(np.linalg.norm(points[i] - points[j]) for j in taken) for i in range(len(points))
        ]
        taken.append(int(np.argmax(away)))
    return tuple(taken[len(labelled) :])


def naive_typical(points: np.ndarray, labelled: list[int], count: int) -> tuple[int, ...]:
    """TypiClust as its paper has it, point by point."""
    number = min(len(labelled) + count, len(points) // 10)
    clusters = KMeans(number, n_init=1, random_state=0).fit_predict(points)
    members = {c: [i for i in range(len(points)) if clusters[i] == c] for c in range(number)}
    large = [c for c in members if len(members[c]) > 5]
    order = sorted(large, key=lambda c: (sum(i in labelled for i in members[c]), -len(members[c]), c))
    chosen: list[int] = []
    turn = 0
    while len(chosen) < count:
        left = [i for i in members[order[turn % len(order)]] if i not in labelled and i not in chosen]
        turn += 1
        if left:
            near = min(20, len(left) // 2)
            mean = [np.mean(sorted(np.linalg.norm(points[i] - points[left], axis=1))[1 : near + 1]) for i in left]
            chosen.append(left[int(np.argmin(mean))] if near else left[0])
    return tuple(chosen)


@pytest.mark.parametrize("labelled", [[], [3], [0, 10, 20, 30]])
def test_choices_equal_those_of_plain_loops(labelled: list[int]) -> None:
    points = np.random.default_rng(0).normal(size=(120, 4)) + 4 * np.repeat(np.eye(4), 30, axis=0)
    assert k_centres(points, labelled, 9) == naive_centres(points, labelled, 9)
    for count in (6, 20):
        assert typical_points(points, labelled, count) == naive_typical(points, labelled, count)


def test_k_centres_are_within_twice_the_best_radius() -> None:
    """The bound of Gonzalez; the best radius of all pairs of centres, tried one by one."""
    points = np.random.default_rng(1).random((14, 2))
    table = np.linalg.norm(points[:, None] - points, axis=2)
    best = min(table[:, [i, j]].min(axis=1).max() for i in range(14) for j in range(i))
    assert table[:, list(k_centres(points, [], 2))].min(axis=1).max() <= 2 * best + 1e-12


def test_typical_points_are_of_different_clusters_and_not_outliers() -> None:
    rng = np.random.default_rng(2)
    points = np.concatenate([rng.normal(centre, 0.1, (25, 2)) for centre in ((0, 0), (5, 0), (0, 5))])
    points[7] = (1.2, 1.2)
    chosen = typical_points(points, [], 3)
    assert {place // 25 for place in chosen} == {0, 1, 2}
    assert 7 not in chosen
    assert 7 in k_centres(points, [], 4)
    # A cluster that has a label comes last.
    assert {place // 25 for place in typical_points(points, [0], 2)} == {1, 2}


@pytest.mark.parametrize("choose", [k_centres, typical_points])
def test_equal_points_and_large_counts_are_fine(choose: object) -> None:
    points = np.zeros((8, 3))
    assert sorted(choose(points, [2], 20)) == [0, 1, 3, 4, 5, 6, 7]  # type: ignore[operator]
    assert choose(points, range(8), 3) == ()  # type: ignore[operator]
    assert choose(points, [], 0) == ()  # type: ignore[operator]
