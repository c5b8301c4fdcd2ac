"""What a report holds, before it becomes a page."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.comparison.measure_agreement import Agreement
    from dsim.measures import SimilarityMatrix


@dataclass(frozen=True)
class Picture:
    """A picture as the page holds it: ``uri`` is a data URI; ``alt`` says what there is to see."""

    uri: str
    width: int
    height: int
    alt: str


@dataclass(frozen=True)
class Glance:
    """One dataset at a glance.

    Parameters
    ----------
    role : ``"source"``, ``"target"`` or ``"source and target"``. ``facts`` : what is known of it, by heading.
    pictures : some of its images; ``missing`` says why there are none.
    """

    name: str
    role: str
    facts: Mapping[str, str]
    pictures: tuple[Picture, ...] = ()
    missing: str = ""


@dataclass(frozen=True)
class Part:
    """One measure of the report.

    Parameters
    ----------
    title : what the measure is, in words; empty where it is not installed. ``blind_to`` : what it cannot see.
    map : the picture of the embedding; ``no_map`` says why there is none, empty for measures that embed nothing.
    notes : what must be said besides the numbers. ``reliability`` : what became of such choices on measured transfer.
    """

    matrix: SimilarityMatrix
    title: str = ""
    blind_to: str = ""
    map: Picture | None = None
    no_map: str = ""
    notes: tuple[str, ...] = ()
    reliability: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """Something to do next: in words, and as the command to type; some have none."""

    said: str
    command: str = ""


@dataclass(frozen=True)
class Report:
    """A whole report: ``parts`` one per measure, ``agreement`` where there are two of them at least.

    ``glances`` are all datasets, targets first. ``failed`` are measures without a matrix, with their reasons.
    """

    parts: tuple[Part, ...]
    glances: tuple[Glance, ...]
    agreement: Agreement | None = None
    steps: Sequence[Step] = ()
    failed: Mapping[str, str] = field(default_factory=dict)

    @property
    def first(self) -> SimilarityMatrix:
        """The matrix of the first measure; all have its sources and targets."""
        return self.parts[0].matrix

    def glance(self, name: str) -> Glance:
        """That dataset at a glance."""
        return next(glance for glance in self.glances if glance.name == name)
