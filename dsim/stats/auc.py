"""The area under the ROC curve: of two classes, and of each class against all others."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


def auc(positive: ArrayLike, scores: ArrayLike) -> float:
    """Return the chance that a positive scores higher than a negative, in [0, 1]; ties count one half.

    Parameters
    ----------
    positive : boolean (n,). ``scores`` : real (n,), without NaN; higher for positives.

    Returns
    -------
    float in [0, 1], 0.5 for chance; NaN without a positive or without a negative. Equals
    ``sklearn.metrics.roc_auc_score``. Raises IndexError where both differ in length.

    References
    ----------
    Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.

    >>> auc([True, False, True, False], [0.9, 0.1, 0.4, 0.4])
    0.875
    """
    is_positive = np.asarray(positive, dtype=bool)
    ranks = _mean_ranks(np.asarray(scores, dtype=np.float64))
    positives = int(is_positive.sum())
    negatives = len(is_positive) - positives
    if not positives or not negatives:
        return float("nan")
    # The sum of the ranks of positives, less what they have among themselves (Mann-Whitney).
    above = ranks[is_positive].sum() - positives * (positives + 1) / 2
    return float(above / (positives * negatives))


def one_against_all(labels: ArrayLike, scores: ArrayLike) -> NDArray[np.float64]:
    """Return the AUC of each class against all others, float64 (k,); NaN for a class that none or all have.

    Parameters
    ----------
    labels : integers (n,) in [0, k). ``scores`` : real (n, k), a column for each class, higher where it is likelier.

    References
    ----------
    Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.

    >>> one_against_all([0, 0, 1], [[0.9, 0.1, 0.0], [0.2, 0.7, 0.1], [0.3, 0.6, 0.1]]).tolist()
    [0.5, 0.5, nan]
    """
    classes, chances = np.asarray(labels), np.asarray(scores, dtype=np.float64)
    return np.array([auc(classes == column, chances[:, column]) for column in range(chances.shape[1])])


def weighted_auc(labels: ArrayLike, scores: ArrayLike) -> float:
    """Return the mean of ``one_against_all``, each class weighted by its share of the labels.

    A class that nobody has weighs nothing: its AUC is not defined, nor asked for. Of two classes whose scores add up
    to one it is their ``auc``. Parameters as there.

    Returns
    -------
    float in [0, 1], 0.5 for chance; NaN where all have one class. Equals
    ``sklearn.metrics.roc_auc_score(..., multi_class="ovr", average="weighted")``, which refuses what lacks a class.

    References
    ----------
    Provost and Domingos 2003, doi:10.1023/A:1024099825458, weighting by class priors.

    >>> weighted_auc([0, 0, 1], [[0.9, 0.1], [0.2, 0.8], [0.3, 0.7]])
    0.5
    """
    each = one_against_all(labels, scores)
    shares = np.bincount(np.asarray(labels), minlength=len(each)) / len(np.asarray(labels))
    known = ~np.isnan(each)
    return float((each * shares)[known].sum() / shares[known].sum()) if known.any() else float("nan")


def _mean_ranks(values: NDArray[Any]) -> NDArray[np.float64]:
    """From 1; tied values share the mean of their ranks."""
    _, place, counts = np.unique(values, return_inverse=True, return_counts=True)
    last = np.cumsum(counts)
    ranks: NDArray[np.float64] = (last - (counts - 1) / 2)[place]
    return ranks
