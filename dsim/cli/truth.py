"""``dsim truth``: list, show, check and convert measured transfer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.cli.completion import truths
from dsim.ui import options

if TYPE_CHECKING:
    from dsim.truth import TransferMatrix


@click.group()
def truth() -> None:
    """Measured transfer: list and show stored truths, check and convert your own."""


@truth.command("list")
@options.wide
@options.as_json
def list_(as_json: bool) -> None:
    """List the stored truths."""
    from dsim.truth import distance_names, open_truth, truth_names
    from dsim.ui import emit_json, say

    found = [open_truth(name) for name in truth_names()]
    if as_json:
        emit_json([_summary(one) for one in found])
        return
    _show_list(found)
    names = ", ".join(distance_names())
    say(f"note: published distances to judge: {names}: dsim evaluate NAME --truth NAME")


@truth.command()
@click.argument("name", shell_complete=truths)
@options.wide
@options.as_json
def show(name: str, as_json: bool) -> None:
    """Show a truth: a summary and its scores. NAME is a stored truth or a file."""
    from dsim.truth import open_truth
    from dsim.ui import emit_json

    found = open_truth(name)
    if as_json:
        emit_json(found.to_dict())
        return
    _show_truth(found)
    _show_scores(found)


@truth.command()
@click.argument("file")
@options.score
@options.bounds
@options.wide
@options.as_json
def check(file: str, score: str | None, bounds: tuple[float, float] | None, as_json: bool) -> None:
    """Check the truth in FILE, and show how it was read."""
    from dsim.truth import open_truth
    from dsim.ui import emit_json

    found = open_truth(file, score=score, bounds=bounds)
    if as_json:
        emit_json(_summary(found))
    else:
        _show_truth(found)


@truth.command()
@click.argument("source", metavar="IN")
@click.argument("out", metavar="OUT", type=click.Path(dir_okay=False, path_type=Path))
@options.score
@options.bounds
def convert(source: str, out: Path, score: str | None, bounds: tuple[float, float] | None) -> None:
    """Write the truth IN as OUT, a .json or .csv. A CSV holds the scores only."""
    from dsim.errors import UsageError
    from dsim.truth import open_truth
    from dsim.ui import say

    suffix = out.suffix.lower()
    if suffix not in (".json", ".csv"):
        raise UsageError(f"{out} is neither .json nor .csv", hint="end the name of the file with .json or .csv")
    found = open_truth(source, score=score, bounds=bounds)
    if suffix == ".csv":
        found.to_csv(out)
        lost = "bounds, reasons, which source is ImageNet, what is known of datasets, or where the numbers come from"
        say(f"note: a CSV does not hold {lost}")
    else:
        found.to_json(out)
    say(f"wrote {out}")


def _show_list(truths: Sequence[TransferMatrix]) -> None:
    """Print one line of each."""
    from dsim.ui import print_table

    rows = [[one.name, _score_of(one), _size(one), _repetitions(one), _baseline(one), _images(one)] for one in truths]
    columns = ["name", "score", "sources x targets", "repetitions", "baseline", "images"]
    print_table("stored truths", columns, rows, whole=["name"], optional=[columns[1], columns[2], *columns[:2:-1]])


def _summary(found: TransferMatrix) -> dict[str, Any]:
    """Return the summary of a truth as JSON values."""
    low, high = found.bounds
    return {
        "name": found.name,
        "score": found.score,
        "unit": found.unit,
        "bounds": [low, high],
        "sources": list(found.sources),
        "targets": list(found.targets),
        "repetition": found.repetition,
        "repetitions": found.repetitions,
        "baseline": found.baseline is not None,
        "imagenet": found.imagenet,
        "images": _images(found),
        "missing": [list(cell) for cell in found.missing],
        "repetitions_missing": _short(found),
        "digest": found.digest,
    }


def _show_truth(found: TransferMatrix) -> None:
    """Print the summary of a truth."""
    from dsim.ui import print_table

    low, high = found.bounds
    provenance = found.provenance
    source = provenance.get("source", "")
    lines = [
        ("score", f"{_score_of(found)}, from {low:g} to {high:g}; higher is better"),
        ("sources", f"{len(found.sources)}: {', '.join(found.sources)}"),
        ("targets", f"{len(found.targets)}: {', '.join(found.targets)}"),
        ("repetitions", _repetitions(found)),
        ("baseline", _baseline(found)),
        ("ImageNet", found.imagenet),
        ("images", _images(found)),
        *((f"missing: {source} -> {target}", reason) for source, target, reason in found.missing),
        ("incomplete", f"{_short(found)} of {found.mean.size} pairs with fewer repetitions" if _short(found) else ""),
        ("from", _cited(source)),
        ("", str(provenance.get("table") or "")),
        *_corrected(provenance),
        ("digest", found.digest[:16]),
    ]
    print_table(found.name, ("what", "understood"), [line for line in lines if line[1]], prose=("understood",))


def _cited(source: Any) -> str:
    """Return the source of the numbers, in one line."""
    if not isinstance(source, dict):
        return str(source)
    marks = {"doi": "doi:", "arxiv": "arXiv:"}
    return ", ".join(f"{marks.get(key, '')}{value}" for key, value in source.items())


def _corrected(provenance: Mapping[str, Any]) -> list[tuple[str, str]]:
    """Return the cells that differ from the printed source; provenance of other people may hold anything."""
    corrections = provenance.get("corrections", ())
    cells = [cell for cell in corrections if isinstance(cell, dict)] if isinstance(corrections, list) else []
    return [
        (
            f"corrected: {cell.get('source')} -> {cell.get('target')}",
            f"printed {cell.get('printed')}: {cell.get('why')}",
        )
        for cell in cells
    ]


def _show_scores(found: TransferMatrix) -> None:
    """Print means over repetitions; the longer list of names becomes the rows."""
    from dsim.ui import print_table

    form = "{:.2f}" if found.unit else "{:.4f}"
    rows = [[source, *_cells(row, form)] for source, row in zip(found.sources, found.mean.tolist(), strict=True)]
    if found.baseline_mean is not None:
        rows.append(["(no source)", *_cells(found.baseline_mean.tolist(), form)])
    rows, down = [["source", *found.targets], *rows], "source"
    if len(found.targets) > len(found.sources):
        rows, down = [list(column) for column in zip(*rows, strict=True)], "target"
    title = f"{_score_of(found)} of each source on each target{', means' if found.repetitions > 1 else ''}"
    print_table(title, [down, *rows[0][1:]], rows[1:], right=rows[0][1:])


def _cells(values: Sequence[float], form: str) -> list[str]:
    return ["" if value != value else form.format(value) for value in values]


def _short(found: TransferMatrix) -> int:
    """Return the number of pairs with fewer repetitions than others."""
    import numpy as np

    known = (~np.isnan(found.values)).sum(axis=2)
    return int(((known > 0) & (known < found.repetitions)).sum())


def _score_of(found: TransferMatrix) -> str:
    return f"{found.score} in %" if found.unit else found.score


def _size(found: TransferMatrix) -> str:
    return f"{len(found.sources)} x {len(found.targets)}"


def _repetitions(found: TransferMatrix) -> str:
    return f"{found.repetitions} {found.repetition}s" if found.repetitions > 1 else "none"


def _baseline(found: TransferMatrix) -> str:
    return "none" if found.baseline is None else "without a source"


def _images(found: TransferMatrix) -> str:
    """Return whether the images can be opened, by their location in the truth."""
    names = dict.fromkeys((*found.sources, *found.targets))
    known = [found.datasets[name].location for name in names if name in found.datasets]
    places = [location for location in known if location]
    if not places:
        return "not at hand"
    built_in = all(location.startswith("phantoms:") for location in places)
    where = "built in" if built_in else "below a data folder"
    return where if len(places) == len(names) else f"{where}: {len(places)} of {len(names)}"
