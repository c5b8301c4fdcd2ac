"""The scores that judge a ranking of sources: names, titles, formulas, and how values are written."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class ScoreSpec:
    """One score.

    Parameters
    ----------
    name : in JSON and Python. ``title`` : in tables and pictures.
    better : ``higher`` or ``lower``. ``share`` : whether it is a share of targets, in [0, 1], shown in percent.
    in_score_units : whether it is in the unit of the truth's scores.
    per_target : whether each target has one; the score is then their mean.
    """

    name: str
    title: str
    better: str
    formula: str
    share: bool = False
    in_score_units: bool = False
    per_target: bool = True


SCORES = (
    ScoreSpec("pearson", "mean Pearson", "higher", "Pearson's r of (-distance, score) over sources, mean over targets"),
    ScoreSpec("spearman", "mean Spearman (RCI)", "higher", "Spearman's rho of the same, mean over targets"),
    ScoreSpec("kendall", "mean Kendall", "higher", "Kendall's tau-b of the same, mean over targets"),
    ScoreSpec("weighted_kendall", "mean weighted Kendall", "higher", "Vigna's tau, weights by rank 1/(r + 1), mean"),
    ScoreSpec("top1", "top-1", "higher", "share of targets whose best source is the nearest", share=True),
    ScoreSpec("top2", "top-2", "higher", "share of targets whose best source is among the 2 nearest", share=True),
    ScoreSpec("top3", "top-3", "higher", "share of targets whose best source is among the 3 nearest", share=True),
    ScoreSpec(
        "regret", "mean regret", "lower", "best score less that of the nearest source, mean", in_score_units=True
    ),
    ScoreSpec(
        "regret_sum",
        "summed regret",
        "lower",
        "sum over targets (Eq. 12 of ASAP)",
        in_score_units=True,
        per_target=False,
    ),
    ScoreSpec(
        "worst_regret", "worst regret", "lower", "the largest over targets", in_score_units=True, per_target=False
    ),
    ScoreSpec(
        "pooled_pearson",
        "pooled Pearson",
        "higher",
        "Pearson's r of (-distance, score) over all pairs",
        per_target=False,
    ),
    ScoreSpec("pooled_spearman", "pooled Spearman", "higher", "Spearman's rho over all pairs", per_target=False),
    ScoreSpec("eqc", "EQC", "lower", "Embedding Quality Criterion of the sources (ASAP, Eq. 8)", per_target=False),
)
BY_NAME = {spec.name: spec for spec in SCORES}
#: Scores that each target has.
PER_TARGET = tuple(spec.name for spec in SCORES if spec.per_target)


def shown(score: str, value: float, unit: str) -> str:
    """Return a value with its unit, as text; empty for NaN. Raises KeyError for an unknown score.

    >>> shown("top1", 0.75, "%"), shown("pearson", 0.1479, "%"), shown("regret", 3.8966, "%")
    ('75.00 %', '0.148', '3.90 %')
    """
    if math.isnan(value):
        return ""
    suffix = "%" if BY_NAME[score].share else unit if BY_NAME[score].in_score_units else ""
    return f"{digits(score, value, unit)} {suffix}".rstrip()


def bounds(score: str, low: float, high: float, unit: str) -> str:
    """Return the bounds of an interval as text; one of them where there is one, nothing without.

    >>> bounds("top1", 0.4677, 0.9111, "%"), bounds("worst_regret", 0.1, math.nan, "")
    ('46.77 to 91.11 %', '0.1000 or more')
    """
    if math.isnan(high):
        return "" if math.isnan(low) else f"{shown(score, low, unit)} or more"
    return f"{digits(score, low, unit)} to {shown(score, high, unit)}"


def digits(score: str, value: float, unit: str) -> str:
    """Return the number alone, as text; never -0.

    >>> digits("pearson", -0.0001, ""), digits("regret", 0.0517, "")
    ('0.000', '0.0517')
    """
    spec = BY_NAME[score]
    if spec.share:
        return f"{100 * value:z.2f}"
    return f"{value:z.{2 if unit else 4}f}" if spec.in_score_units else f"{value:z.3f}"


def shown_p(value: float) -> str:
    """Return a p-value, in [0, 1], as text; empty for NaN.

    >>> shown_p(0.0213), shown_p(0.00001), shown_p(math.nan)
    ('0.021', '< 0.0001', '')
    """
    return "" if math.isnan(value) else "< 0.0001" if value < 0.0001 else f"{value:.2g}"
