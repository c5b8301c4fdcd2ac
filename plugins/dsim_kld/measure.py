"""The divergence of two fingerprints, and the comparison of fingerprints that came as files."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import DataError, UsageError
from dsim.measures import DatasetView, SimilarityMatrix, decide, refuse_other_dimension
from dsim.plugin import MeasureError, SimilarityMeasure
from dsim.stats.divergences import binned_divergence, bkld, kl_divergence, shared_edges
from dsim_kld.fingerprint import (
    KEPT,
    Fingerprint,
    Record,
    finite_blocks,
    is_record,
    make_record,
    merged,
    read_record,
    refuse_strangers,
    resampled,
    take,
)
from dsim_kld.specs import BINNED, KLD_TF, MEAN, TARGET

if TYPE_CHECKING:
    from dsim.runtime import Runtime


#: Shares of all values in one bin, and in the outermost bins, from which on the bins hide the differences.
_CROWDED, _BEYOND = 0.95, 0.01

#: Means that differ by less than this share are equal but for rounding.
_ROUNDING = 1e-14

Draws = Sequence[NDArray[np.intp]]


class FingerprintDivergence(SimilarityMeasure[Fingerprint]):
    """Kullback-Leibler divergence of task fingerprints; a distance in [0, inf), in nats.

    Source: Godau and Maier-Hein 2021, arXiv:2107.03949, doi:10.1007/978-3-030-87202-1_42; bkld: Godau et al. 2024,
    arXiv:2412.08763; mean of P2L: Bhattacharjee et al. 2020, arXiv:1908.07630.

    Raises MeasureError where the means (d,) have no finite divergence, or where features are to be drawn and not kept.

    >>> import dsim
    >>> one, other = (dsim.from_arrays(features=np.array([row] * 2), name=str(row)) for row in ([1.0, 3.0], [3.0, 1.0]))
    >>> round(float(dsim.compare([one], [other], measure="kld-tf:variant=mean", floor=False).values[0, 0]), 4)
    0.5493
    """

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
        """Edges between the bins, float64 (e,); None where only means are compared."""
        return None if self.variant == MEAN else shared_edges(self.bins, self.scale)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Fingerprint:
        return take(finite_blocks(data, self.extractor), self.edges)

    def compare(self, source: Fingerprint, target: Fingerprint) -> float:
        refuse_other_dimension(len(source.mean), len(target.mean))
        if self.variant == MEAN:
            _refuse_means(source.mean, target.mean)
        else:
            _refuse_unresolved(source, target)
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
        values = np.array([self._replicate(s, t) for s, t in zip(sources, targets, strict=True)], dtype=np.float64)
        return np.where(np.isfinite(values), values, np.nan)

    def _replicate(self, source: Fingerprint, target: Fingerprint) -> float:
        """The value of a resampled pair; NaN where bins hide that the two differ."""
        hides = self.variant != MEAN and _hidden(source, target)[0]
        return math.nan if hides else self._value(source, target)

    def remark(self, summary: Fingerprint) -> str:
        remarks = [] if summary.kept else [f"more than {KEPT} images: no intervals, noise floor or test"]
        if self.variant != MEAN and summary.histograms.size:
            remarks += bins_that_hide(summary.histograms)
        return "; ".join(remarks)


def bins_that_hide(histograms: NDArray[np.int64]) -> list[str]:
    """Return the faults of bins, in words, for histograms (d, bins): most values in one, or too many out of range."""
    total = histograms.sum()
    crowded = histograms.max(axis=1).sum() / total
    beyond = histograms[:, [0, -1]].sum() / total
    found = []
    # Crowded because they lie out of range, they would be so at a smaller scale all the more.
    if crowded > _CROWDED and beyond <= _BEYOND:
        found.append(f"{crowded:.0%} of the values lie in the fullest bin of their feature: a smaller scale sees more")
    if beyond > _BEYOND:
        found.append(f"{beyond:.0%} of the values lie in the outermost bins: a larger scale sees more")
    return found


def _refuse_unresolved(source: Fingerprint, target: Fingerprint) -> None:
    """Raise MeasureError where nearly all features that differ lie in one and the same bin in both datasets."""
    hidden, differing = _hidden(source, target)
    if hidden:
        raise MeasureError(
            f"{hidden} of {differing} features that differ lie in a single bin in both datasets: their "
            "histograms are equal, though the features are not",
            hint="give features around 0, or bins that are wide where they lie: kld-tf:scale=NUMBER",
        )


def _hidden(source: Fingerprint, target: Fingerprint) -> tuple[int, int]:
    """How many features differ unseen, in one bin of both, and how many differ; 0 unseen where enough are seen."""
    counts = source.histograms + target.histograms
    one_bin = counts.max(axis=1) == counts.sum(axis=1)
    size = np.maximum(np.abs(source.mean), np.abs(target.mean))
    differs = np.abs(source.mean - target.mean) > _ROUNDING * size
    hidden, differing = int((one_bin & differs).sum()), int(differs.sum())
    return (hidden if hidden >= _CROWDED * differing else 0), differing


def _refuse_means(source: NDArray[np.float64], target: NDArray[np.float64]) -> None:
    """Raise MeasureError, with the cause, where the divergence of mean features has no finite value."""
    hint = "take kld-tf:variant=binned, which is finite for any features"
    for role, mean in (("source", source), ("target", target)):
        negative = int((mean < 0).sum())
        if negative:
            raise MeasureError(
                f"the mean of {negative} of {len(mean)} features is negative in the {role}: "
                "the means are not a distribution, and have no divergence",
                hint=hint,
            )
        if not mean.any():
            raise MeasureError(f"all features are 0 in the {role}: the means are not a distribution", hint=hint)
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


@dataclass(frozen=True)
class Way:
    """How fingerprints are compared; the rest of the measure's parameters stands in the files."""

    variant: str
    smoothing: float
    weights: str


def gather(paths: Sequence[str], extractor: str | None, runtime: Runtime) -> list[Record]:
    """Return the fingerprint of each path: read where it is a file, made alike where it is a dataset.

    Raises DataError where two were not made in the same way, UsageError where no file says how.
    """
    read = {path: read_record(Path(path)) for path in paths if is_record(path)}
    if not read:
        raise UsageError(
            "there is no fingerprint among these datasets", hint="name a *.json file, or use: dsim compare"
        )
    like = next(iter(read.values()))
    records = [
        read[path] if path in read else _made(path, extractor or like.reference, like, runtime) for path in paths
    ]
    refuse_strangers(records)
    return records


def _made(path: str, extractor: str, like: Record, runtime: Runtime) -> Record:
    from dsim.data import open_dataset

    dataset = open_dataset(path)
    if not extractor and dataset.features is None:
        raise DataError(
            f"{like.origin} holds features that were given with its dataset, and {path} has none",
            hint="give features with both datasets, or write the fingerprint of images",
        )
    return make_record(dataset, extractor, like.bins, like.scale, runtime)


def compare_records(sources: Sequence[Record], targets: Sequence[Record] | None, way: Way) -> SimilarityMatrix:
    """Return the matrix (sources, targets) of fingerprints made alike; without targets, of the sources themselves.

    Raises UsageError for one fingerprint alone, DataError where two of a role have one name.
    """
    columns = list(sources if targets is None else targets)
    if targets is None and len(sources) < 2:
        raise UsageError("one fingerprint cannot be compared with itself alone", hint="name a second, or --targets")
    _refuse_same_names(sources, columns)
    measure = _measure(sources[0], way)
    cells = [[_cell(measure, source, target) for target in columns] for source in sources]
    values = np.array([[value for value, _ in row] for row in cells], dtype=np.float64)
    same = np.array([[source.dataset == target.dataset for target in columns] for source in sources])
    matrix = SimilarityMatrix(
        measure=measure.identity,
        direction=measure.spec.direction,
        unit=measure.spec.unit,
        sources=tuple(record.name for record in sources),
        targets=tuple(record.name for record in columns),
        values=values,
        notes=tuple(tuple(note for _, note in row) for row in cells),
        same=same,
        verdicts={},
        provenance=_provenance(measure, [*sources, *columns], len(sources) * len(columns)),
    )
    why = "fingerprints hold no images to resample"
    verdicts = {name: decide(name, matrix.distances(name), not_assessed=why) for name in matrix.targets}
    return replace(matrix, verdicts=verdicts)


def _measure(record: Record, way: Way) -> FingerprintDivergence:
    parameters: dict[str, Any] = {"variant": way.variant, "smoothing": way.smoothing, "weights": way.weights}
    if record.reference:
        parameters["extractor"] = record.reference
    return FingerprintDivergence(bins=record.bins, scale=record.scale, **parameters)


def _cell(measure: FingerprintDivergence, source: Record, target: Record) -> tuple[float, str]:
    try:
        return measure.compare(source.fingerprint, target.fingerprint), ""
    except MeasureError as error:
        return math.nan, error.message


def _refuse_same_names(sources: Sequence[Record], targets: Sequence[Record]) -> None:
    hint = "write one with another name: --name NAME, or give NAME=PATH"
    for role, group in (("sources", sources), ("targets", targets)):
        names = [record.name for record in group]
        for name in names:
            if names.count(name) > 1:
                raise DataError(f"two {role} are named {name!r}", hint=hint)
    known = {record.name: record for record in sources}
    for target in targets:
        source = known.get(target.name, target)
        if source.dataset != target.dataset:
            raise DataError(
                f"a source and a target that differ are both named {target.name!r}: "
                f"{source.origin} and {target.origin}",
                hint=hint,
            )


def _provenance(measure: FingerprintDivergence, records: Sequence[Record], cells: int) -> dict[str, Any]:
    from importlib.metadata import version

    dsim = version("dsim")
    return {
        "dsim": dsim,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "measure": measure.identity,
        "plugin": f"dsim {dsim}",
        "extractors": [dict(records[0].recipe)],
        "parameters": measure.params,
        "seed": 0,
        "bootstrap": 0,
        "datasets": {record.name: _described(record) for record in records},
        "conditions": [{"cells": cells, "dsim": dsim, "device": "cpu", "libraries": {"numpy": version("numpy")}}],
    }


def _described(record: Record) -> dict[str, Any]:
    made = f"made by dsim {record.dsim} at {record.created}" if record.created else "made for this comparison"
    return {
        "location": record.origin,
        "format": "fingerprint",
        "samples": record.fingerprint.count,
        "fingerprint": record.dataset,
        "resampled_by": "image",
        "treatment": {},
        "notes": [made],
        "skipped": [],
        "seen_by": [],
    }
