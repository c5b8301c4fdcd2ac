"""Findings from features alone: outliers, doubtful labels, and groups that cluster by themselves."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsim.embeddings.neighbours import find_neighbours
from dsim.embeddings.unrelated import find_unrelated_neighbours
from dsim.stats.group_cohesion import GroupCohesion, group_cohesion
from dsim.stats.label_votes import Disagreement, class_thresholds, find_disagreements, swap_power, vote_shares
from dsim.stats.shares import benjamini_hochberg
from dsim.stats.tails import upper_tail_p

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

#: Neighbours whose mean distance says how far out an image lies, and principal axes in which it is measured.
FAR, AXES = 10, 40
#: Neighbours whose labels vote: at most, at least, and at most as this share of the images of the median class.
MOST_VOTERS, FEWEST_VOTERS, OF_CLASS = 25, 5, 1 / 3
#: Neighbours that a group could share.
OWN = 5
#: Largest share of listed outliers that are expected to be none.
FALSE_SHARE = 0.05
#: The given label has at most this share of the votes, the suggested one at least that; chosen on phantoms.
MOST_OWN, LEAST_OTHER = 0.1, 0.7
#: A class is confident with as many votes as its own images have on average, at the most with this share.
CERTAIN = 0.9
#: A group clusters if this share of the neighbours that could be its own are, and p is below the level; on phantoms.
OWN_SHARE, LEVEL = 0.4, 0.05


def unit_rows(features: NDArray[np.floating]) -> Floats:
    """Return features (n, d) with norm 1: their Euclidean distances then order pairs as the cosine does; 0 stays 0."""
    rows = features.astype(np.float64)
    norms = np.linalg.norm(rows, axis=1, keepdims=True)
    return rows / np.where(norms > 0, norms, 1)


def number(texts: Sequence[str]) -> Integers:
    """Return the position of each text among the sorted different ones, intp (n,); -1 for an empty text.

    >>> number(["b", "", "a", "b"]).tolist()
    [1, -1, 0, 1]
    """
    places = {text: place for place, text in enumerate(sorted(set(texts) - {""}))}
    return np.array([places.get(text, -1) for text in texts], dtype=np.intp)


def apart(numbers: Integers) -> Integers:
    """Return a numbering in which those without a number, -1, each have their own.

    >>> apart(np.array([0, -1, -1, 0])).tolist()
    [0, 2, 3, 0]
    """
    return np.where(numbers >= 0, numbers, numbers.max(initial=-1) + 1 + np.arange(len(numbers)))


def half_whitened(points: Floats, axes: int = AXES) -> Floats:
    """Return points (n, d) in their principal axes, each divided by the square root of its standard deviation.

    Directions in which the images differ little count more than they would: there an image of another kind shows.

    Returns
    -------
    float64 (n, k), k at most ``axes``.

    >>> points = np.array([[8.0, 1.0], [-8.0, 1.0], [8.0, -1.0], [-8.0, -1.0]])
    >>> np.abs(half_whitened(points)).round(3).tolist()[0]
    [2.828, 1.0]
    """
    centred = points - points.mean(axis=0)
    variances, directions = np.linalg.eigh(centred.T @ centred / max(1, len(points)))
    order = np.argsort(variances)[::-1][:axes]
    order = order[variances[order] > 1e-12 * max(float(variances[-1]), 1e-300)]
    whitened: Floats = centred @ (directions[:, order] / variances[order] ** 0.25)
    return whitened


def outlier_p(points: Floats, copies: Integers) -> Floats:
    """Return how usual it is to lie as isolated as each image does, p adjusted for all images, (n,) in [0, 1].

    An image's mean distance to its ``FAR`` nearest, no copies among them, is divided by that of these nearest, so that
    a sparse class is not taken for outliers; the logarithm is compared with the tail of all. NaN where there are too
    few images.

    Parameters
    ----------
    points : (n, d). copies : the set of copies of each, (n,).

    References
    ----------
    Local density: Breunig et al. 2000, doi:10.1145/335191.335388.
    """
    unknown = np.full(len(points), np.nan)
    if len(points) <= FAR:
        return unknown
    nearest = find_unrelated_neighbours(half_whitened(points), FAR, [copies], _one_of_each(copies))
    if (nearest.indices < 0).any():
        return unknown
    reach = np.log(np.maximum(nearest.distances.mean(axis=1), 1e-12))
    return benjamini_hochberg(upper_tail_p(reach - reach[nearest.indices].mean(axis=1)))


def _one_of_each(copies: Integers) -> Integers:
    """The first image of each set of copies: the others would vote for it, and stand near it, once more each."""
    return np.sort(np.unique(copies, return_index=True)[1])


@dataclass(frozen=True)
class LabelCheck:
    """The labels beside those of the neighbours; ``power`` : share of labels that would be listed if they were wrong.

    ``neighbours`` : intp (n, k), the nearest unrelated images, which vote. ``classes`` : names. ``small`` : classes of
    fewer than k images that could be judged, which are not.
    """

    disagreement: Disagreement
    neighbours: Integers
    classes: tuple[str, ...]
    small: tuple[str, ...]
    power: float


def check_labels(points: Floats, labels: Sequence[str], groups: Integers, copies: Integers) -> LabelCheck:
    """Return how each label agrees with those of the nearest images of other groups, no copies among them.

    Parameters
    ----------
    points : (n, d). labels : n texts, empty where there is none. groups, copies : numberings (n,), all at least 0.
    """
    classes, codes = tuple(sorted(set(labels) - {""})), number(labels)
    voters = _voters(np.bincount(codes[codes >= 0], minlength=1))
    neighbours = find_unrelated_neighbours(points, voters, [groups, copies], _one_of_each(copies)).indices
    shares = vote_shares(neighbours, codes, len(classes))
    # Few voters are no evidence: where groups leave hardly any image, nothing is known.
    shares[(neighbours >= 0).sum(axis=1) < voters] = np.nan
    own = class_thresholds(shares, codes, voters)
    small = tuple(name for name, threshold in zip(classes, own, strict=True) if np.isnan(threshold))
    # Where all votes of a class agree, a single one for another class must not be enough to keep silent.
    thresholds, limits = np.minimum(own, CERTAIN), {"most_own": MOST_OWN, "least_other": LEAST_OTHER}
    disagreement = find_disagreements(shares, codes, thresholds, **limits)
    power = swap_power(shares, codes, thresholds, **limits)
    return LabelCheck(disagreement, neighbours, classes, small, power)


def _voters(sizes: Integers) -> int:
    """So many neighbours that most classes could fill them."""
    return int(np.clip(np.median(sizes) * OF_CLASS, FEWEST_VOTERS, MOST_VOTERS))


def check_groups(points: Floats, groups: Integers, classes: Integers, rng: np.random.Generator) -> GroupCohesion:
    """Return how each group clusters within its classes, in half-whitened axes, against chance.

    Parameters
    ----------
    points : (n, d). groups : (n,), -1 where an image has none: it takes no part. classes : (n,).
    """
    known = np.flatnonzero(groups >= 0)
    points, groups, classes = half_whitened(points[known]), groups[known], classes[known]
    nearest = np.full((len(points), OWN), -1, dtype=np.intp)
    for label in np.unique(classes):
        members = np.flatnonzero(classes == label)
        k = min(OWN, len(members) - 1)
        if k > 0:
            neighbours = find_neighbours(points[members], points[members], k, leave_one_out=True)
            nearest[members, :k] = members[neighbours.indices]
    return group_cohesion(nearest, groups, classes, rng)
