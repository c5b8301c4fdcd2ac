"""``dsim leaderboard``: run every measure on a benchmark, judge all of them, and put them in order."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.cli.completion import truths
from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.evaluation import Score
    from dsim.leaderboard import Board, Row


@click.command()
@click.option(
    "--benchmark",
    "place",
    shell_complete=truths,
    default="phantoms-dsc",
    show_default=True,
    metavar="NAME|FILE",
    help="Measured transfer whose datasets can be opened; dsim truth list shows the stored ones.",
)
@click.option(
    "--measure",
    "measures",
    multiple=True,
    shell_complete=completion.measures,
    metavar="NAME[:PARAM=VALUE,...]",
    help="A measure to run; may be repeated. Default: all measures.",
)
@click.option("--data", type=click.Path(path_type=Path), help="Folder of the benchmark's images. Default: DSIM_DATA.")
@click.option(
    "--models",
    type=click.Path(path_type=Path, exists=True, file_okay=False),
    metavar="FOLDER",
    help="Segmentation models of the sources, NAME.safetensors or NAME/. Default: the zoo's of these datasets.",
)
@options.out_folder(
    default=Path("dsim-leaderboard"),
    show_default=True,
    help="Folder for results.json, leaderboard.md, leaderboard.html; finished rows are kept there.",
)
@click.option("--jobs", type=int, default=0, help="Measures that run in parallel. Default: one per core, at most 8.")
@click.option("--timeout", type=float, default=1800.0, show_default=True, help="Seconds that one measure may take.")
@options.seed
@options.device
@options.offline
@click.option(
    "--add",
    "added",
    multiple=True,
    type=click.Path(path_type=Path),
    metavar="results.json",
    help="Merge rows that someone else ran, after checks; runs nothing unless --measure is given.",
)
@click.option("--rerun", multiple=True, metavar="NAME", help="Run this measure again; failed: all that failed.")
@options.judging
@options.wide
@options.as_json
def leaderboard(
    place: str,
    measures: Sequence[str],
    data: Path | None,
    models: Path | None,
    out: Path,
    jobs: int,
    timeout: float,
    seed: int,
    device: str,
    offline: bool,
    added: Sequence[Path],
    rerun: Sequence[str],
    as_json: bool,
    **judging: Any,
) -> int:
    """Run every measure on a benchmark, judge all of them, and put them in order.

    Each measure runs in a process of its own with an empty cache, so that time and memory can be compared. Finished
    rows are kept: an interrupted run goes on, and what did not change is not run again.
    """
    from dsim.leaderboard import SETTINGS, Accepted, Limits, open_benchmark, run_board, write_board
    from dsim.ui import emit_json, make_runtime

    limits, how, settings = Limits(jobs, timeout), make_runtime(device, offline), {**SETTINGS, "seed": seed, **judging}
    if device not in ("auto", "cpu"):
        how.resolved_device()  # said once, and not in every row
    benchmark = open_benchmark(place, data, models)
    run = bool(measures or rerun or not added)
    board = run_board(
        benchmark, measures or None, out, limits=limits, runtime=how, seed=seed, rerun=rerun, settings=settings, run=run
    )
    board = Accepted(out / "added").merge(board, added, how.progress.note)
    written = write_board(board, out)
    if as_json:
        emit_json(board.to_dict())
    else:
        _show(board)
    _print_failures(board, written)
    return 3 if _failures(board, measures) else 0


#: Scores in the table; the files hold all.
_TITLES = {"regret": "regret", "top1": "top-1", "pearson": "Pearson", "spearman": "RCI", "kendall": "Kendall"}


def _show(board: Board) -> None:
    """Print the rows in order, then the baselines."""
    from dsim.leaderboard import Status, all_ties, phrases
    from dsim.ui import print_table

    columns = ["#", "measure", *_TITLES.values(), "s", "MB", "status"]
    columns.insert(3, "interval")
    ties = all_ties(board)
    rows = [_row(board, row, ties) for row in board.rows if row.status is not Status.FAILED]
    rows += [["", one.name, *_scores(board, one.scores), "", "", ""] for one in phrases.references(board)]
    title = f"{board.truth.name}: mean regret in {phrases.score_unit(board.truth)}"
    print_table(
        f"{title}; {phrases.TIE} cannot be distinguished from the best; baselines below",
        columns,
        rows,
        right=columns[2:-1],
        optional=["interval", "top-1", "Pearson", "RCI", "status", "s", "Kendall", "MB"],
    )


def _row(board: Board, row: Row, ties: Mapping[str, set[str]]) -> list[str]:
    from dsim.leaderboard import phrases, ranks

    tied = {name for name, measures in ties.items() if row.judged and row.measure in measures}
    costs = (phrases.amount(row.seconds), phrases.amount(row.peak_mb), str(row.status))
    rank = ranks(board)[row.measure] if row.judged else None
    return [str(rank or ""), row.measure, *_scores(board, row.scores, tied), *costs]


def _scores(board: Board, scores: Mapping[str, Score], tied: Collection[str] = ()) -> Iterator[str]:
    """Figures of the scores, with the interval of the first; marked where the row is tied with the best."""
    from dsim.leaderboard import phrases

    for name in _TITLES:
        found = scores.get(name)
        text = phrases.NONE if found is None else phrases.figure(name, found.value, board.truth)
        text = f"{text} {phrases.fewer(found, board.truth)}".rstrip() if found is not None else text
        yield f"{text} {phrases.TIE}" if name in tied else text
        if name == "regret":
            yield "" if found is None else phrases.interval(found, board.truth).strip("[]").replace(", ", " to ")


def _print_failures(board: Board, written: Sequence[Path]) -> None:
    """Print failures with their reasons, and the written files."""
    from dsim.leaderboard import Status
    from dsim.ui import say, say_written

    for row in board.rows:
        if row.status is Status.FAILED:
            say(f"failed: {row.measure}: {row.reason}")
            if fix := row.environment.get("fix"):
                say(f"  fix: {fix}")
    say_written(written)


def _failures(board: Board, asked: Sequence[str]) -> list[str]:
    """Return the measures that failed; one that only lacks something counts if it was asked for by name."""
    from dsim.leaderboard import Status, is_lacking
    from dsim.registry import parse_call

    named = {parse_call(call)[0] for call in asked}
    failed = [row.measure for row in board.rows if row.status is Status.FAILED and not is_lacking(row)]
    wanting = [row.measure for row in board.rows if row.status is Status.FAILED and is_lacking(row)]
    return failed + [measure for measure in wanting if measure.partition("@")[0] in named]
