"""The tables of docs/simsearch-results.md: ``python -m benchmarks.simsearch.tables`` makes them of stored documents."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from benchmarks.simsearch.design import PASSES, SEARCHES, TASKS
from dsim.files import write_text
from dsim.files.documents import read
from dsim_simsearch.study.cells import METHODS
from dsim_simsearch.study.summary import CONTRASTS

RESULTS = Path(__file__).with_name("results")
PAGE = Path(__file__).parents[2] / "docs" / "simsearch-results.md"
Document = Mapping[str, Any]
Row = Mapping[str, Any]
#: Methods that need no search, beside the ways to compare patches.
BASELINES = ("template matching", "random weights")
#: Methods that are fitted to what the user judged, without training a network.
HEADS = ("similarity", "k-NN", "LDA", "re-ranked")
#: Average precision that the issue asks for: by class, without training and after it.
AIMS: Mapping[str, tuple[float, float]] = {"WBC": (0.80, 0.90), "RBC": (0.60, 0.75)}


def name_document(part: str, task: str, search: str = "default") -> str:
    """Return the name of the file of a part of the study.

    >>> name_document("untrained", "bccd-rbc", "one layer, blocks.4")
    'untrained-bccd-rbc-one_layer_blocks.4.json'
    """
    end = "" if part == "trained" else f"-{search.replace(' ', '_').replace(',', '')}"
    return f"{part}-{task}{end}.json"


def draw_pictures() -> None:
    """Draw violins of all experiments of the first task, without training and with it, for the page."""
    from dsim_simsearch.study.pictures import draw_study

    for part, name in (("untrained", "simsearch.png"), ("trained", "simsearch-trained.png")):
        document = read(RESULTS / name_document(part, next(iter(TASKS))), "run the study again")
        draw_study(document, PAGE.parent / "images" / name)


def stored() -> dict[str, Document]:
    """Return the stored documents by the names of their files."""
    return {path.name: read(path, "run the study again") for path in sorted(RESULTS.glob("*.json"))}


def search_table(documents: Mapping[str, Document]) -> str:
    """Return average precision with 5 prototypes of every way to compare patches, and of baselines, by class."""
    columns = [(task, name) for task in TASKS for name in TASKS[task].classes]
    rows = [
        [
            search if method == "similarity" else method,
            *(
                score_cell(_scores(documents, "untrained", task, search, name, method, prototypes=5))
                for task, name in columns
            ),
        ]
        for search, method in [
            *((search, "similarity") for search in SEARCHES),
            *(("default", one) for one in BASELINES),
        ]
    ]
    return _markdown(["compared by", *(name for _, name in columns)], [row for row in rows if any(row[1:])])


def head_table(documents: Mapping[str, Document]) -> str:
    """Return average precision of heads that learn from judged patches without a training, by class."""
    rows = []
    for task in TASKS:
        document = documents.get(name_document("untrained", task))
        rows += [
            [row["class"], row["method"], *_counts(row), score_cell([row]), f"{row['clicks']:.0f}"]
            for row in _rows(document, HEADS)
        ]
    return _markdown(["class", "method", "P", "N", "average precision", "clicks"], rows)


def training_table(documents: Mapping[str, Document]) -> str:
    """Return both areas of every strategy, with the spread over experiments, by class."""
    rows = []
    for task in TASKS:
        for row in _rows(documents.get(name_document("trained", task)), METHODS):
            cells = [row["class"], row["method"], *_counts(row), score_cell([row]), f"{row['trapezoid']['value']:.2f}"]
            rows.append([*cells, _decimal(row["sd_repeats"]), str(row["repeats"]), f"{row['seconds']:.0f}"])
    heads = ["class", "method", "P", "N", "average precision", "trapezoid", "sd", "experiments", "seconds"]
    return _markdown(heads, rows)


def contrast_table(documents: Mapping[str, Document]) -> str:
    """Return the answers to the questions, in average precision; bold where the interval leaves out 0."""
    rows = []
    for contrast in CONTRASTS:
        for name, document in documents.items():
            part = "trained" if contrast.first in METHODS and METHODS[contrast.first].trained else "untrained"
            found = [row for row in document["contrasts"] if row["question"] == contrast.question]
            if name.startswith(part):
                rows += [
                    [row["question"], row["class"], *_counts(row), str(row["repeats"]), difference_cell(row)]
                    for row in found
                ]
    return _markdown(["question", "class", "P", "N", "experiments", "difference"], rows)


def choice_table(documents: Mapping[str, Document]) -> str:
    """Return the deviation over experiments by the number of prototypes, of settings that have several."""
    spread: dict[tuple[str, str, int], dict[int, float]] = {}
    for document in documents.values():
        for row in document["choice"]:
            if document["settings"]["search"] == SEARCHES["default"].to_dict():
                spread.setdefault((row["class"], row["method"], row["negatives"]), {})[row["prototypes"]] = row["sd"]
    rows = [
        [name, method, str(negatives or ""), *(_decimal(found[count], 3) for count in (5, 10))]
        for (name, method, negatives), found in spread.items()
        if {5, 10} <= found.keys()
    ]
    return _markdown(["class", "method", "N", "deviation with P = 5", "with P = 10"], rows)


def window_table(documents: Mapping[str, Document]) -> str:
    """Return average precision of one pass and of windows one by one, on the same few images."""
    rows = []
    for search in PASSES:
        document = documents.get(name_document("windows", next(iter(TASKS)), search))
        rows += [
            [search, row["class"], score_cell([row]), str(row["repeats"])] for row in _rows(document, ("similarity",))
        ]
    return _markdown(["features", "class", "average precision", "experiments"], rows)


def aim_table(documents: Mapping[str, Document]) -> str:
    """Return the aims of average precision beside what was measured."""
    rows = []
    for task in TASKS:
        for name in TASKS[task].classes:
            if name not in AIMS:
                continue
            plain = _scores(documents, "untrained", task, "default", name, "similarity", prototypes=5)
            trained = _rows(documents.get(name_document("trained", task)), ("Pos+Neg", "Pos+Neg+Selflearn"))
            rows.append([f"{name}, 5 prototypes, no training", f"{AIMS[name][0]:.2f}", score_cell(plain)])
            rows += [
                [
                    f"{name}, {row['method']}, P {row['prototypes']}, N {row['negatives']}",
                    f"{AIMS[name][1]:.2f}",
                    score_cell([row]),
                ]
                for row in trained
            ]
    return _markdown(["average precision of", "aim", "measured"], rows)


def blocks(documents: Mapping[str, Document]) -> dict[str, str]:
    """Return all tables by the name of their place on the page."""
    return {
        "searches": search_table(documents),
        "heads": head_table(documents),
        "trainings": training_table(documents),
        "contrasts": contrast_table(documents),
        "choice": choice_table(documents),
        "windows": window_table(documents),
        "aims": aim_table(documents),
    }


def filled(page: str, tables: Mapping[str, str]) -> str:
    """Return the page with each table between ``<!-- table: NAME -->`` and ``<!-- end -->``.

    Raises LookupError where the page asks for a table that there is not.
    """

    def table(match: re.Match[str]) -> str:
        if match[1] not in tables:
            raise LookupError(f"there is no table {match[1]!r}; there are {', '.join(tables)}")
        return f"<!-- table: {match[1]} -->\n{tables[match[1]]}\n<!-- end -->"

    return re.sub(r"<!-- table: (.+?) -->\n.*?<!-- end -->", table, page, flags=re.DOTALL)


def score_cell(rows: Sequence[Row]) -> str:
    """Return the average precision of a row with its interval; nothing without a row."""
    if not rows:
        return ""
    area = rows[0]["average_precision"]
    interval = "" if area["low"] is None else f" ({area['low']:.2f} to {area['high']:.2f})"
    return f"{area['value']:.2f}{interval}"


def difference_cell(row: Row) -> str:
    """Return a difference with its interval, bold where that leaves out 0."""
    found = row["difference"]
    if found["low"] is None:
        return f"{found['value']:+.2f}"
    text = f"{found['value']:+.2f} ({found['low']:+.2f} to {found['high']:+.2f})"
    return f"**{text}**" if found["low"] > 0 or found["high"] < 0 else text


def _rows(document: Document | None, methods: Iterable[str]) -> list[Row]:
    known = [] if document is None else document["scores"]
    return [row for row in known if row["method"] in methods]


def _scores(
    documents: Mapping[str, Document], part: str, task: str, search: str, name: str, method: str, prototypes: int
) -> list[Row]:
    rows = _rows(documents.get(name_document(part, task, search)), (method,))
    return [row for row in rows if (row["class"], row["prototypes"]) == (name, prototypes)]


def _counts(row: Row) -> tuple[str, str]:
    return str(row["prototypes"] or ""), str(row["negatives"] or "")


def _decimal(value: float | None, digits: int = 2) -> str:
    return "" if value is None else f"{value:.{digits}f}"


def _markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])


def main() -> None:
    """Fill the page's tables from the stored results."""
    write_text(PAGE, filled(PAGE.read_text("utf-8"), blocks(stored())))
    print(PAGE)


if __name__ == "__main__":
    main()
