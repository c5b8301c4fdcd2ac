"""Tables of speed, from the measurements that benchmarks/timing/t_simcne.py keeps in its work folder."""

from __future__ import annotations

import json
import statistics
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from dsim.files import write_text

PATH = Path(__file__).with_name("speed.json")
#: The aims: images a second as multiples of the plain implementation by the side of images, and seconds of a placing.
AIMS, PLACING = {"28": 10, "64": 20}, 3
Measured = Mapping[str, Mapping[str, Any]]


def read_speed() -> Measured:
    """Return the stored measurements; none where there are none."""
    known: Measured = json.loads(PATH.read_text("utf-8")) if PATH.is_file() else {}
    return known


def store_speed(measurements: Path) -> None:
    """Take over the measurements of a work folder."""
    write_text(PATH, json.dumps(json.loads(measurements.read_text("utf-8")), indent=1) + "\n")


def rate_table(known: Measured) -> str:
    """Return images a second of each training and size, by the median of repeats, and what quick is to reach."""
    rates: dict[tuple[str, str], list[float]] = {}
    for key, value in known.items():
        part, rest = key.split(" ", 1)
        if part == "rates":
            name, side, _ = rest.rsplit(" ", 2)
            rates.setdefault((side, name), []).append(value["rate"])
    medians = {key: statistics.median(values) for key, values in rates.items()}
    lines = []
    for (side, name), rate in medians.items():
        plain = medians.get((side, "plain"))
        ratio = "" if plain is None else f"{rate / plain:.1f}"
        aim = f"{AIMS[side]}" if name == "quick" else ""
        lines.append([name, side, f"{rate:.1f}", ratio, aim])
    return markdown(["training", "px", "images/s", "times the plain implementation", "aim"], lines)


def network_table(known: Measured) -> str:
    """Return images a second of processor time of the networks alone, by precision and layout in memory."""
    rows: dict[tuple[str, str], dict[str, float]] = {}
    for key, value in known.items():
        if key.startswith("networks "):
            _, name, side, precision, layout = key.split(" ")
            rows.setdefault((name, side), {})[f"{precision}, {layout}"] = value["rate"]
    heads = list(dict.fromkeys(head for row in rows.values() for head in row))
    lines = [
        [name, side, *(f"{row[head]:.1f}" if head in row else "" for head in heads)]
        for (name, side), row in rows.items()
    ]
    return markdown(["network", "px", *heads], lines)


def place_table(known: Measured) -> str:
    """Return the seconds in which 1,000 images are placed."""
    seconds: dict[str, list[float]] = {}
    for key, value in known.items():
        if key.startswith("place "):
            seconds.setdefault(key.split(" ")[1], []).append(value["seconds"])
    lines = [[side, f"{statistics.median(values):.2f}", str(PLACING)] for side, values in seconds.items()]
    return markdown(["px", "seconds for 1,000 images", "aim"], lines)


def quality_table(known: Measured) -> str:
    """Return time, accuracy and silhouette of the plain implementation and of quick, trained for the same steps."""
    lines = []
    for key, value in known.items():
        if key.startswith("quality "):
            _, name, steps, batch = key.split(" ")
            scores = [f"{100 * value['knn']:.1f}", f"{value['silhouette']:.3f}"]
            lines.append([name, steps, batch, f"{value['seconds']:.0f}", *scores])
    return markdown(["training", "steps", "batch", "seconds", "kNN, whole groups", "silhouette"], lines)


def markdown(heads: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table; a sentence where it would have no row."""
    if not rows:
        return "Not measured yet."
    lines = ["| " + " | ".join(heads) + " |", "|---" * len(heads) + "|"]
    return "\n".join([*lines, *("| " + " | ".join(row) + " |" for row in rows)])
