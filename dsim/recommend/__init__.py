"""Which source to take for a target, with which model, and how reliable such a choice has been."""

from __future__ import annotations

from dsim.recommend.answer import recommend
from dsim.recommend.pool import zoo_sources
from dsim.recommend.procedure import DEFAULT, Procedure
from dsim.recommend.reliability import Reliability, measure_reliability, stored
from dsim.recommend.result import Recommendation

__all__ = [
    "DEFAULT",
    "Procedure",
    "Recommendation",
    "Reliability",
    "measure_reliability",
    "recommend",
    "stored",
    "zoo_sources",
]
