"""``dsim recommend``: the source for a target, the model to use, and the reliability of such choices."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.recommend import Candidate, Recommendation
    from dsim.runtime import Runtime

#: Sources in the table; the file holds all.
_SHOWN = 10


@click.command()
@click.argument("target", shell_complete=completion.datasets)
@options.sources("Datasets to choose from; default: the zoo's.")
@click.option(
    "--measure",
    shell_complete=completion.measures,
    default="ensemble",
    show_default=True,
    metavar="NAME[:PARAM=VALUE,...]",
    help="The measure that ranks the sources.",
)
@options.out_folder(
    help="Folder for recommendation.json and nearest.png; nothing is written without it.",
)
@options.wide
@options.as_json
@click.option(
    "--bootstrap",
    type=click.IntRange(min=0),
    metavar="N",
    help="Replicates for intervals; 0 for none. Default: as many as the measure proposes. Members of an ensemble vote.",
)
@options.seed
@options.jobs
@options.device
@options.offline
@options.skip_unreadable
def recommend(
    target: str,
    sources: Sequence[str],
    measure: str,
    out: Path | None,
    as_json: bool,
    bootstrap: int | None,
    seed: int,
    jobs: int,
    device: str,
    offline: bool,
    skip_unreadable: bool,
) -> int:
    """Recommend one of the sources for TARGET, and the zoo model that was trained on it.

    Shows how clear the choice is, the next command, and how reliable such choices were where transfer was
    measured. Without --sources the choice is among the datasets that the zoo's segmentation models were
    trained on; their images are not needed.

    TARGET and PATH are a folder, a .csv, .npz or .h5 file, an image stack, phantoms:NAME, or NAME=PATH.
    """
    from dsim.cli.data import open_datasets
    from dsim.recommend import recommend as run
    from dsim.ui import emit_json, make_runtime

    runtime = make_runtime(device, offline)
    [images] = open_datasets([target], runtime, skip_unreadable=skip_unreadable)
    pool = open_sources(sources, runtime, skip_unreadable)
    found = run(images, pool, measure=measure, out=out, bootstrap=bootstrap, seed=seed, jobs=jobs, runtime=runtime)
    if as_json:
        emit_json(found.to_dict())
    else:
        show(found)
    return 3 if any(math.isnan(candidate.value) for candidate in found.choice.candidates) else 0


def open_sources(sources: Sequence[str], runtime: Runtime, skip_unreadable: bool = False) -> list[Dataset]:
    """Return the named datasets, or the zoo's if none was named. Raises DataError where one cannot be opened."""
    from dsim.cli.data import open_datasets
    from dsim.recommend import zoo_sources

    return open_datasets(sources, runtime, skip_unreadable=skip_unreadable) if sources else zoo_sources(runtime)


def show(found: Recommendation) -> None:
    """Print the ranking and the answer on stdout, notes on stderr."""
    from dsim.cli.compare_tables import notes
    from dsim.ui import print_table, say, say_written

    candidates = found.choice.candidates
    more = f" ({_SHOWN} of {len(candidates)})" if len(candidates) > _SHOWN else ""
    title = f"{found.matrix.measure}: sources for {found.target['name']}{more}"
    judged = _judged(found)
    rows = [
        [str(rank), candidate.source, _value(candidate), *(_cell(candidate, found, column) for column in judged)]
        for rank, candidate in enumerate(candidates[:_SHOWN], 1)
    ]
    print_table(title, ["rank", "source", "value", *judged], rows, right=["rank", "value", *judged])
    for line in (*chosen(found), *_next(found), *found.said):
        click.echo(line)
    for note in dict.fromkeys((*(f"note: {text}" for text in found.notes), *notes(found.matrix))):
        say(note)
    if found.files:
        say_written(found.files)


def chosen(found: Recommendation) -> Iterator[str]:
    """Yield the verdict and the model to use, one line each."""
    yield found.choice.reason
    if found.model is not None:
        known = not math.isnan(found.model.held_out)
        dice = f"; Dice {found.model.held_out:.0f} % on images of it that it never saw" if known else ""
        yield f"model: zoo:{found.model.id}, trained on {found.best}{dice}"


def _next(found: Recommendation) -> Iterator[str]:
    if found.command:
        yield f"{'apply it' if found.model else 'train one'}: {found.command}"


def _judged(found: Recommendation) -> list[str]:
    """Return the columns that show how sure the ranking is: votes of members, or intervals."""
    if found.choice.voters:
        return [f"first for, of {found.choice.voters}"]
    known = any(not math.isnan(candidate.low) for candidate in found.choice.candidates)
    return [f"{found.matrix.confidence:.0%} interval", "first in"] if known else []


def _cell(candidate: Candidate, found: Recommendation, column: str) -> str:
    if found.choice.voters:
        return str(candidate.votes)
    if math.isnan(candidate.low):
        return ""
    return f"{candidate.first_share:.0%}" if column == "first in" else f"{candidate.low:.4g} to {candidate.high:.4g}"


def _value(candidate: Candidate) -> str:
    return "failed" if math.isnan(candidate.value) else f"{candidate.value:.4g}"
