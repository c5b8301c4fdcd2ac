"""What ``dsim roi study`` prints: the scores of the methods, and the answers to the paper's questions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from dsim.ui import print_table, say

Document = Mapping[str, Any]


def show_study(document: Document) -> None:
    """Print a sentence, then a table of scores for each class, then the differences."""
    done, planned = document["cells"]["finished"], document["cells"]["planned"]
    say(
        f"{done} of {planned} cells; {document['test_images']} test images of {document['set']}, patch"
        f" {document['patch']} px, distance {document['distance']:.3g} px"
    )
    for described in document["classes"]:
        _show_class(document, described)
    _show_contrasts(document)
    for cell in document["failed"]:
        say(f"failed: {cell['method']}, experiment {cell['repeat']}, P {cell['prototypes']}: {cell['reason']}")
    for note in document["notes"]:
        say(f"note: {note}")


def _show_class(document: Document, described: Mapping[str, Any]) -> None:
    columns = ["method", "P", "N", "average precision", "95 %", "trapezoid", "repeats", "sd", "clicks"]
    rows = [
        [
            row["method"],
            shown_count(row["prototypes"]),
            shown_count(row["negatives"]),
            decimal(row["average_precision"]["value"]),
            interval(row["average_precision"]),
            decimal(row["trapezoid"]["value"]),
            str(row["repeats"]),
            decimal(row["sd_repeats"]),
            f"{row['clicks']:.0f}",
        ]
        for row in document["scores"]
        if row["class"] == described["name"]
    ]
    title = f"{described['name']}: {described['test']} objects in the test images"
    right = [name for name in columns if name != "method"]
    print_table(title, columns, rows, right=right, optional=["sd", "clicks", "trapezoid"])


def _show_contrasts(document: Document) -> None:
    columns = ["question", "class", "P", "N", "difference", "95 %"]
    rows = [
        [
            row["question"],
            row["class"],
            shown_count(row["prototypes"]),
            shown_count(row["negatives"]),
            signed(row["difference"]["value"]),
            interval(row["difference"], signed=True),
        ]
        for row in sorted(document["contrasts"], key=lambda row: row["question"])
    ]
    if rows:
        print_table("differences of average precision", columns, rows, right=columns[2:], prose=["question"])


def shown_count(count: int) -> str:
    """Return a number of prototypes or negatives; nothing for 0.

    >>> shown_count(5), shown_count(0)
    ('5', '')
    """
    return str(count) if count else ""


def decimal(value: float | None) -> str:
    """Return a score with two decimals, a dash where it is not known.

    >>> decimal(0.8349), decimal(None)
    ('0.83', '-')
    """
    return "-" if value is None else f"{value:.2f}"


def signed(value: float | None) -> str:
    """Return a difference with its sign.

    >>> signed(0.031), signed(-0.2)
    ('+0.03', '-0.20')
    """
    return "-" if value is None else f"{value:+.2f}"


def interval(estimate: Mapping[str, Any], signed: bool = False) -> str:
    """Return the bounds of an interval, a dash where there is none.

    >>> interval({"low": 0.711, "high": 0.9}), interval({"low": None, "high": None})
    ('0.71 to 0.90', '-')
    """
    if estimate["low"] is None or estimate["high"] is None:
        return "-"
    form = "+.2f" if signed else ".2f"
    return f"{estimate['low']:{form}} to {estimate['high']:{form}}"
