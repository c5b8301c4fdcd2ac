"""The Fréchet distance: two clouds of features as Gaussians."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import chain

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView, digits_kept, finite_blocks, frame_of, refuse_other_dimension
from dsim.plugin import MeasureError, SimilarityMeasure
from dsim.stats.frames import Frame, Points, refuse_drowned, typical_square, unit_of
from dsim.stats.frechet import (
    Moments,
    covariance_factor,
    extrapolated,
    frechet_distance,
    merged,
    moments,
    points_factor,
)
from dsim_distributions.specs import FRECHET

#: Features of at most this many images (or as many as there are features) are kept, for resamples; of more, moments.
KEPT = 4096
#: Images that a covariance needs; extrapolation needs as many in each half.
_LEAST = 2
_NOTHING = moments(np.empty((0, 0)))

Draws = Sequence[NDArray[np.intp]]


@dataclass(frozen=True)
class Gaussian:
    """Mean, float64 (d,), and factor, float64 (r, d), of the covariance of some images."""

    mean: NDArray[np.float64]
    factor: NDArray[np.float64]


@dataclass(frozen=True)
class Gaussians:
    """All images of a dataset and, for extrapolation, its two halves, as Gaussians.

    ``means`` is (k, d), k = 1 or 3; ``factors`` holds the factors of the covariances one below the other, ``ranks``
    rows each. ``points`` are the features (n, d), or (0, d) where there are too many to keep; ``halving`` is
    the seed that divides images into halves.
    """

    n: int
    halving: int
    ranks: tuple[int, ...]
    means: NDArray[np.float64]
    factors: NDArray[np.float64]
    points: Points

    def __getitem__(self, part: int) -> Gaussian:
        """Part 0 is the whole, 1 and 2 are its halves."""
        start = sum(self.ranks[:part])
        return Gaussian(self.means[part], self.factors[start : start + self.ranks[part]])


class FrechetDistance(SimilarityMeasure[Gaussians]):
    """Squared distance of means plus squared Bures distance of covariances; a distance in [0, inf).

    With unbiased=extrapolate it may be negative. Source: Dowson and Landau 1982, doi:10.1016/0047-259X(82)90077-X;
    as FID: Heusel et al. 2017, arXiv:1706.08500; extrapolated: Chong and Forsyth 2020, arXiv:1911.07023.

    Features are (n, d). Raises MeasureError for too few images to have a covariance.

    >>> import dsim
    >>> near = np.arange(3, dtype=np.float32)[:, None]
    >>> pair = dsim.from_arrays(features=near, name="near"), dsim.from_arrays(features=near + 3, name="far")
    >>> round(float(dsim.compare(pair[:1], pair[1:], measure="frechet", floor=False).values[0, 0]), 4)
    9.0
    """

    spec = FRECHET
    extractor: str
    unbiased: str

    def extractors(self) -> tuple[str, ...]:
        return (self.extractor,)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Gaussians:
        self._refuse_small(len(data), repr(data.dataset.name))
        halving = int(rng.integers(2**31))
        blocks = finite_blocks(data, self.extractor)
        first = next(blocks)
        every = chain([first], blocks)
        if len(data) <= max(KEPT, first.shape[1]):
            return self._of_points(np.concatenate(list(every)), halving)
        return self._of_blocks(every, len(data), halving)

    def compare(self, source: Gaussians, target: Gaussians) -> float:
        refuse_other_dimension(source.means.shape[1], target.means.shape[1])
        frame = self._frame(source, target)
        one, other = self._placed(source, frame), self._placed(target, frame)
        values = [_distance(one[part], other[part]) for part in range(len(source.ranks))]
        with digits_kept():
            _refuse_drowned(values[0], one, other)
            value = values[0] if self.unbiased == "none" else extrapolated(values[0], values[1:])
            return frame.restore(value, degree=2)

    def _frame(self, source: Gaussians, target: Gaussians) -> Frame:
        if len(source.points) and len(target.points):
            return frame_of(self.laws, source.points, target.points)
        return unit_of(*(part for each in (source, target) for part in (each.means, each.factors)))

    def _placed(self, summary: Gaussians, frame: Frame) -> Gaussians:
        if frame.origin is not None:
            return self._of_points(frame.place(summary.points), summary.halving)
        means, factors = (np.ldexp(part, -frame.exponent) for part in (summary.means, summary.factors))
        return replace(summary, means=means, factors=factors, points=frame.place(summary.points))

    def resample(self, summary: Gaussians, draw: NDArray[np.intp]) -> Gaussians:
        self._refuse_small(len(draw), "a resample")
        return self._of_points(_kept(summary)[draw], summary.halving)

    def merge(self, first: Gaussians, second: Gaussians) -> Gaussians:
        refuse_other_dimension(first.means.shape[1], second.means.shape[1])
        return self._of_points(np.concatenate([_kept(first), _kept(second)]), first.halving)

    def compare_with_replicates(
        self, source: Gaussians, target: Gaussians, source_draws: Draws, target_draws: Draws
    ) -> tuple[float, NDArray[np.float64]]:
        """Return the value, and replicates, float64 (r,), centred on it: copies of images add to the bias of those.

        Replicates are NaN where features were too many to keep. Raises MeasureError for features of two lengths.
        """
        value = self.compare(source, target)
        if not (len(source.points) and len(target.points)):
            return value, np.full(len(source_draws), np.nan)  # a value without an interval is still a value
        replicates = self.compare_resampled(source, target, source_draws, target_draws)
        centred = replicates + (value - replicates.mean())
        return value, centred if self.unbiased == "extrapolate" else np.maximum(centred, 0)

    def remark(self, summary: Gaussians) -> str:
        n, d = summary.n, summary.means.shape[1]
        if self.unbiased == "none" and n < d:
            return f"fewer images than features ({d}): its distances are inflated, the more the fewer images there are"
        if self.unbiased == "extrapolate" and n < 2 * d:
            return f"fewer images than twice its features ({d}): extrapolation leaves a part of the bias"
        return ""

    def _of_points(self, points: Points, halving: int) -> Gaussians:
        parts = [points]
        if self.unbiased == "extrapolate":
            half = _half(len(points), halving)
            parts += [points[half], points[~half]]
        return _packed([_gaussian(part) for part in parts], len(points), halving, points)

    def _of_blocks(self, blocks: Iterator[Points], n: int, halving: int) -> Gaussians:
        """The same from more images than are kept: one pass, and moments of halves add up to those of the whole."""
        half = _half(n, halving) if self.unbiased == "extrapolate" else np.ones(n, dtype=bool)
        sides, done = [_NOTHING, _NOTHING], 0
        for block in blocks:
            inside = half[done : done + len(block)]
            done += len(block)
            sides = [merged(sides[0], moments(block[inside])), merged(sides[1], moments(block[~inside]))]
        parts = [merged(*sides), *sides] if self.unbiased == "extrapolate" else sides[:1]
        return _packed([_normal(part) for part in parts], n, halving, np.empty((0, len(parts[0].mean))))

    def _refuse_small(self, n: int, what: str) -> None:
        least = 2 * _LEAST if self.unbiased == "extrapolate" else _LEAST
        if n < least:
            raise MeasureError(f"{what} has {n} images, and {self!r} needs {least}", hint="give it more images")


def _gaussian(points: Points) -> Gaussian:
    unit = unit_of(points)
    placed = unit.place(points)
    if len(points) > points.shape[1]:
        found = _normal(moments(placed))
    else:
        found = Gaussian(placed.mean(axis=0, dtype=np.float64), points_factor(placed))
    if unit.ordinary:
        return found
    return Gaussian(np.ldexp(found.mean, unit.exponent), np.ldexp(found.factor, unit.exponent))


def _normal(found: Moments) -> Gaussian:
    return Gaussian(found.mean, covariance_factor(found.covariance))


def _refuse_drowned(value: float, one: Gaussians, other: Gaussians) -> None:
    """Raise LostDigitsError where a few images are so far off that rounding hides all that the others say."""
    terms = sum(float(np.vdot(each[0].factor, each[0].factor)) for each in (one, other))
    if value < 1e-8 * terms and len(one.points) and len(other.points):
        refuse_drowned(value, terms, typical_square(one.points, other.points))


def _distance(one: Gaussian, other: Gaussian) -> float:
    return frechet_distance(one.mean, one.factor, other.mean, other.factor)


def _half(n: int, halving: int) -> NDArray[np.bool_]:
    """Which of n images belong to the first half."""
    order = np.random.default_rng(halving).permutation(n)
    half: NDArray[np.bool_] = order < n // 2
    return half


def _packed(parts: list[Gaussian], n: int, halving: int, points: Points) -> Gaussians:
    ranks = tuple(len(part.factor) for part in parts)
    means = np.stack([part.mean for part in parts])
    return Gaussians(n, halving, ranks, means, np.concatenate([part.factor for part in parts]), points)


def _kept(summary: Gaussians) -> Points:
    if not len(summary.points):
        raise MeasureError(
            f"features of more than {KEPT:,} images are not kept, so they cannot be resampled",
            hint="give a random part of the dataset, or choose another measure",
        )
    return summary.points
