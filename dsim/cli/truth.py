"""``dsim truth``: the stored truths, and whether one's own is what it should be."""

from __future__ import annotations

from pathlib import Path

import click

from dsim.cli import completers
from dsim.ui import options


@click.group()
def truth() -> None:
    """Measured transfer: list what is stored, show it, check and convert one's own."""


@truth.command("list")
@options.as_json
def list_(as_json: bool) -> None:
    """List the stored truths."""
    from dsim.cli.truth_tables import show_list, summary
    from dsim.truth import distance_names, open_truth, truth_names
    from dsim.ui import emit_json, say

    found = [open_truth(name) for name in truth_names()]
    if as_json:
        emit_json([summary(one) for one in found])
        return
    show_list(found)
    names = ", ".join(distance_names())
    say(f"note: published distances to judge: {names}: dsim evaluate NAME --truth NAME")


@truth.command()
@click.argument("name", shell_complete=completers.truths)
@options.as_json
def show(name: str, as_json: bool) -> None:
    """Show a truth: what is known of it, and its scores. NAME is a stored truth or a file."""
    from dsim.cli.truth_tables import show_scores, show_truth
    from dsim.truth import open_truth
    from dsim.ui import emit_json

    found = open_truth(name)
    if as_json:
        emit_json(found.to_dict())
        return
    show_truth(found)
    show_scores(found)


@truth.command()
@click.argument("file")
@options.score
@options.bounds
@options.as_json
def check(file: str, score: str | None, bounds: tuple[float, float] | None, as_json: bool) -> None:
    """Check a truth in FILE, and tell what was understood of it."""
    from dsim.cli.truth_tables import show_truth, summary
    from dsim.truth import open_truth
    from dsim.ui import emit_json

    found = open_truth(file, score=score, bounds=bounds)
    if as_json:
        emit_json(summary(found))
    else:
        show_truth(found)


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
        say(f"note: a CSV does not tell {lost}")
    else:
        found.to_json(out)
    say(f"wrote {out}")
