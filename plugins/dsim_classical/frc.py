"""Fourier ring correlation of gray images, averaged over rings and over all pairs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView
from dsim.plugin import PairwiseMeasure
from dsim.stats.spectra import ring_correlations, ring_spectra
from dsim_classical.pixels import prepare, refuse_constant
from dsim_classical.specs import FRC


@dataclass(frozen=True)
class RingSpectra:
    """Spectra scaled ring by ring, float32 (n, d), and their mean, float64 (d,)."""

    spectra: NDArray[np.float32]
    mean: NDArray[np.float64]


class FourierRingCorrelation(PairwiseMeasure[RingSpectra]):
    """Mean Fourier ring correlation of all image pairs; similarity in [-1, 1]."""

    spec = FRC
    size: int

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> RingSpectra:
        spectra = prepare(data, self.size, ring_spectra)
        refuse_constant(spectra, data)
        return _with_mean(spectra)

    def pairwise(self, source: RingSpectra, target: RingSpectra) -> NDArray[np.float64]:
        return ring_correlations(source.spectra, target.spectra)

    def compare(self, source: RingSpectra, target: RingSpectra) -> float:
        # An inner product is linear: the mean over all pairs is the inner product of the means.
        return float(np.vdot(source.mean, target.mean))

    def resample(self, summary: RingSpectra, draw: NDArray[np.intp]) -> RingSpectra:
        return _with_mean(summary.spectra[draw])

    def merge(self, first: RingSpectra, second: RingSpectra) -> RingSpectra:
        return _with_mean(np.concatenate([first.spectra, second.spectra]))


def _with_mean(spectra: NDArray[np.float32]) -> RingSpectra:
    return RingSpectra(spectra, spectra.mean(axis=0, dtype=np.float64))
