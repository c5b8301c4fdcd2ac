"""How well detected points find the true ones: one-to-one matching, precision and recall, intervals.

Scores of one class in several images are pooled: a threshold is the same for all images. What is reached of the recall
is limited by the detections; beyond, precision counts as 0.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from dsim.stats.power_law import Estimate
from dsim.stats.resampling import draws, times_drawn

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

#: Resamples of an interval, and its confidence.
RESAMPLES, CONFIDENCE = 1000, 0.95
#: Numbers held at once while resampling: 64 MB.
_HELD = 8_000_000


@dataclass(frozen=True)
class MatchedDetections:
    """Detections of one class in several images, by falling score, and which of them are correct.

    Parameters
    ----------
    scores : float64 (n,), falling. images : (n,) positions of their images. correct : bool (n,).
    truths : (images,) number of true objects of each image, detected or not.
    """

    scores: Floats = field(repr=False)
    images: Places = field(repr=False)
    correct: NDArray[np.bool_] = field(repr=False)
    truths: Places = field(repr=False)


class PrecisionRecall(NamedTuple):
    """Precision and recall (m,) at falling thresholds (m,): the distinct scores, each with all that reach it."""

    precision: Floats
    recall: Floats
    thresholds: Floats


class Area(Protocol):
    """An area under the curve of precision against recall, as ``average_precision`` and ``trapezoid_area`` are."""

    def __call__(self, matched: MatchedDetections, times: Floats | None = None) -> Floats: ...


def match_points(points: Floats, scores: Floats, truth: Floats, distance: float) -> Places:
    """Return the true point that each detection of one image matches, (n,); -1 for a false positive.

    Greedy and one-to-one: by falling score, ties in the order given, each takes the nearest true point that is still
    free at less than the distance. A second detection of one object is a false positive.

    Parameters
    ----------
    points : (n, 2). scores : (n,). truth : (m, 2), in the same pixels. distance : in pixels, not reached.

    Raises ValueError for a score that is NaN.

    References
    ----------
    Everingham et al. 2010, doi:10.1007/s11263-009-0275-4, section 4.2, with a distance in place of the overlap.

    >>> detected = np.array([[0.0, 0.0], [1.0, 0.0], [9.0, 0.0]])
    >>> match_points(detected, np.array([0.5, 0.9, 0.1]), np.array([[1.0, 1.0], [8.0, 0.0]]), 3).tolist()
    [-1, 0, 1]
    """
    if np.isnan(scores).any():
        raise ValueError("scores must not be NaN")
    matches = np.full(len(points), -1, dtype=np.intp)
    if not len(points) or not len(truth):
        return matches
    apart = np.linalg.norm(points[:, None] - truth[None], axis=2)
    apart[apart >= distance] = np.inf
    for detection in np.argsort(-scores, kind="stable"):
        nearest = int(apart[detection].argmin())
        if apart[detection, nearest] < np.inf:
            matches[detection] = nearest
            apart[:, nearest] = np.inf
    return matches


def match_detections(
    points: Sequence[Floats], scores: Sequence[Floats], truth: Sequence[Floats], distance: float
) -> MatchedDetections:
    """Return the detections of several images, matched image by image and sorted by falling score.

    Parameters
    ----------
    points : for each image (n_i, 2). scores : for each image (n_i,). truth : for each image (m_i, 2).
    distance : as of ``match_points``.

    Raises ValueError where the numbers of images differ, or a score is NaN.

    >>> detected, true = [np.array([[0.0, 0.0], [5.0, 5.0]]), np.zeros((0, 2))], [np.zeros((1, 2)), np.ones((2, 2))]
    >>> matched = match_detections(detected, [np.array([0.2, 0.6]), np.zeros(0)], true, 1.0)
    >>> matched.correct.tolist(), matched.truths.tolist()
    ([False, True], [1, 2])
    """
    correct = [match_points(*image, distance) >= 0 for image in zip(points, scores, truth, strict=True)]
    images = np.repeat(np.arange(len(scores), dtype=np.intp), [len(each) for each in scores])
    pooled = np.concatenate([np.zeros(0), *scores]).astype(np.float64)
    order = np.argsort(-pooled, kind="stable")
    hits = np.concatenate([np.zeros(0, dtype=bool), *correct])
    truths = np.array([len(each) for each in truth], dtype=np.intp)
    return MatchedDetections(pooled[order], images[order], hits[order], truths)


def precision_recall(matched: MatchedDetections) -> PrecisionRecall:
    """Return precision and recall at each distinct score, the highest first; recall is NaN without a true object.

    References
    ----------
    Davis and Goadrich 2006, doi:10.1145/1143844.1143874.

    >>> found = MatchedDetections(np.array([0.9, 0.5]), np.zeros(2, np.intp), np.array([True, False]), np.array([2]))
    >>> precision, recall, _ = precision_recall(found)
    >>> precision.tolist(), recall.tolist()
    ([1.0, 0.5], [0.5, 0.5])
    """
    ends = _ends(matched.scores)
    precision, recall = _curve(matched, np.ones((1, len(matched.truths))), ends)
    return PrecisionRecall(precision[0], recall[0], matched.scores[ends])


def average_precision(matched: MatchedDetections, times: Floats | None = None) -> Floats:
    """Return the sum of precisions, each times the recall that its threshold adds; float64 () or (b,), in [0, 1].

    Parameters
    ----------
    times : (b, images), how often each image counts; None: all once, and a single number.

    Returns NaN where there is no true object. Recall that no detection reaches adds nothing.

    References
    ----------
    sklearn.metrics.average_precision_score, with the true objects that were not detected in the denominator.

    >>> found = MatchedDetections(np.array([0.9, 0.5]), np.zeros(2, np.intp), np.array([False, True]), np.array([2]))
    >>> float(average_precision(found))
    0.25
    """
    weights = np.ones((1, len(matched.truths))) if times is None else times
    precision, recall = _curve(matched, weights, _ends(matched.scores))
    area: Floats = (np.diff(recall, axis=1, prepend=0.0) * precision).sum(axis=1)
    area = np.where(weights @ matched.truths > 0, area, np.nan)
    return area[0] if times is None else area


def trapezoid_area(matched: MatchedDetections, times: Floats | None = None) -> Floats:
    """Return the area under straight lines between the points of precision and recall; float64 () or (b,), in [0, 1].

    The curve begins at recall 0 with precision 1, and ends at the largest recall that is reached. It is the area that
    papers call AUC; optimistic, since between two thresholds precision is no straight line.

    Parameters
    ----------
    times : as of ``average_precision``. Returns NaN where there is no true object.

    References
    ----------
    Davis and Goadrich 2006, doi:10.1145/1143844.1143874; sklearn.metrics.auc of precision_recall_curve.

    >>> found = MatchedDetections(np.array([0.9, 0.5]), np.zeros(2, np.intp), np.array([True, False]), np.array([2]))
    >>> float(trapezoid_area(found))
    0.5
    """
    weights = np.ones((1, len(matched.truths))) if times is None else times
    precision, recall = _curve(matched, weights, _ends(matched.scores))
    before = np.concatenate([np.ones((len(weights), 1)), precision[:, :-1]], axis=1)[:, : precision.shape[1]]
    area: Floats = (np.diff(recall, axis=1, prepend=0.0) * (before + precision) / 2).sum(axis=1)
    area = np.where(weights @ matched.truths > 0, area, np.nan)
    return area[0] if times is None else area


def _ends(scores: Floats) -> Places:
    """The last of each run of equal scores: detections of one score enter together."""
    return np.flatnonzero(np.diff(scores, append=-np.inf) != 0) if len(scores) else np.zeros(0, dtype=np.intp)


def _curve(matched: MatchedDetections, weights: Floats, ends: Places) -> tuple[Floats, Floats]:
    """Precision and recall (b, m) of weighted images; precision is 1 before the first detection."""
    counted = weights[:, matched.images]
    found = np.cumsum(counted * matched.correct, axis=1)[:, ends]
    shown = np.cumsum(counted, axis=1)[:, ends]
    total = (weights @ matched.truths)[:, None]
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(shown > 0, found / shown, 1.0), found / total


def score_interval(
    repeats: Sequence[Sequence[MatchedDetections]],
    less: Sequence[Sequence[MatchedDetections]] | None = None,
    *,
    area: Area = average_precision,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> Estimate:
    """Return the mean area over repeats, or the mean difference of two methods, with its interval.

    Repeats (other prototypes, other displayed images) hold trainings, whose mean is the value of the repeat: trainings
    are nested, and only repeats are independent. All are scored on the same test images, which are resampled together.
    The variances over images (bootstrap) and over repeats are added, with Student's quantile (Satterthwaite).

    Parameters
    ----------
    repeats : for each repeat its trainings, one at least. less : the same repeats by another method, subtracted pair
        by pair; the numbers of trainings may differ.
    area : ``average_precision`` or ``trapezoid_area``.

    Returns
    -------
    Estimate
        Bounds are NaN with a single image. With a single repeat the interval is over images alone, and the note says
        so. Bounds of an area are cut to [0, 1].

    Raises ValueError without a repeat, for a repeat without a training, or where repeats of both methods differ.

    References
    ----------
    Efron 1979, doi:10.1214/aos/1176344552; Satterthwaite 1946, doi:10.2307/3002019.

    >>> one = MatchedDetections(np.ones(1), np.zeros(1, np.intp), np.ones(1, bool), np.array([1, 1]))
    >>> score_interval([[one], [one]]).value
    0.5
    """
    if not repeats or not all(map(len, repeats)) or (less is not None and [*map(bool, less)] != [*map(bool, repeats)]):
        raise ValueError("every repeat needs a training, and both methods the same repeats")
    images = len(repeats[0][0].truths)
    times = times_drawn(draws(images, resamples, seed))
    values, resampled = _of_repeats(repeats, area, times)
    if less is not None:
        other, other_resampled = _of_repeats(less, area, times)
        values, resampled = values - other, resampled - other_resampled
    value = float(values.mean())
    if images < 2 or math.isnan(value):
        return Estimate(value, math.nan, math.nan, "one image only: no interval" if images < 2 else "no true object")
    parts = [(float(np.nanvar(resampled)) * images / (images - 1), images - 1)]
    if len(values) > 1:
        parts.append((float(values.var(ddof=1)) / len(values), len(values) - 1))
    half = _half_width(parts, confidence)
    least, most = (0.0, 1.0) if less is None else (-1.0, 1.0)
    note = "" if len(values) > 1 else "one repeat only: the interval is over images alone"
    return Estimate(value, max(value - half, least), min(value + half, most), note)


def _of_repeats(repeats: Sequence[Sequence[MatchedDetections]], area: Area, times: Floats) -> tuple[Floats, Floats]:
    """The area of each repeat (r,), and of their mean on resampled images (b,)."""
    values = np.array([np.mean([area(training) for training in trainings]) for trainings in repeats])
    total = np.zeros(len(times))
    for trainings in repeats:
        total += np.mean([_in_blocks(training, area, times) for training in trainings], axis=0)
    return values, total / len(repeats)


def _in_blocks(matched: MatchedDetections, area: Area, times: Floats) -> Floats:
    rows = max(1, _HELD // max(len(matched.scores), 1))
    return np.concatenate([area(matched, times[start : start + rows]) for start in range(0, len(times), rows)])


def _half_width(parts: Sequence[tuple[float, int]], confidence: float) -> float:
    """Half of Student's interval of a sum of variances, each with its degrees of freedom (Satterthwaite)."""
    from scipy.special import stdtrit

    total = sum(variance for variance, _ in parts)
    if total == 0:
        return 0.0
    freedom = total**2 / sum(variance**2 / degrees for variance, degrees in parts)
    return float(stdtrit(freedom, 0.5 + confidence / 2)) * math.sqrt(total)
