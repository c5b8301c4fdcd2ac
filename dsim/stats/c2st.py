"""Classifier two-sample test: how well a classifier separates two clouds of points that it has not seen."""

from __future__ import annotations

import warnings
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsim.stats.frames import refuse_hidden

Points = NDArray[np.floating[Any]]
Scores = NDArray[np.float64]
Indices = NDArray[np.intp]
#: Learns from points (n, d) and whether each is of the second class, and scores others: more is more of the second.
Classifier = Callable[[Points, NDArray[np.bool_], Points], Scores]

#: Squares of most points below this share of the mean are rounding to a classifier.
_HIDDEN = 1e-18


class HeldOut(NamedTuple):
    """Scores of the images by classifiers that saw none of their groups, (n,) and (m,), and the fold of each."""

    first: Scores
    second: Scores
    first_folds: Indices
    second_folds: Indices


def logistic(penalty: float) -> Classifier:
    """Return a logistic regression that minimises the mean loss + penalty |w|^2 / 2, both classes weighing the same.

    The classifier raises ValueError where the regression does not converge.
    """

    def learn_and_score(points: Points, is_second: NDArray[np.bool_], others: Points) -> Scores:
        from sklearn.exceptions import ConvergenceWarning
        from sklearn.linear_model import LogisticRegression
        from threadpoolctl import threadpool_limits

        model = LogisticRegression(C=1 / (penalty * len(points)), class_weight="balanced", max_iter=5000)
        # Steps of a millisecond: a second thread would wait for the first, and on a busy machine for long.
        with threadpool_limits(1, "blas"), warnings.catch_warnings():
            warnings.simplefilter("error", ConvergenceWarning)
            try:
                model.fit(points, is_second)
            except ConvergenceWarning:
                raise ValueError("the logistic regression did not converge") from None
        scores: Scores = model.decision_function(others)
        return scores

    return learn_and_score


def neighbours(count: int) -> Classifier:
    """Return a classifier by the share of the second class among the nearest ``count`` points.

    Each class is divided by its own number. The classifier raises ValueError where dimensions differ.

    >>> points, second = np.array([[0.0], [1.0], [8.0], [9.0]]), np.array([False, False, True, True])
    >>> neighbours(1)(points, second, np.array([[2.0], [7.0]])).tolist()
    [0.0, 1.0]
    """

    def learn_and_score(points: Points, is_second: NDArray[np.bool_], others: Points) -> Scores:
        from dsim.stats.euclidean import squared_distances

        nearest = np.argsort(squared_distances(others, points), axis=1, kind="stable")[:, :count]
        weights = np.where(is_second, 1 / is_second.sum(), 1 / (~is_second).sum())[nearest]
        scores: Scores = (weights * is_second[nearest]).sum(axis=1) / weights.sum(axis=1)
        return scores

    return learn_and_score


def held_out_scores(
    a: Points, b: Points, groups: tuple[Indices, Indices], classifier: Classifier, folds: int = 5, seed: int = 0
) -> HeldOut:
    """Return scores of every point by a classifier that learned from the other folds.

    Parameters
    ----------
    a, b : (n, d) and (m, d). Each feature is standardised by the points that a classifier learns from.
    groups : of each point, (n,) and (m,): points of one group, and equal points, share a fold.
    folds, seed : how many folds, and how groups are dealt to them, so that each has its share of both clouds. The
        folds depend on the points' values only, not on their order, nor on which cloud is the first.

    Raises
    ------
    ValueError
        Where some fold leaves nothing of a cloud to learn from, or a classifier does not converge.
    LostDigitsError
        Where few points lie so far off that beside their deviation all others are equal but for rounding.

    References
    ----------
    Lopez-Paz and Oquab 2017, arXiv:1610.06545.

    >>> a, b = np.array([[0.0], [1.0]]), np.array([[8.0], [9.0]])
    >>> held = held_out_scores(a, b, (np.array([0, 1]), np.array([2, 3])), neighbours(1), folds=2)
    >>> auc(held)
    1.0
    """
    points, is_second = np.concatenate([a, b]).astype(np.float64), np.arange(len(a) + len(b)) >= len(a)
    refuse_hidden(points / _scale(points), _HIDDEN)
    group = _joined(points, np.concatenate(groups))
    # In an order that depends on the values alone, all that follows is the same whichever way the points came.
    order = _canonical_order(points, is_second, seed)
    points, is_second, group = points[order], is_second[order], group[order]
    swapped = bool(is_second[0])
    fold = _dealt(group, is_second ^ swapped, folds)
    scores = _scores_by_fold(points, is_second ^ swapped, fold, classifier)
    place = np.argsort(order)
    scores, fold = (-scores if swapped else scores)[place], fold[place]
    return HeldOut(scores[: len(a)], scores[len(a) :], fold[: len(a)], fold[len(a) :])


def _scores_by_fold(points: Points, is_second: NDArray[np.bool_], fold: Indices, classifier: Classifier) -> Scores:
    """Scores (n,) of points (n, d), each by the classifier that learned from the other folds."""
    scores = np.empty(len(points))
    for held in np.unique(fold):
        out = fold == held
        known = is_second[~out]
        if known.all() or not known.any():
            raise ValueError("too few groups of images: some fold leaves none of a dataset to learn from")
        learned, scored = _standardised(points[~out], points[out])
        scores[out] = classifier(learned, known, scored)
    return scores


def concordance(held: HeldOut) -> tuple[Scores, NDArray[np.bool_]]:
    """Return for all pairs (n, m) 1 where the second's score is larger, 1/2 for ties, else 0; and those within a fold.

    Scores of different folds are of different classifiers: only pairs within a fold are compared, so that the mean is
    1/2 on average where both clouds come from one distribution.

    Source: Mann and Whitney 1947, doi:10.1214/aoms/1177730491.

    >>> folds = np.array([0, 1])
    >>> [part.tolist() for part in concordance(HeldOut(np.array([0.1, 0.4]), np.array([0.4, 0.3]), folds, folds))]
    [[[1.0, 1.0], [0.5, 0.0]], [[True, False], [False, True]]]
    """
    first, second = held.first[:, None], held.second
    wins = (second > first) + 0.5 * (second == first)
    return wins, held.first_folds[:, None] == held.second_folds


def auc(held: HeldOut) -> float:
    """Return the area under the ROC curve over pairs within a fold, in [0, 1]; NaN without any pair.

    1/2 where the two samples cannot be distinguished, 1 where they are apart. Source: Lopez-Paz and Oquab 2017,
    arXiv:1610.06545; Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.

    >>> folds = np.array([0, 0])
    >>> auc(HeldOut(np.array([0.1, 0.4]), np.array([0.3, 0.9]), folds, folds))
    0.75
    """
    wins, paired = concordance(held)
    return float(wins[paired].mean()) if paired.any() else float("nan")


def weighted_auc(held: HeldOut, first: Scores, second: Scores) -> Scores:
    """Return ``auc`` of B resamples of held-out scores, (B,); weights, (B, n) and (B, m), say how often each was drawn.

    Source: Lopez-Paz and Oquab 2017, arXiv:1610.06545; Hanley and McNeil 1982, doi:10.1148/radiology.143.1.7063747.

    >>> folds = np.array([0, 0])
    >>> held = HeldOut(np.array([0.1, 0.4]), np.array([0.3, 0.9]), folds, folds)
    >>> weighted_auc(held, np.array([[1.0, 1.0], [0.0, 2.0]]), np.ones((2, 2))).tolist()
    [0.75, 0.5]
    """
    wins, paired = concordance(held)
    won = np.einsum("bi,bi->b", first @ (wins * paired), second)
    pairs = np.einsum("bi,bi->b", first @ paired.astype(np.float64), second)
    found = np.full(len(first), np.nan)
    np.divide(won, pairs, out=found, where=pairs > 0)
    return found


def _standardised(learned: Points, scored: Points) -> tuple[Points, Points]:
    mean, scale = learned.mean(axis=0), _scale(learned)
    return (learned - mean) / scale, (scored - mean) / scale


def _scale(points: Points) -> NDArray[np.float64]:
    """The deviation of each feature; 1 for one that does not vary: it adds nothing."""
    scale: NDArray[np.float64] = points.std(axis=0)
    return np.where(scale <= 1e-12 * np.abs(points.mean(axis=0)), 1.0, scale)


def _joined(points: Points, groups: Indices) -> Indices:
    """One number for all points that are linked by a common group or by equal values, directly or through others."""
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    _, by_value = np.unique(points, axis=0, return_inverse=True)
    _, by_group = np.unique(groups, return_inverse=True)
    values = int(by_value.max()) + 1
    size = values + int(by_group.max()) + 1
    links = coo_array((np.ones(len(points)), (by_value.ravel(), values + by_group.ravel())), shape=(size, size))
    _, component = connected_components(links, directed=False)
    return np.asarray(component[by_value.ravel()], dtype=np.intp)


def _canonical_order(points: Points, is_second: NDArray[np.bool_], seed: int) -> Indices:
    """A random order that depends on the points' values, not on how they came; equal points: the first cloud's first.

    Random: folds that were balanced along any direction would all repeat a chance difference of the clouds, so that
    what is learned from some would be found in the others.
    """
    rng = np.random.default_rng(seed)
    along = (points * rng.standard_normal(points.shape[1])).sum(axis=1)
    return np.lexsort((is_second, along))[rng.permutation(len(points))]


def _dealt(group: Indices, is_second: NDArray[np.bool_], folds: int) -> Indices:
    """A fold for each point: whole groups, the largest first, go where the fewest of their cloud's points are."""
    _, first, group = np.unique(group, return_index=True, return_inverse=True)
    group = np.argsort(np.argsort(first))[group]  # numbered as they come, not by what they are called
    sizes = np.stack([np.bincount(group, ~is_second), np.bincount(group, is_second)], axis=1)
    shares = sizes / sizes.sum(axis=0)
    filled, of_group = np.zeros((folds, 2)), np.empty(len(sizes), dtype=np.intp)
    for number in np.argsort(-sizes.sum(axis=1), kind="stable"):
        of_group[number] = int((filled @ shares[number]).round(12).argmin())
        filled[of_group[number]] += shares[number]
    return np.asarray(of_group[group], dtype=np.intp)
