"""The ranking of sources for one target, taken from a matrix."""

from __future__ import annotations

import math
from dataclasses import dataclass

from dsim.measures.answer import answer
from dsim.measures.verdict import Verdict


@dataclass(frozen=True)
class Ranked:
    """One source in the ranking for a target. ``low`` and ``high`` bound the interval of ``value``; NaN without one.

    ``p`` is that of the permutation test, and ``p_adjusted`` Holm's for all sources of the target; NaN without one.
    """

    source: str
    value: float
    low: float = math.nan
    high: float = math.nan
    first_share: float = math.nan
    note: str = ""
    p: float = math.nan
    p_adjusted: float = math.nan


@dataclass(frozen=True)
class Ranking:
    """Sources for one target, best first; failed cells last, with their reasons."""

    target: str
    entries: tuple[Ranked, ...]
    verdict: Verdict

    def __str__(self) -> str:
        lines = [f"{rank}. {entry.source}  {entry.value:.4g}" for rank, entry in enumerate(self.entries, 1)]
        return "\n".join([answer(self.verdict, len(self.entries)), *lines])
