"""Labels beside those of an image's neighbours: shares of votes, and labels that the neighbours contradict."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]


def vote_shares(neighbours: Integers, labels: Integers, classes: int) -> Floats:
    """Return the share of each point's neighbours that have each label: probabilities that its own label is no part of.

    Parameters
    ----------
    neighbours : (n, k), positions of other points, -1 where there are fewer. labels : (n,), from 0 to ``classes`` - 1,
        or -1 where a point has none: it does not vote.

    Returns
    -------
    float64 (n, classes), in [0, 1], each row's sum 1; a row of NaN where nobody votes.

    References
    ----------
    Cover and Hart 1967, doi:10.1109/TIT.1967.1053964.

    >>> vote_shares(np.array([[1, 2], [0, -1], [0, 1]]), np.array([0, 0, 1]), 2).tolist()
    [[0.5, 0.5], [1.0, 0.0], [1.0, 0.0]]
    """
    votes = np.where(neighbours >= 0, labels[neighbours], -1)
    counts = np.stack([(votes == label).sum(axis=1) for label in range(classes)], axis=1).astype(np.float64)
    total = counts.sum(axis=1, keepdims=True)
    shares: Floats = np.divide(counts, total, out=np.full_like(counts, np.nan), where=total > 0)
    return shares


def class_thresholds(shares: Floats, labels: Integers, fewest: int = 5) -> Floats:
    """Return the mean share that points of each class give their own label, (classes,): the class's own threshold.

    NaN for a class of fewer than ``fewest`` points with votes: nothing is said of it, nor in its favour.

    Parameters
    ----------
    shares : (n, classes), rows of NaN allowed. labels : (n,), -1 where a point has none.

    References
    ----------
    Confident learning: Northcutt, Jiang, Chuang 2021, doi:10.1613/jair.1.12125, equation 2.

    >>> class_thresholds(np.array([[0.8, 0.2], [0.6, 0.4], [0.1, 0.9]]), np.array([0, 0, 1]), fewest=2).tolist()
    [0.7, nan]
    """
    thresholds = np.full(shares.shape[1], np.nan)
    for label in range(shares.shape[1]):
        own = shares[labels == label, label]
        own = own[~np.isnan(own)]
        if len(own) >= fewest:
            thresholds[label] = own.mean()
    return thresholds


@dataclass(frozen=True)
class Disagreement:
    """What the neighbours of each of n points say of its label.

    ``suggested`` : intp (n,), the class that is confident by its own threshold, the largest of several; -1 for none.
    ``own``, ``other`` : float64 (n,) in [0, 1], shares of votes of the given and of the suggested label; NaN where it
    is not known. ``contradicted`` : bool (n,).
    """

    suggested: Integers
    own: Floats
    other: Floats
    contradicted: NDArray[np.bool_]


def find_disagreements(
    shares: Floats, labels: Integers, thresholds: Floats, *, most_own: float, least_other: float
) -> Disagreement:
    """Return which labels the neighbours contradict: another class is confident, and the own one has hardly a vote.

    The first condition alone, that of confident learning, lists every image near a boundary where classes overlap.
    Points of a class that has no threshold are never contradicted, and no class without one is suggested.

    Parameters
    ----------
    shares : (n, classes). labels : (n,), -1 where a point has none. thresholds : (classes,), see ``class_thresholds``.
    most_own, least_other : in [0, 1], the largest share of the given label and the smallest of the suggested one.

    References
    ----------
    Northcutt, Jiang, Chuang 2021, doi:10.1613/jair.1.12125, equation 1.

    >>> shares = np.array([[0.0, 1.0], [0.4, 0.6], [0.9, 0.1]])
    >>> given, thresholds = np.array([0, 0, 0]), np.array([0.8, 0.5])
    >>> disagreement = find_disagreements(shares, given, thresholds, most_own=0.2, least_other=0.7)
    >>> disagreement.contradicted.tolist(), disagreement.suggested.tolist()
    ([True, False, False], [1, 1, 0])
    """
    rows = np.arange(len(labels))
    confident = np.where(shares >= thresholds, shares, -1.0)  # comparisons with NaN are false
    best = confident.argmax(axis=1)
    suggested = np.where(confident[rows, best] >= 0, best, -1)
    known = (labels >= 0) & ~np.isnan(shares).any(axis=1)
    known[known] = ~np.isnan(thresholds[labels[known]])
    own = np.where(known, shares[rows, np.maximum(labels, 0)], np.nan)
    other = np.where(known & (suggested >= 0), shares[rows, best], np.nan)
    contradicted = known & (suggested >= 0) & (suggested != labels) & (own <= most_own) & (other >= least_other)
    return Disagreement(suggested, own, other, contradicted)


def swap_power(shares: Floats, labels: Integers, thresholds: Floats, *, most_own: float, least_other: float) -> float:
    """Return the share of labels that would be contradicted if they were another class's: the power on these data.

    Each point with a known label is given each other class that has a threshold; the neighbours stay as they are. The
    given labels count as right, so that wrong ones among them make it a little too small.

    Parameters
    ----------
    As of ``find_disagreements``.

    Returns
    -------
    In [0, 1]; NaN where no point could be given another label.

    References
    ----------
    Northcutt, Jiang, Chuang 2021, doi:10.1613/jair.1.12125 (which labels count as contradicted).

    >>> shares = np.array([[1.0, 0.0], [0.5, 0.5]])
    >>> swap_power(shares, np.array([0, 0]), np.array([0.7, 0.7]), most_own=0.2, least_other=0.6)
    0.5
    """
    hits = trials = 0
    for label in np.flatnonzero(~np.isnan(thresholds)):
        others = np.flatnonzero((labels >= 0) & (labels != label) & ~np.isnan(shares).any(axis=1))
        given = np.full(len(others), label)
        found = find_disagreements(shares[others], given, thresholds, most_own=most_own, least_other=least_other)
        hits += int((found.contradicted & (found.suggested == labels[others])).sum())
        trials += len(others)
    return hits / trials if trials else float("nan")
