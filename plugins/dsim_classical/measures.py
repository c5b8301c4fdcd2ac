"""Cross-correlation, Fourier ring correlation and normalised mutual information of gray images, over all pairs."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dsim.features import Square
from dsim.measures import DatasetView
from dsim.plugin import MeasureError, PairwiseMeasure
from dsim.stats.correlation import (
    correlations,
    mean_inner_product,
    ring_correlations,
    ring_spectra,
    shifted_correlations,
    standardise,
)
from dsim.stats.information import bin_indices, normalised_mutual_information
from dsim_classical.specs import CC, FRC, NMI

Scalar = TypeVar("Scalar", bound=np.generic)


def _common_form(size: int) -> Square:
    """Gray (ITU-R 601 luma, or the mean of any other number of channels), ``size`` x ``size``, aspect ignored."""
    return Square(size, channels=1)


def prepare(
    data: DatasetView, size: int, function: Callable[[NDArray[np.float32]], NDArray[Scalar]]
) -> NDArray[Scalar]:
    """Return a function of batches of images (b, size, size), applied to the whole dataset as it is read.

    Raises MeasureError for NaN or infinite pixels.
    """
    parts = []
    for batch in data.batches(_common_form(size)):
        images = batch[:, 0]
        _refuse_not_finite(images, data)
        parts.append(function(images))
    return np.concatenate(parts)


def _refuse_constant(prepared: NDArray[np.float32], data: DatasetView) -> None:
    """Raise MeasureError where constant images have left NaN rows: each would make all its pairs undefined."""
    constant = np.flatnonzero(np.isnan(prepared.reshape(len(prepared), -1)[:, 0]))
    if len(constant):
        raise MeasureError(
            f"{len(constant)} of {len(data)} images of {data.dataset.name!r} are constant, and {data.wanted_by} is "
            f"undefined for them: {_some([data.dataset.ids[i] for i in constant.tolist()])}",
            hint="remove them, or choose nmi, which a constant image does not stop",
        )


def _refuse_undefined(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores, or MeasureError where some pairs have none: leaving them out would change what the mean is of."""
    undefined = int(np.isnan(scores).sum())
    if undefined:
        raise MeasureError(
            f"{undefined} of {scores.size} image pairs are pairs of two constant images, for which nmi is 0 / 0",
            hint="remove the constant images from one of the datasets",
        )
    return scores


def _refuse_not_finite(images: NDArray[np.float32], data: DatasetView) -> None:
    if not np.isfinite(images).all():
        raise MeasureError(
            f"images of {data.dataset.name!r} hold NaN or infinite pixels", hint="replace them before comparing"
        )


def _some(names: list[str], shown: int = 3) -> str:
    """The first names, and how many more.

    >>> _some(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more


@dataclass(frozen=True)
class StandardImages:
    """Standardised images, float32 (n, size, size), and their mean, float64 (size, size)."""

    images: NDArray[np.float32]
    mean: NDArray[np.float64]


class CrossCorrelation(PairwiseMeasure[StandardImages]):
    """Mean Pearson correlation of all image pairs; similarity in [-1, 1]. Raises MeasureError for constant images.

    Source: Pearson 1895, doi:10.1098/rspl.1895.0041.

    >>> import dsim
    >>> ramp = np.tile(np.arange(64, dtype=np.uint8).reshape(8, 8), (2, 1, 1))
    >>> up, down = dsim.from_arrays(ramp, name="up"), dsim.from_arrays(63 - ramp, name="down")
    >>> round(float(dsim.compare([up], [down], measure="cc:size=8", floor=False).values[0, 0]), 4)
    -1.0
    """

    spec = CC
    size: int
    shift: bool

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> StandardImages:
        images = prepare(data, self.size, standardise)
        _refuse_constant(images, data)
        return _mean_image(images)

    def pairwise(self, source: StandardImages, target: StandardImages) -> NDArray[np.float64]:
        score = shifted_correlations if self.shift else correlations
        return score(source.images, target.images)

    def compare(self, source: StandardImages, target: StandardImages) -> float:
        if self.shift:
            return super().compare(source, target)
        return mean_inner_product(source.mean, target.mean)

    def resample(self, summary: StandardImages, draw: NDArray[np.intp]) -> StandardImages:
        return _mean_image(summary.images[draw])

    def merge(self, first: StandardImages, second: StandardImages) -> StandardImages:
        return _mean_image(np.concatenate([first.images, second.images]))


def _mean_image(images: NDArray[np.float32]) -> StandardImages:
    return StandardImages(images, images.mean(axis=0, dtype=np.float64))


@dataclass(frozen=True)
class RingSpectra:
    """Spectra scaled ring by ring, float32 (n, d), and their mean, float64 (d,)."""

    spectra: NDArray[np.float32]
    mean: NDArray[np.float64]


class FourierRingCorrelation(PairwiseMeasure[RingSpectra]):
    """Mean Fourier ring correlation of all pairs; similarity in [-1, 1]. Raises MeasureError for constant images.

    Source: Saxton and Baumeister 1982, doi:10.1111/j.1365-2818.1982.tb00405.x; van Heel 1987,
    doi:10.1016/0304-3991(87)90010-6. Ring 0 counts 0, so an image with itself has 1 - 2 / size at most.

    >>> import dsim
    >>> ramp = np.tile(np.arange(64, dtype=np.uint8).reshape(8, 8), (2, 1, 1))
    >>> up, down = dsim.from_arrays(ramp, name="up"), dsim.from_arrays(63 - ramp, name="down")
    >>> round(float(dsim.compare([up], [down], measure="frc:size=8", floor=False).values[0, 0]), 4)
    -0.75
    """

    spec = FRC
    size: int

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> RingSpectra:
        spectra = prepare(data, self.size, ring_spectra)
        _refuse_constant(spectra, data)
        return _mean_spectra(spectra)

    def pairwise(self, source: RingSpectra, target: RingSpectra) -> NDArray[np.float64]:
        return ring_correlations(source.spectra, target.spectra)

    def compare(self, source: RingSpectra, target: RingSpectra) -> float:
        return mean_inner_product(source.mean, target.mean)

    def resample(self, summary: RingSpectra, draw: NDArray[np.intp]) -> RingSpectra:
        return _mean_spectra(summary.spectra[draw])

    def merge(self, first: RingSpectra, second: RingSpectra) -> RingSpectra:
        return _mean_spectra(np.concatenate([first.spectra, second.spectra]))


def _mean_spectra(spectra: NDArray[np.float32]) -> RingSpectra:
    return RingSpectra(spectra, spectra.mean(axis=0, dtype=np.float64))


@dataclass(frozen=True)
class BinnedImages:
    """The bin of each pixel, uint8 (n, size * size)."""

    indices: NDArray[np.uint8]


class NormalisedMutualInformation(PairwiseMeasure[BinnedImages]):
    """Mean normalised mutual information of all image pairs; similarity in [1, 2].

    Source: Studholme et al. 1999, doi:10.1016/S0031-3203(98)00091-0.
    Raises MeasureError for a pair of two constant images.

    >>> import dsim
    >>> ramp = np.tile(np.arange(64, dtype=np.uint8).reshape(8, 8), (2, 1, 1))
    >>> up, down = dsim.from_arrays(ramp, name="up"), dsim.from_arrays(63 - ramp, name="down")
    >>> round(float(dsim.compare([up], [down], measure="nmi:size=8", floor=False).values[0, 0]), 4)
    2.0
    """

    spec = NMI
    size: int
    bins: int

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> BinnedImages:
        return BinnedImages(prepare(data, self.size, partial(bin_indices, bins=self.bins)))

    def pairwise(self, source: BinnedImages, target: BinnedImages) -> NDArray[np.float64]:
        return _refuse_undefined(normalised_mutual_information(source.indices, target.indices, self.bins))

    def resample(self, summary: BinnedImages, draw: NDArray[np.intp]) -> BinnedImages:
        return BinnedImages(summary.indices[draw])

    def merge(self, first: BinnedImages, second: BinnedImages) -> BinnedImages:
        return BinnedImages(np.concatenate([first.indices, second.indices]))
