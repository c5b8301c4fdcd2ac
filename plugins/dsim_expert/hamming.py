"""The Hamming distance of two datasets' properties, as the majority of observers sees them."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.data.attributes import votes_of
from dsim.plugin import MeasureError, SimilarityMeasure
from dsim_expert.specs import DIFFER, EXPERT, REFUSE
from dsim_expert.votes import majority

if TYPE_CHECKING:
    import numpy as np

    from dsim.measures import DatasetView


@dataclass(frozen=True)
class Properties:
    """``names`` in alphabetical order, and the majority's ``answers``; ``ties``, those in which there was none.

    ``observers`` is the largest number that answered any of them.
    """

    names: tuple[str, ...]
    answers: tuple[str, ...]
    ties: tuple[str, ...]
    observers: int


class ExpertHamming(SimilarityMeasure[Properties]):
    """Number (or share) of properties in which two datasets differ; a distance."""

    spec = EXPERT
    normalised: bool
    missing: str
    properties: str

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Properties:
        votes = votes_of(data.attributes)
        wanted = [name for name in self.properties.split("/") if name]
        absent = [name for name in wanted if name not in votes]
        if absent and self.missing == REFUSE:
            raise MeasureError(
                f"nobody told {', '.join(absent)} of {data.dataset.name!r}",
                hint="ask: dsim expert rate; or choose what becomes of it: expert:missing=differ, missing=skip",
            )
        names = tuple(name for name in votes if not wanted or name in wanted)
        found = [majority(votes[name].values()) for name in names]
        ties = tuple(name for name, (_, tied) in zip(names, found, strict=True) if tied)
        observers = max((len(votes[name]) for name in names), default=0)
        return Properties(names, tuple(answer for answer, _ in found), ties, observers)

    def compare(self, source: Properties, target: Properties) -> float:
        first = dict(zip(source.names, source.answers, strict=True))
        second = dict(zip(target.names, target.answers, strict=True))
        if self.missing == REFUSE and first.keys() != second.keys():
            raise MeasureError(
                f"only one of the two datasets has {', '.join(sorted(first.keys() ^ second.keys()))}",
                hint="ask about the other too: dsim expert rate; or expert:missing=differ, missing=skip",
            )
        compared = first.keys() | second.keys() if self.missing == DIFFER else first.keys() & second.keys()
        if not compared:
            raise MeasureError(
                "the two datasets have no property in common", hint="ask the same of both: dsim expert rate"
            )
        differing = sum(first.get(name) != second.get(name) for name in compared)
        return differing / len(compared) if self.normalised else float(differing)

    def remark(self, summary: Properties) -> str:
        if not summary.ties:
            return ""
        ties = ", ".join(summary.ties)
        return (
            f"no majority of the {summary.observers} observers for {ties}: of the most frequent answers the first by "
            "alphabet stands"
        )
