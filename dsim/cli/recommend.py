"""``dsim recommend``: the source for a target, the model to use, and the reliability of such choices."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.cli.compare import enough_replicates
from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.recommend import Candidate, Recommendation

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
@options.masks
@options.out_folder(
    help="Folder for recommendation.json and nearest.png; nothing is written without it.",
)
@options.foreground
@click.option("--why", is_flag=True, help="Also print the evidence: of models, of similarity, measured reliability.")
@options.wide
@options.as_json
@click.option(
    "--bootstrap",
    type=click.IntRange(min=0),
    callback=enough_replicates,
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
    foreground: Sequence[str],
    why: bool,
    as_json: bool,
    bootstrap: int | None,
    seed: int,
    jobs: int,
    device: str,
    offline: bool,
    skip_unreadable: bool,
) -> int:
    """Recommend a segmentation model for TARGET, of those that were trained on the sources.

    The models are tried on TARGET, and scored on its annotated images where it has some. Shows the expected
    Dice with its interval, the probability that the model is the best, and the next command. Where no model
    can be tried, the source is chosen by similarity. Without --sources the choice is among the zoo's models.

    TARGET and PATH are a folder, a .csv, .npz or .h5 file, an image stack, phantoms:NAME, or NAME=PATH.
    """
    from dsim.cli.data import open_datasets, open_target
    from dsim.recommend import recommend as run
    from dsim.transfer.segmentation.pairs import parse_foreground
    from dsim.ui import emit_json, make_runtime

    values, runtime = parse_foreground(foreground), make_runtime(device, offline)
    images = open_target(target, runtime, skip_unreadable=skip_unreadable)
    pool = open_datasets(sources, runtime, skip_unreadable=skip_unreadable) if sources else None
    found = run(
        images,
        pool,
        measure=measure,
        foreground=values,
        out=out,
        bootstrap=bootstrap,
        seed=seed,
        jobs=jobs,
        runtime=runtime,
    )
    if as_json:
        emit_json(found.to_dict())
    else:
        show(found, why)
    return 3 if any(math.isnan(candidate.value) for candidate in found.choice.candidates) else 0


def show(found: Recommendation, why: bool = False) -> None:
    """Print the answer and the ranking on stdout, notes on stderr; statistics with ``why``."""
    from dsim.cli.answer import print_answers
    from dsim.cli.compare_tables import notes
    from dsim.cli.tried import show_evidence, show_models
    from dsim.ui import say, say_written

    print_answers((*chosen(found), found.fared, *_next(found)))
    if found.tried is not None:
        show_models(found.tried)
    if found.tried is not None and why:
        show_evidence(found.tried)
        print_answers(found.tried.reliability[1:])
    if found.tried is None or why:
        _show_ranking(found, why)
    print_answers(_statistics(found) if why else ())
    for note in dict.fromkeys((*(f"note: {text}" for text in found.notes), *notes(found.matrix, statistics=why))):
        say(note)
    if found.files:
        say_written(found.files)
    if not why:
        say("more: --why prints the statistics behind the answer")


def _show_ranking(found: Recommendation, why: bool) -> None:
    from dsim.ui import print_table

    candidates = found.choice.candidates
    more = f" ({_SHOWN} of {len(candidates)})" if len(candidates) > _SHOWN else ""
    title = f"{found.matrix.measure}: sources for {found.target['name']}{more}"
    judged = _judged(found) if why or found.choice.voters else []
    rows = [
        [str(rank), candidate.source, _value(candidate), *(_cell(candidate, found, column) for column in judged)]
        for rank, candidate in enumerate(candidates[:_SHOWN], 1)
    ]
    print_table(title, ["rank", "source", "value", *judged], rows, right=["rank", "value", *judged])


def _statistics(found: Recommendation) -> Iterator[str]:
    """Yield the verdict with its reason, the distance behind the resemblance, and the measured reliability."""
    from dsim.recommend import in_words, said

    yield found.choice.reason if found.tried is None else f"By similarity: {found.choice.reason}"
    resemblance = found.verdict.resemblance
    if resemblance is not None:
        yield resemblance.words
    if found.tried is not None:
        yield f"By similarity alone: {in_words(found.reliability)}"
    elif found.reliability:  # that there is none has been said above
        yield from said(found.reliability)


def chosen(found: Recommendation) -> Iterator[str]:
    """Yield the answer and what must be known of the model, one line each; no model where none is of use."""
    from dsim.recommend import said_of_models

    yield found.answer
    if found.tried is not None:
        yield from said_of_models(found.tried)
    elif found.model is not None and not found.instead:
        known = not math.isnan(found.model.held_out)
        dice = f"; Dice {found.model.held_out:.0f} % on images of it that it never saw" if known else ""
        yield f"Model: zoo:{found.model.id}, trained on {found.verdict.source}{dice}; it marks {found.model.marks}."


def _next(found: Recommendation) -> Iterator[str]:
    from dsim.cli.answer import NEXT
    from dsim.measures import join_ways

    if found.instead:
        yield f"Instead of pre-labelling: {join_ways(found.instead)}."
    if found.command:
        yield f"{NEXT}: {with_masks(found.command)}"
    for words, command in found.also:
        yield f"{words}: {with_masks(command)}"


def with_masks(command: str) -> str:
    """Return a command that reads annotations, with the masks and the values of them that this one was given."""
    context = click.get_current_context(silent=True)
    if context is None or not command.startswith(("dsim annotate-next", "dsim adapt")):
        return command
    folders = context.meta.get(options.MASKS, ())
    values = context.params.get("foreground", ()) if command.startswith("dsim adapt") else ()
    given = [
        *(["--masks", *folders] if folders else []),
        *(word for value in values for word in ("--foreground", value)),
    ]
    return " ".join([command, *map(shlex.quote, given)])


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
