"""Sections that the cards of real sets have in common."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from benchmarks.phantom_truth.card import table
from benchmarks.real_sets.facts import Facts
from benchmarks.real_sets.origins import Origin
from dsim.evaluation.results import Score
from dsim.truth import TransferMatrix

_SCORES = {"spearman": "mean Spearman (RCI)", "top1": "top-1", "top3": "top-3"}


def scores(truth: TransferMatrix, told: Facts, digits: int) -> str:
    """Mean and spread of every pair, the best source of a target in bold, self pairs in brackets."""
    rows = []
    for j, target in enumerate(truth.targets):
        cells = []
        for i, source in enumerate(truth.sources):
            text = f"{told.means[i, j]:.{digits}f} ± {told.spread[i, j]:.{digits}f}"
            own = f"({told.own[i]:.{digits}f} ± {told.own_spread[i]:.{digits}f})"
            cells.append(own if source == target else f"**{text}**" if source == told.best[j] else text)
        rows.append([f"`{target}`", *cells])
    return table(["target", *truth.sources], rows)


def reach(told: Facts, baselines: Sequence[str], regret: str, digits: int) -> str:
    """What simple choices score, beside what the best measure could; ``regret`` : its name with its unit."""
    rows = [
        [
            text,
            *(short(told.baselines[name].scores[score], decimals) for name in baselines),
            short(told.ceiling[score], decimals),
        ]
        for score, text, decimals in [*((name, text, 2) for name, text in _SCORES.items()), ("regret", regret, digits)]
    ]
    return table(["score", *baselines, "ceiling"], rows)


def origins(known: Mapping[str, Origin]) -> str:
    """Where each set was taken from, and what to cite."""
    head = ["set", "repository", "commit", "path", "citation"]
    rows = [
        [f"`{name}`", origin.repository, origin.commit, f"`{origin.path}`", origin.citation]
        for name, origin in known.items()
    ]
    return words(head, rows)


def words(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A table of texts, which may hold any character."""
    return table(head, [[text.replace("|", "\\|") for text in row] for row in rows], "---")


def settings(record: Mapping[str, Any]) -> str:
    """The recipe and the rules, a line each, and under what they were carried out."""
    told = {name: value for name, value in record["recipe"].items() if name != "version"} | record["rules"]
    lines = "\n".join(f"- {name.replace('_', ' ')}: {value}" for name, value in told.items())
    return f"{lines}\n\nUnder: {'; '.join(_conditions(record))}."


def _conditions(record: Mapping[str, Any]) -> Iterator[str]:
    for each in record["conditions"]:
        yield ", ".join(f"{name} {value}" for name, value in each.items())


def devices(record: Mapping[str, Any]) -> str:
    return ", ".join(sorted({str(each["device"]) for each in record["conditions"]}))


def short(score: Score, digits: int = 2) -> str:
    """The score with its interval; a score that there is not is none."""
    if np.isnan(score.value):
        return "none"
    interval = "" if np.isnan(score.low) else f" [{score.low:.{digits}f}, {score.high:.{digits}f}]"
    return f"{score.value:.{digits}f}{interval}"
