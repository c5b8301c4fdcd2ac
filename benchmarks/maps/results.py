"""What is committed of the study: every run's scores, seeds taken together, and paired differences of the aim."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from benchmarks.maps.design import (
    ADVISED,
    CELLS,
    DIGITS,
    IMAGENET,
    OWN_TSNE,
    PIXELS,
    RUNS,
    SIMCLR,
    TSIMCNE,
    Run,
    open_set,
)
from benchmarks.maps.runs import path_of
from benchmarks.maps.scores import agreement, difference, pooled, repeated_shares
from dsim.data import Dataset
from dsim.files import write_text
from dsim.stats.map_scores import KnnShares

PATH = Path(__file__).with_name("results.json")
Document = dict[str, Any]

ANY, NONE, QUARTER = (f"{TSIMCNE}, rotations {name}" for name in ("any", "none", "quarter"))
SHIPPED_ANY, SHIPPED_NONE = (f"{TSIMCNE}, preset quick, rotations {name}" for name in ("any", "none"))
TWICE_ANY, TWICE_NONE = (f"{TSIMCNE}, twice quick, rotations {name}" for name in ("any", "none"))
FROM_IMAGENET = f"{TSIMCNE}, from ImageNet, rotations any"
#: Rows whose group-aware accuracies are compared: the first less the second.
PAIRS: Mapping[str, tuple[tuple[str, str], ...]] = {
    CELLS: (
        (SHIPPED_ANY, SHIPPED_NONE),
        (SHIPPED_ANY, PIXELS),
        (SHIPPED_ANY, IMAGENET),
        (SHIPPED_ANY, ANY),
        (TWICE_ANY, TWICE_NONE),
        (TWICE_ANY, PIXELS),
        (TWICE_ANY, IMAGENET),
        (TWICE_ANY, SHIPPED_ANY),
        (FROM_IMAGENET, PIXELS),
        (FROM_IMAGENET, IMAGENET),
        (FROM_IMAGENET, SHIPPED_ANY),
        (ANY, NONE),
        (ANY, QUARTER),
        (QUARTER, NONE),
        (ANY, PIXELS),
        (ANY, IMAGENET),
        (ANY, SIMCLR),
        (ANY, OWN_TSNE),
        (f"{TSIMCNE}, invariant to smears, negatives within", ANY),
        (f"{TSIMCNE}, invariant to smears, negatives across", ANY),
        *((f"{TSIMCNE}, without {part}", ANY) for part in ("crops", "flips", "jitter", "gray")),
    ),
    DIGITS: ((ANY, NONE), (QUARTER, NONE)),
}


def read_results() -> Document:
    """Return the stored results."""
    document: Document = json.loads(PATH.read_text("utf-8"))
    return document


def write_results(data: Path, work: Path) -> None:
    """Collect the runs that are done, and write the file."""
    done = [run for run in RUNS if path_of(run, work).is_file()]
    sets = {}
    for name in dict.fromkeys(run.set for run in done):
        dataset = open_set(data, name)
        sets[name] = _of_set(dataset, [run for run in done if run.set == name], work)
    facts = {"runs": [len(done), len(RUNS)], "sets": sets}
    write_text(PATH, json.dumps(facts, indent=1) + "\n")


def _of_set(dataset: Dataset, runs: Iterable[Run], work: Path) -> Document:
    rows: dict[str, list[Run]] = {}
    for run in runs:
        rows.setdefault(run.label, []).append(run)

    def points_of(run: Run) -> NDArray[np.float32]:
        points: NDArray[np.float32] = np.load(path_of(run, work, "npz"))["points"]
        return points

    @cache
    def shares_of(label: str) -> list[KnnShares]:
        return [repeated_shares(points_of(run), dataset) for run in rows[label]]

    found = []
    for label, members in rows.items():
        stored = [json.loads(path_of(run, work).read_text("utf-8")) for run in members]
        shares = shares_of(label)
        found.append(
            {
                "row": label,
                "seeds": [run.seed for run in members],
                "knn": pooled(shares),
                "balanced": pooled(shares, balanced=True),
                **{key: _over_seeds(key, stored) for key in stored[0]["scores"] if key not in ("knn", "balanced")},
                **agreement([points_of(run) for run in members]),
                "seconds": [each["processor_seconds"] for each in stored if _is_timed(each)],
                "settings": stored[0].get("settings", {}),
            }
        )
    contrasts = [
        {"first": first, "second": second, **difference(shares_of(first), shares_of(second))}
        for first, second in _pairs(dataset.name, rows)
    ]
    groups = len(set(dataset.groups)) if dataset.groups else 0
    return {"images": len(dataset), "groups": groups, "classes": len(dataset.classes or ()), "rows": found} | {
        "contrasts": contrasts
    }


def _is_timed(stored: Mapping[str, Any]) -> bool:
    """Whether a run's time is that of its training too: not where another process had trained it before."""
    return bool(stored["processor_seconds"] > 0.1 * stored.get("training_seconds", 0))


def _pairs(name: str, rows: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Pairs of rows that are both there; of the six sets rotations against none."""
    pairs = PAIRS.get(name, ((ANY, NONE), (ANY if ADVISED[name] == "any" else NONE, PIXELS)))
    yield from (pair for pair in pairs if pair[0] in rows and pair[1] in rows)


def _over_seeds(key: str, stored: Iterable[Mapping[str, Any]]) -> dict[str, float | None]:
    """The mean of a score over seeds, and its standard deviation where there are several."""
    values = [each["scores"][key] for each in stored if each["scores"][key] is not None]
    if not values:
        return {"mean": None, "sd": None}
    deviation = round(float(np.std(values, ddof=1)), 4) if len(values) > 1 else None
    return {"mean": round(float(np.mean(values)), 4), "sd": deviation}
