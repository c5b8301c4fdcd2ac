"""How sure a balanced accuracy is: over draws of the training images, and over groups of test images.

The spread over draws says how lucky one can be with the images that are labelled; it says nothing about other patients,
for all draws are judged on the same test images. Resampling whole groups of test images says that. Both are of
predictions that were kept: nothing is fitted again.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.stats.resampling import draws as drawn_with_replacement
from dsim.stats.resampling import mean_interval, sign_flip_p, times_drawn

Array = NDArray[np.float64]
Integers = NDArray[np.integer[Any]]

CONFIDENCE = 0.95
RESAMPLES = 2000
#: Numbers held at once while resampling: 64 MB.
_HELD = 8_000_000
#: Differences of accuracies below this are none.
_ROUNDING = 1e-12


@dataclass(frozen=True)
class TestUnits:
    """Test images in their units, groups or single images, and in cells: the images of one class in one unit.

    Parameters
    ----------
    truth : class of each test image, integers (t,). ``order`` : the images sorted by cell, intp (t,).
    starts : of each cell its first image in that order, intp (cells,). ``sizes`` : images of each cell, float64.
    units : unit of each cell, intp. ``classes`` : the first cell of each class; cells are sorted by class.
    count : how many units there are. ``grouped`` : whether they are groups.
    """

    # Not a test, for all its name.
    __test__ = False

    truth: Integers
    order: NDArray[np.intp]
    starts: NDArray[np.intp]
    sizes: Array
    units: NDArray[np.intp]
    classes: NDArray[np.intp]
    count: int
    grouped: bool

    @classmethod
    def of(cls, truth: Integers, groups: Sequence[str] | None = None) -> TestUnits:
        """Return the units of test images with classes (t,), and groups of t texts; each image is one without groups.

        Raises ValueError without test images, and where there is not one group for each.

        >>> units = TestUnits.of(np.array([0, 0, 1, 1]), ["a", "a", "a", "b"])
        >>> units.count, units.sizes.tolist()
        (2, [2.0, 1.0, 1.0])
        """
        if not len(truth):
            raise ValueError("there are no test images")
        if groups is not None and len(groups) != len(truth):
            raise ValueError(f"{len(truth)} test images have {len(groups)} groups")
        names = np.arange(len(truth)) if groups is None else np.unique(np.array(groups), return_inverse=True)[1]
        order = np.lexsort((names, truth))
        by_cell = np.stack([truth[order], names[order]])
        starts = np.flatnonzero(np.concatenate([[True], (np.diff(by_cell) != 0).any(axis=0)]))
        sizes = np.diff(np.append(starts, len(truth))).astype(np.float64)
        classes = np.flatnonzero(np.diff(by_cell[0, starts], prepend=-1))
        return cls(truth, order, starts, sizes, by_cell[1, starts], classes, int(names.max()) + 1, groups is not None)

    def hits(self, predictions: Integers) -> Array:
        """Return how many images of each cell are recognised, float64 (..., cells), of predictions (..., t)."""
        right = (predictions == self.truth)[..., self.order]
        return np.add.reduceat(right, self.starts, axis=-1, dtype=np.int32).astype(np.float64)

    def totals(self, values: Array) -> Array:
        """Return the sum over the images of each cell, float64 (..., cells), of values of images (..., t)."""
        found: Array = np.add.reduceat(values[..., self.order], self.starts, axis=-1, dtype=np.float64)
        return found

    def accuracy(self, hits: Array, weights: Array | None = None) -> Array:
        """Return balanced accuracies (...) of hits (..., cells), of which units count as ``weights`` (..., units) say.

        A class without a unit that counts is left out; NaN where there is none at all.
        """
        each = np.ones(len(self.sizes)) if weights is None else weights[..., self.units]
        with np.errstate(invalid="ignore"):
            right = np.add.reduceat(hits * each, self.classes, axis=-1)
            shares = right / np.add.reduceat(self.sizes * each, self.classes, axis=-1)
            known = ~np.isnan(shares)
            found: Array = np.where(known, shares, 0.0).sum(axis=-1) / known.sum(axis=-1)
        return found

    def shares(self, hits: Array) -> Array:
        """Return what each unit adds to the balanced accuracy, (..., units): their sum is the accuracy."""
        lengths = np.diff(np.append(self.classes, len(self.sizes)))
        totals = np.repeat(np.add.reduceat(self.sizes, self.classes), lengths)
        added = (hits / totals / len(self.classes)).reshape(-1, len(self.sizes))
        rows = [np.bincount(self.units, weights=row, minlength=self.count) for row in added]
        found: Array = np.array(rows, dtype=np.float64).reshape(*hits.shape[:-1], self.count)
        return found


@dataclass(frozen=True)
class AccuracySpread:
    """A mean balanced accuracy in [0, 1] with both kinds of spread.

    Parameters
    ----------
    mean : over draws. ``sd`` : standard deviation over draws (divisor r - 1), NaN of a single one.
    lowest, highest : between which draws lie, but for (1 - confidence) / 2 on each side.
    low, high : interval of the mean over other test units, with the same draws; NaN for a single unit.
    draws, units : how many there are. ``grouped`` : whether units are groups of images; else single images, whose
        interval is too narrow where several are of one patient.
    """

    mean: float
    sd: float
    lowest: float
    highest: float
    low: float
    high: float
    draws: int
    units: int
    grouped: bool

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them: NaN is null."""
        return _plain(vars(self))


@dataclass(frozen=True)
class AccuracyDifference:
    """First less second mean balanced accuracy, on the same draws and test images.

    Parameters
    ----------
    difference : of the means. ``low``, ``high`` : its interval, over test units and draws together.
    p : would other test units and other draws say the same? Of Student's t, with the variances over both added; NaN for
        a single unit.
    p_units : of sign flips over test units: would other patients, with these labelled images? Too small where draws
        differ much. ``p_draws`` : of sign flips over draws: would other labelled images, on these patients? NaN of one.
    wins : share of draws in which the first is better; ties count half.
    """

    difference: float
    low: float
    high: float
    p: float
    p_units: float
    p_draws: float
    wins: float
    draws: int
    units: int
    grouped: bool

    @property
    def clear(self) -> bool:
        """Whether the interval leaves out 0, and p is below 1 - 0.95."""
        return (self.low > 0 or self.high < 0) and self.p < 1 - CONFIDENCE

    def to_dict(self) -> dict[str, Any]:
        """Return the fields as JSON has them: NaN is null."""
        return _plain(vars(self))


def measure_spread(
    predictions: Integers,
    truth: Integers,
    groups: Sequence[str] | None = None,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> AccuracySpread:
    """Return mean and spread of the balanced accuracy of r draws on t test images.

    Parameters
    ----------
    predictions : class of each test image in each draw, integers (r, t). truth : (t,).
    groups : of each test image, t texts: whole groups are resampled, else images.

    Raises ValueError for shapes that do not match.

    References
    ----------
    Efron 1979, doi:10.1214/aos/1176344552; Hesterberg 2015, doi:10.1080/00031305.2015.1089789 (few units).

    >>> truth = np.array([0, 0, 1, 1])
    >>> spread = measure_spread(np.array([[0, 0, 1, 1], [0, 1, 1, 1]]), truth)
    >>> spread.mean, round(spread.sd, 3), spread.units
    (0.875, 0.177, 4)
    """
    units, hits = _units_and_hits(truth, groups, predictions)
    each = units.accuracy(hits)
    resampled = units.accuracy(hits.mean(axis=0), times_drawn(drawn_with_replacement(units.count, resamples, seed)))
    mean, tail = float(each.mean()), (1 - confidence) / 2
    lowest, highest = (float(bound) for bound in np.quantile(each, [tail, 1 - tail]))
    low, high = mean_interval(mean, resampled, units.count, confidence) if units.count > 1 else (math.nan, math.nan)
    sd = float(each.std(ddof=1)) if len(each) > 1 else math.nan
    return AccuracySpread(
        mean, sd, lowest, highest, max(low, 0.0), min(high, 1.0), len(each), units.count, units.grouped
    )


def compare_accuracies(
    first: Integers,
    second: Integers,
    truth: Integers,
    groups: Sequence[str] | None = None,
    *,
    confidence: float = CONFIDENCE,
    resamples: int = RESAMPLES,
    seed: int = 0,
) -> AccuracyDifference:
    """Return the difference of two balanced accuracies on the same draws and test images, paired in both.

    Parameters
    ----------
    first, second : predictions, integers (r, t), of the same draws in the same order.

    Raises ValueError for shapes that do not match.

    References
    ----------
    Owen 2007, doi:10.1214/07-AOAS122 (both ways resampled: not too narrow); Satterthwaite 1946, doi:10.2307/3002019;
    Fisher 1935, The Design of Experiments, section 21 (sign flips).

    >>> truth = np.array([0, 0, 0, 1, 1, 1])
    >>> both = compare_accuracies(np.array([[0, 0, 0, 1, 1, 1]]), np.array([[1, 1, 0, 1, 0, 0]]), truth)
    >>> round(both.difference, 3), both.p_units
    (0.667, 0.125)
    """
    if first.shape != second.shape:
        raise ValueError(f"predictions of both must be of the same draws, got {first.shape} and {second.shape}")
    units, hits = _units_and_hits(truth, groups, np.stack([first, second]))
    each, added = _without_rounding(units, hits)
    difference, several = float(each.mean()), len(each) > 1
    wins = float((each > 0).mean() + (each == 0).mean() / 2)
    p_draws = sign_flip_p(each, seed) if several else math.nan
    if units.count < 2:
        return AccuracyDifference(
            difference, math.nan, math.nan, math.nan, math.nan, p_draws, wins, len(each), units.count, units.grouped
        )
    both = _resampled(units, np.moveaxis(hits, 0, 1), resamples, seed)
    cases = min(units.count, len(each)) if several else units.count
    low, high = mean_interval(difference, both[:, 0] - both[:, 1], cases, confidence)
    over_units = _resampled(units, np.moveaxis(hits, 0, 1).mean(axis=0, keepdims=True), resamples, seed)
    p_units = sign_flip_p(added, seed)
    p = _student_p(difference, each, over_units[:, 0] - over_units[:, 1], units.count, p_units)
    return AccuracyDifference(difference, low, high, p, p_units, p_draws, wins, len(each), units.count, units.grouped)


def _without_rounding(units: TestUnits, hits: Array) -> tuple[Array, Array]:
    """Differences of each draw (r,) and what each unit adds to their mean, of hits (2, r, cells)."""
    each, added = np.subtract(*units.accuracy(hits)), np.subtract(*units.shares(hits.mean(axis=1)))
    first, second = (np.where(np.abs(values) < _ROUNDING, 0.0, values) for values in (each, added))
    return first, second


def _student_p(difference: float, each: Array, over_units: Array, units: int, alone: float) -> float:
    """Two-sided p with the variances over draws and over units added, and Satterthwaite's degrees of freedom."""
    from scipy.special import stdtr

    known = over_units[~np.isnan(over_units)]
    variances = [float(known.var()) * units / (units - 1)]
    freedoms = [units - 1]
    if len(each) > 1:
        variances.append(float(each.var(ddof=1)) / len(each))
        freedoms.append(len(each) - 1)
    total = sum(variances)
    if total < _ROUNDING**2:
        # Nothing varies: the signs alone say what can be said.
        return alone
    freedom = total**2 / sum(one**2 / degrees for one, degrees in zip(variances, freedoms, strict=True))
    return float(2 * stdtr(freedom, -abs(difference) / math.sqrt(total)))


def resample_means(
    predictions: Integers,
    truth: Integers,
    groups: Sequence[str] | None = None,
    *,
    resamples: int = 1000,
    seed: int = 0,
    over_tests: bool = True,
) -> Array:
    """Return bootstrapped mean balanced accuracies of a curve, (resamples, m), over draws and test units together.

    They are the ``replicates`` of ``dsim.stats.power_law.fit_power_law``. All counts are resampled alike.

    Parameters
    ----------
    predictions : (r, m, t), of r draws at m counts. over_tests : False for the same test images in all of them.

    >>> resample_means(np.array([[[0, 0, 1, 1], [0, 1, 1, 1]]]), np.array([0, 0, 1, 1]), resamples=5).shape
    (5, 2)
    """
    units, hits = _units_and_hits(truth, groups, predictions)
    return _resampled(units, hits, resamples, seed, over_tests)


def _resampled(units: TestUnits, hits: Array, resamples: int, seed: int, over_tests: bool = True) -> Array:
    """Mean accuracies (resamples, m) of hits (r, m, cells)."""
    of_draws = times_drawn(drawn_with_replacement(len(hits), resamples, seed)) / len(hits)
    of_units = times_drawn(drawn_with_replacement(units.count, resamples, seed + 1)) if over_tests else None
    flat = hits.reshape(len(hits), -1)
    means = np.empty((resamples, hits.shape[1]))
    for rows in _blocks(resamples, max(1, _HELD // flat.shape[1])):
        mixed = (of_draws[rows] @ flat).reshape(-1, *hits.shape[1:])
        means[rows] = units.accuracy(mixed, None if of_units is None else of_units[rows, None])
    return means


def _blocks(n: int, size: int) -> Iterator[slice]:
    return (slice(start, min(start + size, n)) for start in range(0, n, size))


def _units_and_hits(truth: Integers, groups: Sequence[str] | None, predictions: Integers) -> tuple[TestUnits, Array]:
    if predictions.ndim < 2 or predictions.shape[-1:] != truth.shape or not predictions.size:
        raise ValueError(f"predictions must be (draws, ..., {len(truth)}), got {predictions.shape}")
    units = TestUnits.of(truth, groups)
    return units, units.hits(predictions)


def _plain(fields: dict[str, Any]) -> dict[str, Any]:
    """NaN as null."""
    return {
        name: None if isinstance(value, float) and not math.isfinite(value) else value for name, value in fields.items()
    }
