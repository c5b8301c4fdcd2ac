"""Folds keep groups whole, spread classes as evenly as scikit-learn's, and differ from draw to draw."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.model_selection import StratifiedGroupKFold

from dsim.stats.group_folds import draw_folds

Codes = NDArray[np.intp]


def smears(seed: int) -> tuple[Codes, Codes]:
    """Classes of 900 cells, a few of them rare, and the smear of each; a smear prefers some classes."""
    rng = np.random.default_rng(seed)
    units = np.sort(rng.integers(0, 60, 900))
    prefers = rng.dirichlet([0.4] * 6, 60)
    return np.array([rng.choice(6, p=prefers[unit]) for unit in units]), units


def unevenness(codes: Codes, folds: Codes, count: int) -> float:
    """Mean over classes of the deviation, over folds, of the share of the class."""
    shares = np.array([[(codes[folds == fold] == code).sum() for code in np.unique(codes)] for fold in range(count)])
    return float((shares / shares.sum(axis=0)).std(axis=0).mean())


@pytest.mark.parametrize("seed", range(3))
def test_classes_are_spread_as_evenly_as_by_scikit_learn(seed: int) -> None:
    codes, units = smears(seed)
    ours = draw_folds(codes, units, 10, np.random.default_rng(seed))
    theirs = np.empty_like(ours)
    maker = StratifiedGroupKFold(10, shuffle=True, random_state=seed)
    for fold, (_, test) in enumerate(maker.split(codes, codes, units)):
        theirs[test] = fold
    assert unevenness(codes, ours, 10) < 1.15 * unevenness(codes, theirs, 10)
    assert all(len(np.unique(ours[units == unit])) == 1 for unit in np.unique(units))
    assert set(ours.tolist()) == set(range(10))


def test_single_points_are_dealt_so_that_folds_and_classes_differ_by_one_at_most() -> None:
    codes, _ = smears(0)
    folds = draw_folds(codes, np.arange(len(codes)), 10, np.random.default_rng(0))
    for code in np.unique(codes):
        assert np.ptp(np.bincount(folds[codes == code], minlength=10)) <= 1
    assert np.ptp(np.bincount(folds)) <= 1


def test_draws_differ_and_are_repeated_by_their_seed() -> None:
    codes, units = smears(1)
    one, same, other = (draw_folds(codes, units, 5, np.random.default_rng(seed)) for seed in (0, 0, 1))
    assert np.array_equal(one, same)
    together = one[:, None] == one[None]
    assert (together != (other[:, None] == other[None])).any()


def test_more_folds_than_units_are_refused() -> None:
    with pytest.raises(ValueError, match="3 folds"):
        draw_folds(np.array([0, 1, 0]), np.array([0, 1, 1]), 3, np.random.default_rng(0))
