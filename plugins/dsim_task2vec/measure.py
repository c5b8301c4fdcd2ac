"""Task2Vec's two measures: one embedding per dataset, compared by a distance of Fisher vectors."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView, finite_features
from dsim.plugin import MeasureError, Need, SimilarityMeasure, UsageError
from dsim.random import stream
from dsim.stats.fisher import asymmetric, jsd, kl, normalised_cosine, raw_cosine, scaled_cosine
from dsim_task2vec.specs import ASYMMETRIC, TASK2VEC, Settings

_DISTANCES: dict[str, Callable[[NDArray[np.float32], NDArray[np.float32]], float]] = {
    "cosine": scaled_cosine,
    "normalised-cosine": normalised_cosine,
    "raw-cosine": raw_cosine,
    "kl": kl,
    "jsd": jsd,
}
_WAYS = ("exact", "sample", "batch", "variational")
#: Which ways of computing read a parameter that not all of them read.
_READERS = {
    "batchnorm": ("exact", "sample", "batch"),
    "draws": ("sample", "batch"),
    "batch": ("batch", "variational"),
    "steps": ("variational",),
    "beta": ("variational",),
}


@dataclass(frozen=True)
class TaskEmbedding:
    """Embeddings (S, k) of a dataset, one row for the whole or for each subset.

    ``fisher`` float32 (S, k): Fisher information, or precision (variational); ``prior`` float32 (S, k): precision of
    each filter's prior. ``token`` is drawn once per dataset and seed, and seeds the pairs of subsets. ``told`` is what
    must be said of the values.
    """

    fisher: NDArray[np.float32]
    prior: NDArray[np.float32]
    token: str
    told: str


class _Task2VecMeasure(SimilarityMeasure[TaskEmbedding]):
    """The summary that both measures share."""

    probe: str
    fisher: str
    labels: str
    beta: float

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        for name in self._changed():
            readers = self._readers(name)
            if self.fisher not in readers:
                raise UsageError(
                    f"{self.spec.name}:fisher={self.fisher} does not read {name!r}",
                    hint=f"leave it away, or give fisher={' or fisher='.join(readers)}",
                )

    def _readers(self, name: str) -> tuple[str, ...]:
        """The ways of computing that read a parameter."""
        return _READERS.get(name, _WAYS)

    @property
    def needs(self) -> frozenset[Need]:
        return self.spec.needs if self.labels == "given" else self.spec.needs - {Need.LABELS}

    @property
    def optional(self) -> frozenset[Need]:
        return frozenset({Need.LABELS}) if self.labels == "auto" else frozenset()

    def extractors(self) -> tuple[str, ...]:
        return (self.probe,)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> TaskEmbedding:
        from dsim_task2vec.embedding import embed

        token = str(rng.integers(2**62))
        found = embed(data, finite_features(data, self.probe), Settings.of(self.params), rng)
        return TaskEmbedding(found.fisher.astype(np.float32), found.prior.astype(np.float32), token, found.remark)

    def remark(self, summary: TaskEmbedding) -> str:
        return summary.told


class Task2Vec(_Task2VecMeasure):
    """Symmetric distance of two tasks in [0, inf), cosines in [0, 1]; see ``dsim.stats.fisher``.

    Source: Achille et al. 2019, arXiv:1902.03545. Raises UsageError for a parameter that is not read.

    >>> Task2Vec(distance="raw-cosine", fisher="sample")
    task2vec:distance=raw-cosine,fisher=sample
    >>> rows = np.array([[[1, 3]], [[3, 1]]], np.float32)
    >>> one, other = (TaskEmbedding(row, np.zeros_like(row), name, "") for row, name in zip(rows, "ab", strict=True))
    >>> round(Task2Vec().compare(one, other), 4)
    0.4
    """

    spec = TASK2VEC
    distance: str
    pairs: int
    subsets: int

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        unread = [name for name in ("share", "least", "pairs") if name in self._changed() and not self.subsets]
        if unread:
            raise UsageError(
                f"task2vec:subsets=0 does not read {unread[0]!r}", hint="leave it away, or give subsets=100"
            )

    def compare(self, source: TaskEmbedding, target: TaskEmbedding) -> float:
        return float(self.pair_values(source, target).mean())

    def pair_values(self, source: TaskEmbedding, target: TaskEmbedding) -> NDArray[np.float64]:
        """Return the distances, float64 (p,), of the pairs of subsets; their mean is the value, their spread its worth.

        Of one dataset with itself, pairs of different subsets. Without subsets, the one distance. Raises MeasureError
        where a distance is undefined.
        """
        chosen = _pairs(source, target, self.pairs)
        return np.array([self._distance(source, target, row, column) for row, column in chosen])

    def noise_floor(self, summary: TaskEmbedding) -> tuple[float, float]:
        """Return mean and deviation of the distance of two subsets of one dataset, over neighbours in the draw.

        Raises MeasureError for the embedding of a whole dataset.
        """
        rows = len(summary.fisher)
        if rows < 2:
            raise MeasureError(
                "one embedding of a whole dataset has no noise floor", hint="embed subsets: task2vec:subsets=100"
            )
        values = [self._distance(summary, summary, row, (row + 1) % rows) for row in range(rows)]
        return float(np.mean(values)), float(np.std(values, ddof=1))

    def remark(self, summary: TaskEmbedding) -> str:
        if not self.subsets:
            return summary.told
        mean, deviation = self.noise_floor(summary)
        return f"{summary.told}; two subsets of it lie {mean:.4g} apart (standard deviation {deviation:.2g})"

    def pair_remark(self, source: TaskEmbedding, target: TaskEmbedding) -> str:
        values = self.pair_values(source, target)
        if len(values) < 2:
            return ""
        return f"mean of {len(values)} pairs of subsets, standard deviation {values.std(ddof=1):.2g}"

    def _distance(self, source: TaskEmbedding, target: TaskEmbedding, row: int, column: int) -> float:
        one, other = source.fisher[row], target.fisher[column]
        if self.distance == "normalised-cosine" and self.fisher == "variational":
            value = normalised_cosine(one, other, source.prior[row], target.prior[column])
        else:
            value = _DISTANCES[self.distance](one, other)
        if not np.isfinite(value):
            raise MeasureError(
                f"{int((one == 0).sum())} and {int((other == 0).sum())} of {len(one)} filters have no Fisher "
                f"information, and the distance {self.distance} is undefined for them",
                hint="choose distance=cosine or raw-cosine, or fisher=variational",
            )
        return value


class AsymmetricTask2Vec(_Task2VecMeasure):
    """The paper's distance from a source to a target, which brings complex sources nearer; in [-1, 1].

    Source: Achille et al. 2019, arXiv:1902.03545.

    >>> rows = np.array([[[1, 3]], [[3, 1]]], np.float32)
    >>> one, other = (TaskEmbedding(row, np.ones_like(row), name, "") for row, name in zip(rows, "ab", strict=True))
    >>> round(AsymmetricTask2Vec(fisher="variational").compare(one, other), 4)
    0.3802
    """

    spec = ASYMMETRIC
    alpha: float

    def compare(self, source: TaskEmbedding, target: TaskEmbedding) -> float:
        return asymmetric(self._precision(source), self._precision(target), source.prior[0], self.alpha)

    def _readers(self, name: str) -> tuple[str, ...]:
        return _WAYS if name == "beta" else super()._readers(name)

    def _precision(self, summary: TaskEmbedding) -> NDArray[np.float64]:
        """Precision of the noise that filters bear: optimised, or what the optimum is for this Fisher information."""
        found = summary.fisher[0].astype(np.float64)
        precision: NDArray[np.float64] = found / (2 * self.beta) + summary.prior[0]
        return found if self.fisher == "variational" else precision


def _pairs(source: TaskEmbedding, target: TaskEmbedding, count: int) -> list[tuple[int, int]]:
    """Rows of source and target to compare: ``count`` random pairs, or 0 for all.

    The draw belongs to the two datasets, not to their order. Of one dataset, pairs of different subsets.
    """
    first, second = sorted((source, target), key=lambda summary: summary.token)
    rows, columns = len(first.fisher), len(second.fisher)
    itself = first.token == second.token and rows > 1
    pairs = [(i, j) for i in range(rows) for j in range(columns) if not (itself and i == j)]
    if 0 < count < len(pairs):
        drawn = stream(0, "pairs", first.token, second.token).choice(len(pairs), count, replace=False)
        pairs = [pairs[position] for position in drawn]
    return pairs if first is source else [(j, i) for i, j in pairs]
