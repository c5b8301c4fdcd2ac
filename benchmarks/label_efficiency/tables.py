"""The tables of docs/label-efficiency-results.md, made from the stored results: ``python -m ...tables`` writes them."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.label_efficiency.curves import ORDERS
from benchmarks.label_efficiency.design import SETS
from benchmarks.label_efficiency.extractors import DINO
from benchmarks.label_efficiency.results import AIM, JUDGED, path_of, read_results
from dsim.files import write_text

#: Stored by ``choices.py``.
CHOICES = Path(__file__).with_name("choices.json")
PAGE = Path(__file__).parents[2] / "docs" / "label-efficiency-results.md"
#: Table 1 of Nielsen et al. 2023 (arXiv:2304.05163), all classes: support vectors, mean and deviation over draws.
PAPER: Mapping[str, Mapping[int, tuple[float, float]]] = {
    "bone marrow": {1: (0.27, 0.04), 5: (0.48, 0.02), 10: (0.56, 0.02), 25: (0.65, 0.01), 50: (0.70, 0.01)}
    | {100: (0.72, 0.01), 250: (0.73, 0.02)},
    "endoscopy": {1: (0.36, 0.03), 5: (0.52, 0.02), 10: (0.57, 0.02), 25: (0.61, 0.01), 50: (0.62, 0.01)}
    | {100: (0.62, 0.01), 250: (0.62, 0.00)},
    "skin": {1: (0.22, 0.03), 5: (0.36, 0.03), 10: (0.42, 0.02), 25: (0.51, 0.01), 50: (0.56, 0.01)}
    | {100: (0.62, 0.01), 250: (0.67, 0.00)},
}
Documents = Mapping[str, Mapping[str, Any]]


def stored() -> dict[str, dict[str, Any]]:
    """Return the results of all sets that have some."""
    return {name: read_results(name) for name in SETS if path_of(name).is_file()}


def curve_in(document: Mapping[str, Any], extractor: str, order: str, classifier: str = JUDGED) -> dict[str, Any]:
    """Return a stored curve; an empty one where it was not measured."""
    wanted = {"extractor": extractor, "order": order, "classifier": classifier}
    found = (row for row in document["curves"] if all(row[key] == value for key, value in wanted.items()))
    return next(found, {"counts": [], "mean": [], "sd": []})


def paper_table(documents: Documents, order: str) -> str:
    """Return the paper's Table 1 beside ours: support vectors on features of DINO trained on a set's own images."""
    curves = {name: curve_in(document, DINO, order) for name, document in documents.items()}
    counts = sorted({*PAPER["skin"], *(count for curve in curves.values() for count in curve["counts"])})
    heads = [*(f"paper: {name}" for name in PAPER), *curves]
    rows = []
    for count in counts:
        theirs = [_pair(*PAPER[name].get(count, (None, None))) for name in PAPER]
        rows.append([str(count), *theirs, *(_cell(curve, count) for curve in curves.values())])
    return _markdown(["labels per class", *heads], rows)


def extractor_table(document: Mapping[str, Any], order: str, classifier: str = JUDGED) -> str:
    """Return the curves of all extractors of a set, the mean over draws and its deviation."""
    rows = [
        row
        for row in document["curves"]
        if row["order"] in (order, "") and row["classifier"] in (classifier, "network")
    ]
    counts = sorted({count for row in rows for count in row["counts"]})
    lines = [[row["extractor"], *(_cell(row, count) for count in counts)] for row in rows]
    return _markdown(["features", *map(str, counts)], lines)


def contrast_table(document: Mapping[str, Any], order: str, counts: Sequence[int] = AIM) -> str:
    """Return how far DINO on own images leads the others, in points, with 95 % intervals."""
    found = [row for row in document["contrasts"] if row["order"] == order]
    seconds = list(dict.fromkeys(row["second"] for row in found))
    by = {(row["second"], row["count"]): row for row in found}
    counts = [count for count in counts if any(row["count"] == count for row in found)]
    lines = [[second, *(_lead(by.get((second, count))) for count in counts)] for second in seconds]
    return _markdown([f"{DINO}, less", *(f"{count} labels per class" for count in counts)], lines)


def run_table(documents: Documents) -> str:
    """Return the runs: images, epochs, minutes, and the state of the teacher at the end."""
    runs = {run["run"]: run for document in documents.values() for run in document["runs"]}
    rows = []
    for name, run in runs.items():
        images = sum(count for count, _ in run["sets"].values())
        settings, last = run["settings"], run["last"]
        sizes = f"{settings['size']}/{settings['local_size']}"
        # The first run was trained before its column got another name.
        left = last.get("share_left", last.get("initial_teacher_left"))
        state = [f"{value:.2f}" for value in (*(last[key] for key in ("loss", "teacher_entropy", "kl")), left)]
        rows.append(
            [name, str(images), sizes, settings["views"], str(run["epochs"]), f"{run['seconds'] / 60:.0f}", *state]
        )
    heads = ["run", "images", "px", "views", "epochs", "minutes", "loss", "entropy / ln K", "KL", "first teacher left"]
    return _markdown(heads, rows)


def blocks(documents: Documents) -> dict[str, str]:
    """Return all tables by the name of their place on the page."""
    found = {"runs": run_table(documents)}
    for order in ORDERS:
        found[f"table-1 {order}"] = paper_table(documents, order)
        for name, document in documents.items():
            found[f"{name} {order}"] = extractor_table(document, order)
            found[f"{name} leads {order}"] = contrast_table(document, order)
    if CHOICES.is_file():
        found["choices"] = choice_table(json.loads(CHOICES.read_text("utf-8")))
    return found


def choice_table(rows: Sequence[Mapping[str, Any]]) -> str:
    """Return the accuracy of images that were chosen for labelling, and their lead over random ones, in points."""
    budgets = sorted({budget for row in rows for budget in row["budgets"]})
    lines = []
    for row in rows:
        by = dict(zip(row["budgets"], zip(row["mean"], row["lead"], strict=True), strict=True))
        cells = [f"{by[b][0]:.2f} ({100 * by[b][1]:+.1f})" if b in by else "" for b in budgets]
        lines.append([row["set"], row["extractor"], row["strategy"], *cells])
    return _markdown(["set", "features", "strategy", *(f"{budget} labels" for budget in budgets)], lines)


def filled(page: str, tables: Mapping[str, str]) -> str:
    """Return the page with each table between ``<!-- table: NAME -->`` and ``<!-- end -->``.

    Raises LookupError where the page asks for a table that there is not.
    """

    def table(match: re.Match[str]) -> str:
        if match[1] not in tables:
            raise LookupError(f"there is no table {match[1]!r}; there are {', '.join(tables)}")
        return f"<!-- table: {match[1]} -->\n{tables[match[1]]}\n<!-- end -->"

    return re.sub(r"<!-- table: (.+?) -->\n.*?<!-- end -->", table, page, flags=re.DOTALL)


def _cell(curve: Mapping[str, Any], count: int) -> str:
    if count not in curve["counts"]:
        return ""
    place = list(curve["counts"]).index(count)
    return _pair(curve["mean"][place], curve["sd"][place])


def _pair(mean: float | None, sd: float | None) -> str:
    if mean is None:
        return ""
    return f"{mean:.2f} ({sd:.2f})" if sd is not None else f"{mean:.2f}"


def _lead(row: Mapping[str, Any] | None) -> str:
    if row is None:
        return ""
    text = f"{100 * row['difference']:+.1f} ({100 * row['low']:.1f} to {100 * row['high']:.1f})"
    return f"**{text}**" if row["clear"] else text


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def main() -> None:
    """Fill the page's tables from the stored results."""
    write_text(PAGE, filled(PAGE.read_text("utf-8"), blocks(stored())))
    print(PAGE)


if __name__ == "__main__":
    main()
