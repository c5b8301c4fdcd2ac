"""What a truth says of itself: the best source of each target, the price of simple choices, agreement of the seeds."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

from dsim.data.phantoms import TRUE_SOURCE
from dsim.truth import TransferMatrix

#: A source whose own held-out Dice is below has not been learnt, percent.
LEARNT = 70.0


@dataclass(frozen=True)
class Facts:
    """All but ``own`` and ``own_spread`` without self pairs; scores in percent.

    Parameters
    ----------
    means, spread : (sources, targets), mean and standard deviation over the seeds.
    own, own_spread : (sources,), on other scenes of the same phantom.
    best : of each target the source with the largest mean.
    kin : of each target the other source of the same modality; empty where there is none.
    regret_random, regret_fixed : points lost, mean over targets, by a source drawn at random, and by ``fixed``, the one
        with the best mean over all targets, always (the next best where it is the target itself): over all targets,
        those with kin, those without.
    seeds_agree : Spearman's correlation of the sources' scores of two seeds, mean over pairs of seeds and targets.
    best_again : share of targets and seeds where the best source of a seed is that of the mean of the others.
    """

    means: NDArray[np.float64]
    spread: NDArray[np.float64]
    own: NDArray[np.float64]
    own_spread: NDArray[np.float64]
    best: tuple[str, ...]
    kin: tuple[str, ...]
    fixed: str
    regret_random: tuple[float, float, float]
    regret_fixed: tuple[float, float, float]
    seeds_agree: float
    best_again: float


def kin_of(target: str, sources: tuple[str, ...]) -> str:
    """The source, other than the target itself, that shows the same modality; empty where there is none.

    >>> kin_of("relief-drifted", ("xray", "relief")), kin_of("relief", ("xray", "relief"))
    ('relief', '')
    """
    name = TRUE_SOURCE.get(target, target.removesuffix("-drifted"))
    return name if name in sources and name != target else ""


def facts(truth: TransferMatrix) -> Facts:
    """Everything that the card tells."""
    values = truth.values.copy()
    selves = [(truth.sources.index(name), truth.targets.index(name)) for name in truth.sources if name in truth.targets]
    rows, columns = map(list, zip(*selves, strict=True))
    own = values[rows, columns]
    values[rows, columns] = np.nan
    means, spread = values.mean(axis=2), values.std(axis=2, ddof=1)
    kin = tuple(kin_of(target, truth.sources) for target in truth.targets)
    ranked = np.argsort(-np.nanmean(means, axis=1), kind="stable")
    top = np.nanmax(means, axis=0)
    lost = {"random": top - np.nanmean(means, axis=0), "fixed": top - _first_known(means[ranked])}
    return Facts(
        means=means,
        spread=spread,
        own=own.mean(axis=1),
        own_spread=own.std(axis=1, ddof=1),
        best=tuple(truth.sources[i] for i in np.nanargmax(means, axis=0)),
        kin=kin,
        fixed=truth.sources[ranked[0]],
        regret_random=_by_kin(lost["random"], kin),
        regret_fixed=_by_kin(lost["fixed"], kin),
        seeds_agree=seeds_agree(values),
        best_again=best_again(values),
    )


def _by_kin(lost: NDArray[np.float64], kin: tuple[str, ...]) -> tuple[float, float, float]:
    """Mean over all targets, over those with a source of their modality, and over those without."""
    has = np.array([bool(name) for name in kin])
    return float(np.nanmean(lost)), float(np.nanmean(lost[has])), float(np.nanmean(lost[~has]))


def _first_known(rows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each column the first number that is not NaN."""
    known: NDArray[np.float64] = rows[np.argmax(~np.isnan(rows), axis=0), np.arange(rows.shape[1])]
    return known


def seeds_agree(values: NDArray[np.float64]) -> float:
    """Spearman's correlation of the sources' scores of two seeds, mean over targets and pairs of seeds.

    ``values`` (sources, targets, seeds); self pairs NaN.
    """
    found = []
    for column in np.moveaxis(values, 1, 0):
        known = column[~np.isnan(column[:, 0])]
        varied = [seed for seed in range(values.shape[2]) if np.ptp(known[:, seed]) > 0]
        found += [spearmanr(known[:, a], known[:, b]).statistic for a, b in combinations(varied, 2)]
    return float(np.mean(found)) if found else float("nan")


def best_again(values: NDArray[np.float64]) -> float:
    """Share of targets and seeds where the best source of a seed is that of the mean of the others; as above."""
    seeds = range(values.shape[2])
    hits = [
        np.nanargmax(values[:, :, seed], axis=0) == np.nanargmax(np.delete(values, seed, axis=2).mean(axis=2), axis=0)
        for seed in seeds
    ]
    return float(np.mean(hits))
