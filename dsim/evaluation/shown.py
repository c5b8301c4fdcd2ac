"""Scores as they are read: shares in percent, regrets in the truth's unit, correlations with three digits."""

from __future__ import annotations

import math

from dsim.evaluation.scores import BY_NAME


def shown(score: str, value: float, unit: str) -> str:
    """A value as it is read; empty for NaN.

    >>> shown("top1", 0.75, "%"), shown("pearson", 0.1479, "%"), shown("regret", 3.8966, "%")
    ('75.00 %', '0.148', '3.90 %')
    """
    if math.isnan(value):
        return ""
    suffix = "%" if BY_NAME[score].share else unit if BY_NAME[score].in_score_units else ""
    return f"{digits(score, value, unit)} {suffix}".rstrip()


def bounds(score: str, low: float, high: float, unit: str) -> str:
    """The bounds of an interval; one of them where there is one, nothing without.

    >>> bounds("top1", 0.4677, 0.9111, "%"), bounds("worst_regret", 0.1, math.nan, "")
    ('46.77 to 91.11 %', '0.1000 or more')
    """
    if math.isnan(high):
        return "" if math.isnan(low) else f"{shown(score, low, unit)} or more"
    return f"{digits(score, low, unit)} to {shown(score, high, unit)}"


def digits(score: str, value: float, unit: str) -> str:
    """The number alone; never -0.

    >>> digits("pearson", -0.0001, ""), digits("regret", 0.0517, "")
    ('0.000', '0.0517')
    """
    spec = BY_NAME[score]
    if spec.share:
        return f"{100 * value:z.2f}"
    return f"{value:z.{2 if unit else 4}f}" if spec.in_score_units else f"{value:z.3f}"
