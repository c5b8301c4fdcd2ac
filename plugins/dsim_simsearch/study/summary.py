"""What a study says: the scores of every method with intervals, and what each part of the method changes."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np

from dsim.stats.detection_scores import MatchedDetections, average_precision, score_interval, trapezoid_area
from dsim_simsearch.study.cells import METHODS, Cell, read_matched

if TYPE_CHECKING:
    from collections.abc import Iterator

    from dsim_simsearch.study.problem import Problem

Record = Mapping[str, Any]
Records = Mapping[Cell, Record]
#: Method, prototypes, negatives.
Setting = tuple[str, int, int]
#: By experiment, its trainings.
Repeats = dict[int, list[MatchedDetections]]


class Contrast(NamedTuple):
    """A question, and the two methods whose difference answers it; each with the same prototypes and negatives."""

    question: str
    first: str
    less: str


CONTRASTS = (
    Contrast("do negatives help?", "Pos+Neg", "Pos"),
    Contrast("do negatives help, after self-learning?", "Pos+Neg+Selflearn", "Pos+Selflearn"),
    Contrast("does self-learning help?", "Pos+Selflearn", "Pos"),
    Contrast("does self-learning help, with negatives?", "Pos+Neg+Selflearn", "Pos+Neg"),
    Contrast("does re-ranking help?", "re-ranked", "similarity"),
    Contrast("does training help?", "Pos+Neg", "similarity"),
    Contrast("does training help more than re-ranking?", "Pos+Neg", "re-ranked"),
    Contrast("does it beat template matching?", "similarity", "template matching"),
    Contrast("does it beat random weights?", "similarity", "random weights"),
)


def summarise_scores(problem: Problem, records: Records) -> list[dict[str, Any]]:
    """Return one row for each class and setting: both areas with intervals, spreads, clicks and seconds."""
    return [
        _score_row(name, setting, repeats, [records[cell] for cell in records if cell[:3] == setting])
        for name in problem.classes
        for setting, repeats in _by_setting(problem, name, records).items()
    ]


def _score_row(name: str, setting: Setting, repeats: Repeats, records: Sequence[Record]) -> dict[str, Any]:
    method, prototypes, negatives = setting
    areas = [[float(average_precision(each)) for each in trainings] for trainings in repeats.values()]
    means = [float(np.mean(each)) for each in areas]
    trained = [float(np.std(each, ddof=1)) for each in areas if len(each) > 1]
    return {
        "class": name,
        "method": method,
        "prototypes": prototypes,
        "negatives": negatives,
        "repeats": len(repeats),
        "trainings": min(map(len, areas)),
        "average_precision": score_interval([*repeats.values()]).to_dict(),
        "trapezoid": score_interval([*repeats.values()], area=trapezoid_area).to_dict(),
        "values": means,
        "sd_repeats": float(np.std(means, ddof=1)) if len(means) > 1 else None,
        "sd_trainings": trained,
        "recall": float(np.mean([_reached(each) for trainings in repeats.values() for each in trainings])),
        "clicks": float(np.mean([record["clicks"] for record in records])),
        "seconds": float(np.mean([record["seconds"] for record in records])),
    }


def _reached(matched: MatchedDetections) -> float:
    total = int(matched.truths.sum())
    return float(matched.correct.sum()) / total if total else math.nan


def summarise_contrasts(problem: Problem, records: Records) -> list[dict[str, Any]]:
    """Return one row for each question, class and setting that both methods have: the difference, paired."""
    rows = []
    for name in problem.classes:
        known = _by_setting(problem, name, records)
        for contrast in CONTRASTS:
            for first, less in _pairs(contrast, [*known]):
                shared = sorted(known[first].keys() & known[less].keys())
                if not shared:
                    continue
                sides = [[known[side][repeat] for repeat in shared] for side in (first, less)]
                rows.append(
                    {
                        "class": name,
                        "question": contrast.question,
                        "first": contrast.first,
                        "less": contrast.less,
                        "prototypes": max(first[1], less[1]),
                        "negatives": max(first[2], less[2]),
                        "repeats": len(shared),
                        "difference": score_interval(*sides).to_dict(),
                    }
                )
    return rows


def _pairs(contrast: Contrast, settings: Sequence[Setting]) -> Iterator[tuple[Setting, Setting]]:
    """The settings of both methods that agree, where a number that a method does not depend on agrees with all."""
    for first in settings:
        for less in settings:
            if (first[0], less[0]) != (contrast.first, contrast.less):
                continue
            flags = all(METHODS[method].flags for method in (first[0], less[0]))
            if first[1] == less[1] and (first[2] == less[2] or not flags):
                yield first, less


def _by_setting(problem: Problem, name: str, records: Records) -> dict[Setting, Repeats]:
    """The matched detections of a class, in the order of tables."""
    truth = problem.truth(name)
    found: dict[Setting, Repeats] = defaultdict(lambda: defaultdict(list))
    order = list(METHODS)
    for cell in sorted(records, key=lambda cell: (order.index(cell.method), *cell[1:])):
        found[cell[:3]][cell.repeat].append(read_matched(records[cell]["classes"][name], truth))
    return found


def summarise_choice(scores: Sequence[Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return for each class, method and number of negatives the spread over experiments, by number of prototypes.

    It answers whether the choice of prototypes matters less with more of them: the deviation of the experiments' mean
    areas, and their range.
    """
    rows = []
    for row in scores:
        if len(row["values"]) > 1 and row["prototypes"]:
            same = {key: row[key] for key in ("class", "method", "prototypes", "negatives", "repeats")}
            rows.append({**same, "sd": row["sd_repeats"], "lowest": min(row["values"]), "highest": max(row["values"])})
    return rows
