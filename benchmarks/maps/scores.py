"""Scores of one map, and of several maps of the same images: agreement over seeds, and paired differences."""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import combinations
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.data import Dataset
from dsim.embeddings import neighbour_overlap, procrustes_disparity, trustworthiness
from dsim.stats.map_scores import KnnShares, group_neighbours, knn_accuracy, repeated_knn, silhouettes
from dsim.stats.share_intervals import compare_shares, share_interval

Floats = NDArray[np.floating[Any]]

#: As in the paper, and the repeats of splits into ten folds.
K, REPEATS = 15, 3
#: More points are trusted by a sample of so many: all ranks of all points are needed.
TRUSTED = 2000


def score_map(points: Floats, dataset: Dataset, pixels: Floats) -> dict[str, float | None]:
    """Return the scores of a map, points (n, 2), of a labelled dataset; None where there is none.

    ``paper_knn`` and ``silhouette`` are the paper's; ``knn`` and ``balanced`` are of repeated splits that keep groups
    whole; ``trust`` is of neighbours in the plane, by the pixels (n, d) of the images.
    """
    labels = dataset.labels or ()
    shares = repeated_shares(points, dataset)
    shown = silhouettes(points, labels)
    near = group_neighbours(points, dataset.groups, labels, k=K)
    some = np.unique(np.linspace(0, len(points) - 1, min(TRUSTED, len(points))).round().astype(int))
    values = {
        "paper_knn": knn_accuracy(points, labels, k=K),
        "knn": shares.accuracy,
        "balanced": shares.balanced,
        "silhouette": shown.mean,
        "trust": trustworthiness(pixels[some], points[some], K),
        **near._asdict(),
    }
    return {name: _short(value) for name, value in values.items()}


def repeated_shares(points: Floats, dataset: Dataset) -> KnnShares:
    """Return how often neighbours recognise each image, in repeated splits that keep groups whole where they are known.

    Splits are the same for all maps of a dataset.
    """
    return repeated_knn(points, dataset.labels or (), dataset.groups, k=K, repeats=REPEATS)


def agreement(maps: Sequence[Floats]) -> dict[str, float | None]:
    """Return how alike maps of several seeds are: mean neighbour overlap and Procrustes disparity over all pairs."""
    pairs = list(combinations(maps, 2))
    if not pairs:
        return {"overlap": None, "procrustes": None}
    overlaps = [float(neighbour_overlap(a, b, K).mean()) for a, b in pairs]
    disparities = [procrustes_disparity(a, b) for a, b in pairs]
    return {"overlap": _short(float(np.mean(overlaps))), "procrustes": _short(float(np.mean(disparities)))}


def pooled(shares: Sequence[KnnShares], *, balanced: bool = False) -> dict[str, float | None]:
    """Return the accuracy over seeds, with its interval over groups (or images) and seeds."""
    found = share_interval(_stacked(shares), shares[0].codes, shares[0].groups, balanced=balanced)
    return {"value": _short(found.value), "low": _short(found.low), "high": _short(found.high)}


def difference(first: Sequence[KnnShares], second: Sequence[KnnShares]) -> dict[str, Any]:
    """Return the first accuracy less the second, paired by images and splits, with its interval."""
    found = compare_shares(_stacked(first), _stacked(second), first[0].codes, first[0].groups)
    values = {key: _short(getattr(found, key)) for key in ("difference", "low", "high")}
    return {**values, "seeds": found.seeds, "clear": bool(found.clear)}


def _stacked(shares: Sequence[KnnShares]) -> NDArray[np.float64]:
    return np.stack([each.shares for each in shares])


def _short(value: float) -> float | None:
    """Four decimals, as JSON has them."""
    return round(float(value), 4) if math.isfinite(value) else None
