"""How many experts would choose a source for a target."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.data.attributes import CHOICE as CHOSEN
from dsim.data.attributes import NAME, votes_of
from dsim.plugin import MeasureError, SimilarityMeasure
from dsim_expert.specs import CHOICE

if TYPE_CHECKING:
    import numpy as np

    from dsim.measures import DatasetView


@dataclass(frozen=True)
class Choices:
    """``name``, by which experts speak of this dataset ("" if unknown), and the ``chosen`` source of each of them."""

    name: str
    chosen: tuple[str, ...]


class ExpertChoice(SimilarityMeasure[Choices]):
    """Share of the target's experts who named the source; similarity in [0, 1]."""

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
        told = ", ".join(f"{count} {name}" for name, count in Counter(sorted(summary.chosen)).most_common())
        return f"{len(summary.chosen)} experts chose: {told}"
