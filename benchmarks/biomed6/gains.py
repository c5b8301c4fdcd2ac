"""What a source adds to training from scratch, and how much of it the folds can tell from chance."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.stats import f, t

from benchmarks.real_sets.facts import selves
from dsim.stats.noise import squared_errors
from dsim.truth import TransferMatrix

CONFIDENCE = 0.95


@dataclass(frozen=True)
class Gains:
    """Gains over training from scratch, (sources, targets); NaN for self pairs, which add nothing.

    Parameters
    ----------
    percent : transferability, (AUC - baseline) / baseline * 100 of the means over folds: Eq. 1 of van den Brandt et al.
        2021, arXiv:2107.05940.
    error : its standard error, percent, of the differences within folds. Folds share training images, so that their
        scatter is too small: it is widened as Nadeau and Bengio 2003 do, doi:10.1023/A:1024068626366.
    noise : (targets,), standard error of the mean of a source, AUC, without what a fold adds to all sources alike: what
        the ceiling rests on.
    alike : (targets,), p of the analysis of variance, folds as blocks: whether the sources of a target scatter more
        than sources do that are all alike.
    """

    percent: NDArray[np.float64]
    error: NDArray[np.float64]
    noise: NDArray[np.float64]
    alike: NDArray[np.float64]
    folds: int

    @property
    def clear(self) -> NDArray[np.bool_]:
        """Gains and losses that the folds tell from 0: paired t-test of each pair on its own."""
        return np.abs(self.percent) > t.ppf((1 + CONFIDENCE) / 2, self.folds - 1) * self.error


def gains(truth: TransferMatrix) -> Gains:
    """Of a truth with folds and a baseline."""
    assert truth.baseline is not None
    assert truth.transferability is not None
    same = selves(truth)
    differences = np.where(same[:, :, None], np.nan, truth.values - truth.baseline)
    widened = np.sqrt(1 / truth.repetitions + _scored_of_trained(truth))
    error = 100 * differences.std(axis=2, ddof=1) * widened / truth.baseline.mean(axis=1)
    others = np.where(same[:, :, None], np.nan, truth.values)
    squared = np.nanmean(squared_errors(others, shared=True), axis=0)
    return Gains(
        percent=np.where(same, np.nan, truth.transferability),
        error=error,
        noise=np.sqrt(squared),
        alike=_alike(others.mean(axis=2), squared, truth.repetitions),
        folds=truth.repetitions,
    )


def _alike(means: NDArray[np.float64], squared: NDArray[np.float64], folds: int) -> NDArray[np.float64]:
    """p of the sources of each target being alike, from the squared errors of their means."""
    freedom = (~np.isnan(means)).sum(axis=0) - 1
    between = np.nanvar(means, axis=0, ddof=1)
    with np.errstate(divide="ignore", invalid="ignore"):
        p = f.sf(between / squared, freedom, freedom * (folds - 1))
    return np.where(between > 0, p, 1.0)


def _scored_of_trained(truth: TransferMatrix) -> NDArray[np.float64]:
    """Scored images by training images, mean over the folds of each target."""
    parts = truth.provenance["folds"]
    return np.array([np.mean([part["test"] / part["training"] for part in parts[name]]) for name in truth.targets])
