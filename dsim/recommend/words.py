"""The reliability of choices in words: how they fared on the truth where they did worst."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING

from dsim.evaluation import choices_in_words

if TYPE_CHECKING:
    from dsim.recommend.reliability import Reliability

UNMEASURED = "How reliable such choices are has not been measured."


def in_words(records: Sequence[Reliability]) -> str:
    """Return how reliable such choices were on the truth where they did worst, in a sentence.

    What is said is not the mean over truths: drawn images are easier than real ones, and nobody's images are the mean.
    """
    if not records:
        return UNMEASURED
    worst = min(records, key=lambda record: (_or_zero(record.top1.value), -_or_zero(record.regret.value)))
    beside = worst.beside.get("random")
    chance = math.nan if beside is None else beside[1].value
    fared = choices_in_words(worst.top1.value, worst.regret.value, chance)
    return f"Such choices were {fared} ({worst.truth}, {worst.targets} targets)."


def _or_zero(value: float) -> float:
    return 0.0 if math.isnan(value) else value
