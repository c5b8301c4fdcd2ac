"""The interface of every similarity measure: summarise each dataset once, compare summaries many times."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Generic, TypeAlias, TypeVar

from dsim.errors import MeasureError
from dsim.registry import Direction, Law, MeasureSpec, Need, Parameter, format_call

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.measures.view import DatasetView

#: Resamples of one dataset: each an array (m,) of image positions, with repetition.
Draws: TypeAlias = "Sequence[NDArray[np.intp]]"

__all__ = ["Direction", "MeasureSpec", "Need", "PairwiseMeasure", "Parameter", "SimilarityMeasure"]

S = TypeVar("S")

#: Rows of the table of all pairs that are held at once.
_BLOCK = 1024


class SimilarityMeasure(ABC, Generic[S]):
    """A measure of the similarity of two datasets.

    The constructor takes the parameters that ``spec`` declares, by name; it checks and stores them as attributes and
    does no other work. ``S`` is the summary: a frozen dataclass of arrays, numbers and strings, so that it can be
    cached. ``repr`` is canonical: the name and the parameters that differ from their defaults. Raises UnknownNameError
    or UsageError for a parameter that is unknown or refused.
    """

    spec: ClassVar[MeasureSpec]

    def __init__(self, **params: Any) -> None:
        for parameter in self.spec.parameters:
            setattr(self, parameter.attribute, parameter.default)
        for name, value in params.items():
            parameter = self.spec.parameter(name)
            setattr(self, parameter.attribute, parameter.check(value))

    @property
    def params(self) -> dict[str, Any]:
        """All parameters with their values, by name."""
        return {parameter.name: getattr(self, parameter.attribute) for parameter in self.spec.parameters}

    def __repr__(self) -> str:
        return format_call(self.spec.name, self._changed())

    @property
    def identity(self) -> str:
        """``name@version:params``, the identity of the numbers in caches, files and leaderboards."""
        return format_call(f"{self.spec.name}@{self.spec.version}", self._changed())

    def _changed(self) -> Mapping[str, str]:
        return {
            parameter.name: parameter.format(getattr(self, parameter.attribute))
            for parameter in self.spec.parameters
            if getattr(self, parameter.attribute) != parameter.default
        }

    @property
    def fits_pool(self) -> bool:
        """Whether these parameters ask for training on the pool."""
        return self.spec.fits_pool

    @property
    def needs(self) -> frozenset[Need]:
        """The needs that these parameters read of a dataset: those of the spec, or fewer where a parameter says so."""
        return self.spec.needs

    @property
    def laws(self) -> frozenset[Law]:
        """How values at these parameters follow shifts and scales of features: as the spec says, or otherwise."""
        return self.spec.laws

    @property
    def optional(self) -> frozenset[Need]:
        """The needs that are read of a dataset which has them, and are left out elsewhere."""
        return frozenset()

    @property
    def source_needs(self) -> frozenset[Need]:
        """The needs that are read of a source: those of a target, unless the spec says that they differ."""
        return self.spec.source_needs or self.needs

    @property
    def source_optional(self) -> frozenset[Need]:
        """The needs that are read of a source which has them: those of a target, unless overridden."""
        return self.optional

    @property
    def two_roles(self) -> bool:
        """Whether sources are read and summarised in another way than targets."""
        return bool(self.spec.source_needs)

    def extractors(self) -> tuple[str, ...]:
        """References of the feature extractors it uses; their weights enter cache keys and provenance."""
        return ()

    @property
    def members(self) -> tuple[SimilarityMeasure[Any], ...]:
        """The measures that it combines; none, unless it is an ensemble."""
        return ()

    def fit(self, pool: Sequence[DatasetView], rng: np.random.Generator) -> None:
        """Train on the pool of sources; called only where ``fits_pool`` is true.

        Raises MeasureError where the measure does not implement it.
        """
        raise MeasureError(f"measure {self!r} declares fits_pool but does not implement fit", hint="implement it")

    @property
    def fitted(self) -> str:
        """Digest of what ``fit`` learned, where pool, parameters and seed do not determine it on every machine.

        It enters the identity of summaries, so that those of two fits never meet.
        """
        return ""

    @abstractmethod
    def summarise(self, data: DatasetView, rng: np.random.Generator) -> S:
        """Return everything about one dataset that comparisons need. Draw only from ``rng``.

        Raises MeasureError where the dataset cannot be summarised.
        """

    def summarise_source(self, data: DatasetView, rng: np.random.Generator) -> S:
        """Return the summary of a source; called in place of ``summarise`` where the spec has ``source_needs``.

        Raises MeasureError where the dataset cannot be summarised.
        """
        return self.summarise(data, rng)

    @abstractmethod
    def compare(self, source: S, target: S) -> float:
        """Return the value for one pair, in the declared direction. Raises MeasureError where there is none."""

    def compare_many(self, sources: Sequence[S], targets: Sequence[S]) -> NDArray[np.float64]:
        """Return the values of all pairs, float64 (sources, targets). Override to vectorise.

        Raises MeasureError where a pair has no value.
        """
        import numpy as np

        return np.array([[self.compare(s, t) for t in targets] for s in sources], dtype=np.float64)

    def resample(self, summary: S, draw: NDArray[np.intp]) -> S:
        """Return the summary of the images ``draw``, indices (b,) with repetition; MeasureError where it cannot."""
        raise MeasureError(f"measure {self!r} cannot be resampled", hint="compare without intervals: --bootstrap 0")

    def merge(self, first: S, second: S) -> S:
        """Return the summary of both datasets' images together, the first's before the second's.

        Raises MeasureError where the measure cannot merge.
        """
        raise MeasureError(
            f"measure {self!r} cannot merge two datasets", hint="compare without p-values: leave --test out"
        )

    def compare_resampled(self, source: S, target: S, source_draws: Draws, target_draws: Draws) -> NDArray[np.float64]:
        """Return the values of bootstrap replicates, float64 (B,): draw b of the source against b of the target.

        Raises MeasureError where the measure cannot resample.
        """
        import numpy as np

        pairs = zip(source_draws, target_draws, strict=True)
        return np.array(
            [self.compare(self.resample(source, i), self.resample(target, j)) for i, j in pairs], dtype=np.float64
        )

    def compare_with_replicates(
        self, source: S, target: S, source_draws: Draws, target_draws: Draws
    ) -> tuple[float, NDArray[np.float64]]:
        """Return ``compare`` and ``compare_resampled``, (B,), at once. Override where they share work.

        Raises MeasureError as these do.
        """
        value = self.compare(source, target)  # first: where there is none, its reason is that of the whole datasets
        return value, self.compare_resampled(source, target, source_draws, target_draws)

    def compare_splits(
        self, whole: S, splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
    ) -> NDArray[np.float64]:
        """Return the values between the parts of each split of one dataset, float64 (splits,); parts are image indices.

        The noise floor splits a dataset into halves, a permutation test the merged images of two. Override where splits
        share work. Raises MeasureError where the measure cannot resample.
        """
        import numpy as np

        parts = ((self.resample(whole, one), self.resample(whole, other)) for one, other in splits)
        return np.array([self.compare(one, other) for one, other in parts], dtype=np.float64)

    def remark(self, summary: S) -> str:
        """Return a remark on this dataset's values besides the numbers (pseudo-labels were used, ...), or ""."""
        return ""

    def pair_remark(self, source: S, target: S) -> str:
        """Return a remark on one pair's value besides the number (its spread, ...), or ""."""
        return ""

    def embedding(self, summary: S) -> NDArray[np.float64]:
        """Return points of the dataset's images, float (n, k); raises MeasureError unless ``spec.embeds``."""
        raise MeasureError(f"measure {self!r} has no embedding", hint="choose a measure that has: dsim measures")


class PairwiseMeasure(SimilarityMeasure[S]):
    """A measure that is the mean of a score over all pairs of images, one of the source and one of the target.

    Implement ``pairwise``; the mean, and a bootstrap that never computes a pair twice, follow. With ``resample`` and
    ``merge``, which only pick and join images, noise floor and permutation test follow too. Scores are float64 (n, m).
    """

    @abstractmethod
    def pairwise(self, source: S, target: S) -> NDArray[np.float64]:
        """Return the scores of all pairs of images, float64 (n, m) for n images of the source and m of the target.

        Raises MeasureError where there are none.
        """

    def compare(self, source: S, target: S) -> float:
        return float(self.pairwise(source, target).mean())

    def compare_resampled(self, source: S, target: S, source_draws: Draws, target_draws: Draws) -> NDArray[np.float64]:
        return _weighted_means(self.pairwise(source, target), source_draws, target_draws)

    def compare_with_replicates(
        self, source: S, target: S, source_draws: Draws, target_draws: Draws
    ) -> tuple[float, NDArray[np.float64]]:
        scores = self.pairwise(source, target)
        return float(scores.mean()), _weighted_means(scores, source_draws, target_draws)

    def compare_splits(
        self, whole: S, splits: Sequence[tuple[NDArray[np.intp], NDArray[np.intp]]]
    ) -> NDArray[np.float64]:
        """Return the values, float64 (splits,), in blocks of rows: all pairs need not be held at once.

        Raises MeasureError where the measure cannot resample.
        """
        import numpy as np

        ones, others = [one for one, _ in splits], [other for _, other in splits]
        rows = 1 + max(int(one.max()) for one in ones)
        shares = _weights(ones, rows)
        sums: NDArray[np.float64] | float = 0.0
        for start in range(0, rows, _BLOCK):
            block = np.arange(start, min(start + _BLOCK, rows), dtype=np.intp)
            sums = sums + shares[:, block] @ self.pairwise(self.resample(whole, block), whole)
        sums = np.asarray(sums)
        means: NDArray[np.float64] = np.einsum("bi,bi->b", sums, _weights(others, sums.shape[1]))
        return means


def _weighted_means(scores: NDArray[np.float64], source_draws: Draws, target_draws: Draws) -> NDArray[np.float64]:
    """Mean score of each replicate, shape (B,), without computing any pair twice."""
    import numpy as np

    weights_s = _weights(source_draws, scores.shape[0])
    weights_t = _weights(target_draws, scores.shape[1])
    means: NDArray[np.float64] = np.einsum("bi,bi->b", weights_s @ scores, weights_t)
    return means


def _weights(draws: Draws, n: int) -> NDArray[np.float64]:
    """Share of each image in each draw, shape (B, n)."""
    import numpy as np

    return np.stack([np.bincount(draw, minlength=n) / len(draw) for draw in draws])
