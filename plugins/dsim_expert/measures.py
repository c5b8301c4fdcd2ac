"""Expert judgement: Hamming distance of properties, share of choices, and how far the observers agree."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dsim.data.attributes import CHOICE as CHOSEN
from dsim.data.attributes import NAME, votes_of
from dsim.files.documents import number
from dsim.plugin import MeasureError, SimilarityMeasure
from dsim.stats.kappa import Kappa, fleiss_kappa, pooled_kappa
from dsim_expert.specs import CHOICE, DIFFER, EXPERT, REFUSE

if TYPE_CHECKING:
    import numpy as np

    from dsim.measures import DatasetView


def canonical(answer: str) -> str:
    """Return an answer without what people write differently: case and spaces.

    >>> canonical("  Gray  scale ")
    'gray scale'
    """
    return " ".join(answer.casefold().split())


def majority(answers: Iterable[str]) -> tuple[str, bool]:
    """Return the answer of most observers, and whether others were given as often; of those the first by alphabet.

    >>> majority(["gray", "colour", "Gray"]), majority(["gray", "colour"])
    (('gray', False), ('colour', True))
    """
    counts = Counter(canonical(answer) for answer in answers)
    most = max(counts.values())
    best = sorted(answer for answer, count in counts.items() if count == most)
    return best[0], len(best) > 1


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
    """Number of properties in which two datasets differ, or their share; a distance in [0, inf), a share in [0, 1].

    Source: van den Brandt et al. 2021, arXiv:2107.05940; Hamming 1950, doi:10.1002/j.1538-7305.1950.tb00463.x.
    Raises MeasureError where a property is missing, unless that is allowed, or where none is common to both.

    >>> cats, scans = (Properties(("colour", "size"), answers, (), 1) for answers in (("rgb", "big"), ("gray", "big")))
    >>> ExpertHamming().compare(cats, scans), ExpertHamming(normalised=True).compare(cats, scans)
    (1.0, 0.5)
    """

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
                f"{data.dataset.name!r} has no answers on {', '.join(absent)}",
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


@dataclass(frozen=True)
class Choices:
    """``name``, by which experts speak of this dataset ("" if unknown), and the ``chosen`` source of each of them."""

    name: str
    chosen: tuple[str, ...]


class ExpertChoice(SimilarityMeasure[Choices]):
    """Share of the target's experts who named the source; similarity in [0, 1].

    Source: the group of experts of ASAP, Molina-Moreno et al. (IEEE Access 2024), IV-B.
    Raises MeasureError where nobody chose for the target, or where the source's name is not known.

    >>> ExpertChoice().compare(Choices("xray", ()), Choices("ct", ("xray", "fundus", "xray", "xray")))
    0.75
    """

    spec = CHOICE

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Choices:
        votes = votes_of(data.attributes, reserved=True)
        return Choices(data.attributes.get(NAME, ""), tuple(votes.get(CHOSEN, {}).values()))

    def compare(self, source: Choices, target: Choices) -> float:
        if not target.chosen:
            raise MeasureError(
                f"no expert chose a source for {target.name!r}" if target.name else "no expert chose for the target",
                hint="give a table with the columns observer, target, source: dsim compare --attributes FILE.csv",
            )
        if not source.name:
            raise MeasureError(
                "it is not known by which name experts speak of the source",
                hint="give the table by dsim compare --attributes FILE.csv, or the attribute 'name'",
            )
        return sum(name == source.name for name in target.chosen) / len(target.chosen)

    def remark(self, summary: Choices) -> str:
        if not summary.chosen:
            return ""
        choices = ", ".join(f"{count} {name}" for name, count in Counter(sorted(summary.chosen)).most_common())
        return f"{len(summary.chosen)} experts chose: {choices}"


SCHEMA = "dsim.expert-agreement/1"


@dataclass(frozen=True)
class Agreement:
    """Of one property: its kappa, the datasets that two or more observers judged, and the most who judged one."""

    kappa: Kappa
    datasets: int
    observers: int

    def to_json(self) -> dict[str, float | int | None]:
        """Return plain numbers; NaN is null."""
        kappa = self.kappa
        return {
            "kappa": number(kappa.value),
            "observed": number(kappa.observed),
            "expected": number(kappa.expected),
            "datasets": self.datasets,
            "observers": self.observers,
        }


def agreements(table: Mapping[str, Mapping[str, str]]) -> dict[str, Agreement]:
    """Return the agreement by property, and of all together under the key ""; ``table`` holds attributes by dataset."""
    judged: dict[str, list[list[str]]] = {}
    for attributes in table.values():
        for name, votes in votes_of(attributes).items():
            judged.setdefault(name, []).append([canonical(answer) for answer in votes.values()])
    found = {name: _agreement(things) for name, things in judged.items()}
    together = pooled_kappa([agreement.kappa for agreement in found.values()])
    most = [max(getattr(agreement, what) for agreement in found.values()) if found else 0 for what in _SIZES]
    return {**found, "": Agreement(together, *most)}


_SIZES = ("datasets", "observers")


def _agreement(things: list[list[str]]) -> Agreement:
    counts = _counts(things)
    judges = counts.sum(axis=1)
    return Agreement(fleiss_kappa(counts), int((judges >= 2).sum()), int(judges.max()))


def _counts(things: list[list[str]]) -> NDArray[np.int64]:
    """How many observers gave each answer, (things, answers).

    >>> _counts([["a", "b", "a"], ["b"]]).tolist()
    [[2, 1], [0, 1]]
    """
    answers = sorted({answer for thing in things for answer in thing})
    return np.array([[thing.count(answer) for answer in answers] for thing in things], dtype=np.int64)
