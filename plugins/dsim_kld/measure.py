"""The divergence of two fingerprints."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView, refuse_other_dimension
from dsim.plugin import MeasureError, SimilarityMeasure
from dsim.stats.divergences import binned_divergence, bkld, kl_divergence, shared_edges
from dsim_kld.fingerprint import KEPT, Fingerprint, finite_blocks, merged, resampled, take
from dsim_kld.specs import BINNED, KLD_TF, MEAN, TARGET

#: Shares of all values in one bin, and in the outermost bins, from which on the bins hide the differences.
_CROWDED, _BEYOND = 0.95, 0.01

Draws = Sequence[NDArray[np.intp]]


class FingerprintDivergence(SimilarityMeasure[Fingerprint]):
    """Kullback-Leibler divergence of task fingerprints; a distance in nats."""

    spec = KLD_TF
    extractor: str
    variant: str
    bins: int
    scale: float
    smoothing: float
    weights: str

    def extractors(self) -> tuple[str, ...]:
        return (self.extractor,)

    @property
    def edges(self) -> NDArray[np.float64] | None:
        """Edges between the bins; None where only means are compared."""
        return None if self.variant == MEAN else shared_edges(self.bins, self.scale)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Fingerprint:
        return take(finite_blocks(data, self.extractor), self.edges)

    def compare(self, source: Fingerprint, target: Fingerprint) -> float:
        refuse_other_dimension(len(source.mean), len(target.mean))
        if self.variant == MEAN:
            _refuse_means(source.mean, target.mean)
        return self._value(source, target)

    def _value(self, source: Fingerprint, target: Fingerprint) -> float:
        """The divergence; infinite or NaN where it is undefined."""
        if self.variant == MEAN:
            return float(kl_divergence(source.mean, target.mean))
        if self.variant == BINNED:
            return binned_divergence(source.histograms, target.histograms, self.smoothing)
        return bkld(source.histograms, target.histograms, _softmax(target.mean) if self.weights == TARGET else None)

    def resample(self, summary: Fingerprint, draw: NDArray[np.intp]) -> Fingerprint:
        if not summary.kept:
            raise MeasureError(
                f"of {summary.count} images only the fingerprint is known, and not each image's features",
                hint="compare without intervals and p-values, or give the images",
            )
        return take([summary.points[draw]], self.edges)

    def merge(self, first: Fingerprint, second: Fingerprint) -> Fingerprint:
        refuse_other_dimension(len(first.mean), len(second.mean))
        return merged(first, second)

    def compare_resampled(
        self, source: Fingerprint, target: Fingerprint, source_draws: Draws, target_draws: Draws
    ) -> NDArray[np.float64]:
        refuse_other_dimension(len(source.mean), len(target.mean))
        if not (source.kept and target.kept):
            return np.full(len(source_draws), math.nan)
        return self._values(resampled(source, source_draws, self.edges), resampled(target, target_draws, self.edges))

    def compare_splits(
        self, whole: Fingerprint, splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
    ) -> NDArray[np.float64]:
        if not whole.kept:
            return np.full(len(splits), math.nan)
        sides = ([split[side] for split in splits] for side in (0, 1))
        return self._values(*(resampled(whole, draws, self.edges) for draws in sides))

    def _values(self, sources: Iterable[Fingerprint], targets: Iterable[Fingerprint]) -> NDArray[np.float64]:
        values = np.array([self._value(s, t) for s, t in zip(sources, targets, strict=True)], dtype=np.float64)
        return np.where(np.isfinite(values), values, np.nan)

    def remark(self, summary: Fingerprint) -> str:
        remarks = [] if summary.kept else [f"more than {KEPT} images: no intervals, noise floor or test"]
        if self.variant != MEAN and summary.histograms.size:
            remarks += bins_that_hide(summary.histograms)
        return "; ".join(remarks)


def bins_that_hide(histograms: NDArray[np.int64]) -> list[str]:
    """What is wrong with bins for these features, in words: most values in one bin, or too many beyond the range."""
    total = histograms.sum()
    crowded = histograms.max(axis=1).sum() / total
    beyond = histograms[:, [0, -1]].sum() / total
    found = []
    if crowded > _CROWDED:
        found.append(f"{crowded:.0%} of the values lie in the fullest bin of their feature: a smaller scale sees more")
    if beyond > _BEYOND:
        found.append(f"{beyond:.0%} of the values lie in the outermost bins: a larger scale sees more")
    return found


def _refuse_means(source: NDArray[np.float64], target: NDArray[np.float64]) -> None:
    """Raise MeasureError, with the cause, where the divergence of mean features has no finite value."""
    hint = "take kld-tf:variant=binned, which is finite for any features"
    for role, mean in (("source", source), ("target", target)):
        negative = int((mean < 0).sum())
        if negative:
            raise MeasureError(
                f"the mean of {negative} of {len(mean)} features is negative in the {role}: "
                "the means are no distribution, and have no divergence",
                hint=hint,
            )
        if not mean.any():
            raise MeasureError(f"all features are 0 in the {role}: the means are no distribution", hint=hint)
    dead = int(((source > 0) & (target == 0)).sum())
    if dead:
        raise MeasureError(
            f"{dead} of {len(source)} features are 0 in every image of the target but not of the source: "
            "the divergence is infinite",
            hint=hint,
        )


def _softmax(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Positive weights with the sum 1.

    >>> _softmax(np.array([0.0, 0.0])).tolist()
    [0.5, 0.5]
    """
    raised = np.exp(values - values.max())
    return np.asarray(raised / raised.sum(), dtype=np.float64)
