"""The needs of measures with default parameters, and the words ``label-free`` and ``all`` for many measures."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.registry import Need

if TYPE_CHECKING:
    from dsim.registry import MeasureSpec

LABEL_FREE = "label-free"
#: Words that stand for every registered measure that needs no more than this, as it is by default.
WORDS = {LABEL_FREE: frozenset({Need.IMAGES, Need.FEATURES}), "all": frozenset(Need)}


@dataclass(frozen=True)
class Reads:
    """The needs of a measure, what it reads besides where a dataset has it, and what of sources where that differs."""

    needs: frozenset[Need]
    optional: frozenset[Need] = frozenset()
    of_sources: frozenset[Need] = frozenset()

    @property
    def label_free(self) -> bool:
        """Whether ``--measure label-free`` runs it."""
        return self.every <= WORDS[LABEL_FREE]

    @property
    def every(self) -> frozenset[Need]:
        """The needs of sources and targets together."""
        return self.needs | self.of_sources

    def __str__(self) -> str:
        needs = ", ".join(sorted(self.needs))
        needs = f"{needs} ({', '.join(sorted(self.optional))})" if self.optional else needs
        return f"{needs}; of sources: {', '.join(sorted(self.of_sources))}" if self.of_sources else needs


def reads(spec: MeasureSpec) -> Reads:
    """Return what a measure reads as it is by default, which may be less than its spec names.

    >>> from dsim.registry import default
    >>> str(reads(default().measures["task2vec"])), reads(default().measures["otdd"]).label_free
    ('images (labels)', False)
    """
    from dsim.errors import DsimError
    from dsim.measures import build_measure

    # Building it imports its code, which only its answer can justify: no measure reads more than its spec says.
    if spec.needs <= WORDS[LABEL_FREE]:
        return Reads(spec.needs, of_sources=spec.source_needs)
    try:
        measure = build_measure(spec.name)
    except DsimError:
        return Reads(spec.needs, of_sources=spec.source_needs)
    return Reads(measure.needs, measure.optional - measure.needs, spec.source_needs)
