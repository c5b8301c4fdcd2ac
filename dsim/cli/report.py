"""``dsim report``: one page on a comparison, for a person who decides."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.ui import options

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.leaderboard import Board
    from dsim.report import Report, Results


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    help="The page. Default: report.html in the folder of the results.",
)
@click.option(
    "--board",
    "boards",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="results.json",
    help="What dsim leaderboard wrote: the page tells how the measure was judged there. May be repeated.",
)
@click.option("--images/--no-images", default=True, show_default=True, help="Look for the images, and show some.")
@options.offline
def report(results: Path, out: Path | None, boards: Sequence[Path], images: bool, offline: bool) -> None:
    """Write a report on RESULTS: one HTML file that needs nothing else.

    RESULTS is the folder that dsim compare wrote, or the matrix.json or agreement.json in it. Images are shown where
    they can be opened again and are those that were compared; otherwise the page says why not.
    """
    from dsim.cli.report_steps import read_boards
    from dsim.report import check_report_path, locate_datasets, open_results
    from dsim.ui import make_runtime

    where = out or (results if results.is_dir() else results.parent) / "report.html"
    check_report_path(where)
    found, judged = open_results(results), read_boards(boards)
    missing: Mapping[str, str] = {}
    datasets: Mapping[str, Dataset] = {}
    if images:
        datasets, missing = locate_datasets(found.matrices[0], make_runtime(offline=offline))
    else:
        missing = dict.fromkeys(found.matrices[0].provenance["datasets"], "left out (--no-images)")
    write(assemble(found, datasets, missing, judged), where)


def assemble(
    results: Results,
    datasets: Mapping[str, Dataset],
    missing: Mapping[str, str] | None = None,
    boards: Sequence[Board] = (),
) -> Report:
    """The report with all that the command line knows: notes, reliability, and what to do next."""
    from dsim.cli.report_steps import next_steps, notes_on, reliability_of
    from dsim.report import make_report

    return make_report(
        results,
        datasets,
        missing=missing,
        notes={matrix.measure: notes_on(matrix) for matrix in results.matrices},
        reliability={matrix.measure: reliability_of(matrix, boards) for matrix in results.matrices},
        steps=next_steps(results, datasets),
    )


def write(found: Report, path: Path) -> None:
    """Write the page, and say where and how large it is."""
    from dsim.report import write_report
    from dsim.ui import say

    size = write_report(found, path).stat().st_size
    say(f"wrote {path}, {size / 1e6:.2f} MB")
