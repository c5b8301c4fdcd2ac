"""Sections that the cards of real sets have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.cards import by_target, table, words
from benchmarks.real_sets.facts import Facts
from benchmarks.real_sets.origins import Origin
from dsim.evaluation import Score
from dsim.truth import TransferMatrix

_SCORES = {"spearman": "mean Spearman (RCI)", "top1": "top-1", "top3": "top-3"}


def scores(truth: TransferMatrix, told: Facts, digits: int) -> str:
    """Mean and spread of every pair, the best source of a target in bold, self pairs in brackets."""

    def pair(i: int, j: int) -> str:
        return with_spread(told.means[i, j], told.spread[i, j], digits)

    def own(i: int) -> str:
        return f"({with_spread(told.own[i], told.own_spread[i], digits)})"

    return table(["target", *truth.sources], by_target(truth, told.best, pair, own))


def with_spread(mean: float, spread: float, digits: int) -> str:
    """Mean ± standard deviation; the mean alone where there is one training only."""
    return f"{mean:.{digits}f}" if np.isnan(spread) else f"{mean:.{digits}f} ± {spread:.{digits}f}"


def measured(record: Mapping[str, Any]) -> str:
    """When, for how long and on what it was measured, and whose the numbers are."""
    return (
        f"Measured by dsim on {record['date']}: {record['hours']:.1f} hours of one thread ({_devices(record)}). The "
        "numbers are under dsim's licence; the images have their own, below."
    )


def reach(
    told: Facts, baselines: Sequence[str], score: str, repeated: str, regret: str, digits: int, more: str = ""
) -> str:
    """What simple choices score, beside what the best measure could.

    ``regret`` : its name with its unit. ``repeated`` : what the ``score`` is a mean over. ``more`` : a sentence on the
    baselines.
    """
    rows = [
        [
            text,
            *(_short(told.baselines[baseline].scores[name], decimals) for baseline in baselines),
            _short(told.ceiling[name], decimals),
        ]
        for name, text, decimals in [*((name, text, 2) for name, text in _SCORES.items()), ("regret", regret, digits)]
    ]
    return (
        "Without self pairs, as `dsim evaluate` judges; 95 % intervals in brackets. *Best fixed source, others*: for "
        "each target the source that is best for the other targets, which is the simple choice that uses no "
        f"hindsight.{f' {more}' if more else ''} *Ceiling*: what a measure would score that knew the expected {score} "
        f"of every pair, for the truth is itself the mean of a few noisy {repeated} "
        "([evaluation](../../../docs/evaluation.md)).\n\n"
    ) + table(["score", *baselines, "ceiling"], rows)


def origins(known: Mapping[str, Origin]) -> str:
    """Where each set was taken from, and what to cite."""
    head = ["set", "repository", "commit", "path", "citation"]
    rows = [
        [f"`{name}`", origin.repository, origin.commit, f"`{origin.path}`", origin.citation]
        for name, origin in known.items()
    ]
    return words(head, rows)


def settings(record: Mapping[str, Any]) -> str:
    """The recipe and the rules, a line each, and under what they were carried out."""
    told = {name: value for name, value in record["recipe"].items() if name != "version"} | record["rules"]
    lines = "\n".join(f"- {name.replace('_', ' ')}: {value}" for name, value in told.items())
    return f"{lines}\n\nUnder: {'; '.join(_conditions(record))}."


def _conditions(record: Mapping[str, Any]) -> Iterator[str]:
    for each in record["conditions"]:
        yield ", ".join(f"{name} {value}" for name, value in each.items())


def _devices(record: Mapping[str, Any]) -> str:
    return ", ".join(sorted({str(each["device"]) for each in record["conditions"]}))


def _short(score: Score, digits: int = 2) -> str:
    """The score with its interval; a score that there is not is none."""
    if np.isnan(score.value):
        return "none"
    interval = "" if np.isnan(score.low) else f" [{score.low:.{digits}f}, {score.high:.{digits}f}]"
    return f"{score.value:.{digits}f}{interval}"
