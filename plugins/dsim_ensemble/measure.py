"""The ensemble: each member measures every source of the pool against a dataset; a pair is judged among those."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView, build_measure
from dsim.plugin import (
    MeasureError,
    Need,
    SimilarityMeasure,
    UsageError,
    format_call,
    parse_bracketed,
    split_outside_brackets,
)
from dsim.stats.ranking import mean_standardised, median_rank
from dsim_ensemble.specs import ENSEMBLE

#: Ranks and standardised distances among fewer sources say nothing.
_LEAST = 3


@dataclass(frozen=True)
class Placed:
    """A dataset as the members see it, and how far each of them puts every source of the pool from it.

    ``reference`` is float64 (members, pool), with the sign of a distance.
    """

    #: Members' summaries are any objects; the features behind them are cached.
    transient: ClassVar[bool] = True

    fingerprint: str
    summaries: tuple[Any, ...]
    reference: NDArray[np.float64]


class Ensemble(SimilarityMeasure[Placed]):
    """Median rank, or mean standardised distance, of a source among the pool, over several measures; a distance.

    Ranks are at least 1; standardised distances any real number. Source: Dwork et al. 2001, doi:10.1145/371920.372165
    (median ranks); agreement of measures: arXiv:2604.12327.

    >>> Ensemble(of="cc+nmi[size=32]").members
    (cc, nmi:size=32)
    >>> import dsim
    >>> cloud = np.arange(4, dtype=np.float32)[:, None]
    >>> near, far, farther, target = (dsim.from_arrays(features=cloud + s, name=f"by {s}") for s in (1, 5, 9, 0))
    >>> dsim.compare([near, far, farther], [target], measure=Ensemble(of="energy+frechet"), floor=False).values.tolist()
    [[1.0], [2.0], [3.0]]
    """

    spec = ENSEMBLE
    of: str
    how: str

    def __init__(self, **params: Any) -> None:
        super().__init__(**params)
        self._pool: tuple[tuple[str, tuple[Any, ...]], ...] = ()

    @cached_property
    def members(self) -> tuple[SimilarityMeasure[Any], ...]:
        """The measures that are combined. Raises UsageError where they are not two different ones, or an ensemble."""
        members = tuple(build_measure(_call(text)) for text in split_outside_brackets(self.of, "+"))
        names = [repr(member) for member in members]
        if len(set(names)) < len(names) or len(names) < 2:
            raise UsageError(
                f"ensemble:of={self.of} does not name two different measures or more", hint="write of=frechet+energy"
            )
        if any(isinstance(member, Ensemble) for member in members):
            raise UsageError("an ensemble cannot hold an ensemble", hint="list the members of both")
        return members

    @property
    def needs(self) -> frozenset[Need]:
        return frozenset().union(*(member.needs for member in self.members))

    @property
    def optional(self) -> frozenset[Need]:
        return frozenset().union(*(member.optional for member in self.members)) - self.needs

    def extractors(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(text for member in self.members for text in member.extractors()))

    @property
    def fitted(self) -> str:
        # A member's new version makes other numbers, though nothing of the ensemble's own has changed.
        return "+".join(f"{member.identity}{member.fitted and ' '}{member.fitted}" for member in self.members)

    def fit(self, pool: Sequence[DatasetView], rng: np.random.Generator) -> None:
        if len(pool) < _LEAST:
            raise UsageError(
                f"an ensemble ranks sources among each other, and there are {len(pool)}",
                hint=f"give at least {_LEAST} sources, or choose one measure",
            )
        for member, own in zip(self.members, rng.spawn(len(self.members)), strict=True):
            if member.fits_pool:
                member.fit([_seen_by(member, view) for view in pool], own)
        # By fingerprint, so that the order in which sources are named changes nothing.
        self._pool = tuple(
            (view.fingerprint, self._summaries(view, stream))
            for view, stream in zip(sorted(pool, key=lambda view: view.fingerprint), rng.spawn(len(pool)), strict=True)
        )

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Placed:
        if not self._pool:
            raise MeasureError(f"{self!r} was not fitted", hint="call fit(pool, rng) first")
        own = dict(self._pool).get(data.fingerprint) or self._summaries(data, rng)
        reference = [
            [_distance(member, summaries[k], own[k])[0] for _, summaries in self._pool]
            for k, member in enumerate(self.members)
        ]
        return Placed(data.fingerprint, own, np.array(reference))

    def compare(self, source: Placed, target: Placed) -> float:
        # A target that is itself in the pool is nobody's rival.
        rivals = [fingerprint != target.fingerprint for fingerprint, _ in self._pool]
        combine = median_rank if self.how == "rank" else mean_standardised
        return combine(self._distances(source, target), target.reference[:, rivals])

    def _distances(self, source: Placed, target: Placed) -> NDArray[np.float64]:
        """By each member; those of the pool came with the target's summary. MeasureError where one has none."""
        pool = [fingerprint for fingerprint, _ in self._pool]
        if source.fingerprint in pool:
            known: NDArray[np.float64] = target.reference[:, pool.index(source.fingerprint)]
            if not np.isnan(known).any():
                return known
        found = []
        for member, *summaries in zip(self.members, source.summaries, target.summaries, strict=True):
            value, reason = _distance(member, *summaries)
            if math.isnan(value):
                message = f"{member!r}, a member of the ensemble, has no value: {reason}"
                raise MeasureError(message, hint="mend that, or leave the member out: ensemble:of=...")
            found.append(value)
        return np.array(found)

    def _summaries(self, data: DatasetView, rng: np.random.Generator) -> tuple[Any, ...]:
        streams = rng.spawn(len(self.members))
        return tuple(_summary(member, data, own) for member, own in zip(self.members, streams, strict=True))


@dataclass(frozen=True)
class _Failed:
    """A dataset that a member could not summarise, and why."""

    reason: str


def _summary(member: SimilarityMeasure[Any], data: DatasetView, rng: np.random.Generator) -> Any:
    """A member's summary, or _Failed: one source that a member cannot see must not stop the others."""
    try:
        if len(data) < member.spec.min_samples:
            return _Failed(f"{data.dataset.name!r} has {len(data)} samples; it needs {member.spec.min_samples}")
        return member.summarise(_seen_by(member, data), rng)
    except MeasureError as error:
        return _Failed(error.message)


def _distance(member: SimilarityMeasure[Any], source: Any, target: Any) -> tuple[float, str]:
    """A member's value for a pair, with the sign of a distance; or NaN and the reason."""
    for summary in (source, target):
        if isinstance(summary, _Failed):
            return math.nan, summary.reason
    try:
        return member.spec.direction.sign * member.compare(source, target), ""
    except MeasureError as error:
        return math.nan, error.message


def _seen_by(member: SimilarityMeasure[Any], data: DatasetView) -> DatasetView:
    """The dataset as one member may see it."""
    return replace(data, needs=member.needs, optional=member.optional, wanted_by=f"measure {member.spec.name!r}")


def _call(text: str) -> str:
    """``cc[size=32]`` as ``cc:size=32``: commas inside an ensemble's own parameters would end them.

    >>> _call("cc[size=32]")
    'cc:size=32'
    """
    head, options = parse_bracketed(text.strip())
    return format_call(head, options)
