"""A fingerprint: how many images, the mean of every feature, and its histogram over bins that all datasets share."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView
from dsim.plugin import MeasureError
from dsim.stats.divergences import bin_of, count_bins

#: Up to this many images their features stay at hand, for intervals and tests. Beyond, memory must not grow with n.
KEPT = 4096


@dataclass(frozen=True)
class Fingerprint:
    """What is known of a dataset.

    ``count`` images; ``mean`` float64 (d,); ``histograms`` int64 (d, bins), (d, 0) where none was asked for;
    ``points`` float32 (count, d), the features themselves, or (0, d) where there are more than ``KEPT``.
    """

    #: Made again from cached features in one pass; the points would only fill the disk a second time.
    transient: ClassVar[bool] = True

    count: int
    mean: NDArray[np.float64]
    histograms: NDArray[np.int64]
    points: NDArray[np.float32]

    @property
    def kept(self) -> bool:
        """Whether the features are at hand, so that resamples can be had."""
        return len(self.points) == self.count


def take(blocks: Iterable[NDArray[np.float32]], edges: NDArray[np.float64] | None) -> Fingerprint:
    """The fingerprint of features that come in blocks (b, d); ``edges`` are those between bins, None for no histograms.

    Memory is one block and (d, bins), and at most ``KEPT`` rows.
    """
    count, total, histograms = 0, np.zeros(0), np.zeros((0, 0), dtype=np.int64)
    kept: list[NDArray[np.float32]] | None = []
    for block in blocks:
        found = _histograms(block, edges)
        total = block.sum(axis=0, dtype=np.float64) if not count else total + block.sum(axis=0, dtype=np.float64)
        histograms = found if not count else histograms + found
        count += len(block)
        # A copy: the rows of a stream may lie in memory that the next block is read into.
        kept = [*kept, np.array(block, dtype=np.float32)] if kept is not None and count <= KEPT else None
    points = np.concatenate(kept) if kept else np.zeros((0, len(total)), dtype=np.float32)
    return Fingerprint(count, total / max(count, 1), histograms, points)


def resampled(
    fingerprint: Fingerprint, draws: Iterable[NDArray[np.intp]], edges: NDArray[np.float64] | None
) -> Iterator[Fingerprint]:
    """Fingerprints of the images drawn, without their points; every feature is binned once."""
    points = fingerprint.points
    indices = None if edges is None else bin_of(points, edges)
    bins = 0 if edges is None else len(edges) + 1
    for draw in draws:
        found = np.zeros((points.shape[1], 0), np.int64) if indices is None else count_bins(indices[draw], bins)
        yield Fingerprint(len(draw), points[draw].mean(axis=0, dtype=np.float64), found, points[:0])


def merged(first: Fingerprint, second: Fingerprint) -> Fingerprint:
    """The fingerprint of both datasets' images together."""
    count = first.count + second.count
    mean = (first.mean * first.count + second.mean * second.count) / count
    points = (first.points, second.points) if first.kept and second.kept else (first.points[:0],)
    return Fingerprint(count, mean, first.histograms + second.histograms, np.concatenate(points))


def finite_blocks(data: DatasetView, extractor: str) -> Iterator[NDArray[np.float32]]:
    """The dataset's features in blocks; MeasureError where any is NaN or infinite."""
    start = 0
    for block in data.feature_blocks(extractor):
        bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
        if len(bad):
            raise MeasureError(
                f"features of {data.dataset.name!r} are not finite, the first of {data.dataset.ids[start + bad[0]]!r}",
                hint="remove these samples, or mend their features",
            )
        start += len(block)
        yield block


def _histograms(block: NDArray[np.float32], edges: NDArray[np.float64] | None) -> NDArray[np.int64]:
    if edges is None:
        return np.zeros((block.shape[1], 0), dtype=np.int64)
    return count_bins(bin_of(block, edges), len(edges) + 1)
