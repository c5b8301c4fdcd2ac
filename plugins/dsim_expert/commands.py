"""``dsim expert``: ask people for properties of a dataset, keep their ratings, and print how far they agree."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.data.attributes import read_lines
from dsim.errors import DataError
from dsim.files import write_text
from dsim.ui import options

if TYPE_CHECKING:
    from dsim.data import Dataset


@dataclass(frozen=True)
class _Question:
    """``name`` of the property, which is a column of the table; what is asked; and the answers to choose from."""

    name: str
    text: str
    answers: tuple[str, ...]


QUESTIONS = (
    _Question("origin", "natural or medical images?", ("natural", "medical")),
    _Question("colour", "grayscale or colour images?", ("gray", "colour")),
    _Question("content", "objects or textures?", ("objects", "textures")),
    _Question(
        "kind",
        "which objects or textures?",
        (
            "cells",
            "tissue",
            "skin",
            "organs",
            "bones",
            "vessels",
            "instruments",
            "everyday things",
            "patterns",
            "other",
        ),
    ),
    _Question("diversity", "how diverse are the images?", ("low", "medium", "high")),
    _Question("classes", "how many classes?", ("1", "2", "3 to 5", "6 to 10", "more than 10")),
)


_KEYS = ("dataset", "observer")

Rows = list[dict[str, str]]


def read_ratings(path: Path) -> Rows:
    """Return the rows of a table, or none without a file; DataError where it is a table of something else."""
    if not path.exists() or not path.stat().st_size:
        return []
    rows = [dict(line.cells) for line in read_lines(path)]
    missing = [key for key in _KEYS if key not in rows[0]]
    if missing:
        raise DataError(
            f"{path} is not a table of ratings: it has no column {missing[0]!r}", hint="name another file, or a new one"
        )
    return rows


def _answers_in(rows: Iterable[Mapping[str, str]], dataset: str, observer: str) -> dict[str, str]:
    """Return the answers of an observer about a dataset, by property."""
    for row in rows:
        if (row["dataset"], row["observer"]) == (dataset, observer):
            return {name: answer for name, answer in row.items() if answer and name not in _KEYS}
    return {}


def record(path: Path, dataset: str, observer: str, answers: Mapping[str, str]) -> None:
    """Write answers into the observer's row. The file is read again and replaced as a whole: other rows stay.

    Raises DataError where the file is not a table of ratings.
    """
    rows = read_ratings(path)
    place = next((row for row in rows if (row["dataset"], row["observer"]) == (dataset, observer)), None)
    if place is None:
        place = {"dataset": dataset, "observer": observer}
        rows.append(place)
    place.update(answers)
    columns = list(
        dict.fromkeys([*_KEYS, *(question.name for question in QUESTIONS), *(c for row in rows for c in row)])
    )
    text = io.StringIO()
    writer = csv.DictWriter(text, columns, restval="", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    write_text(path, text.getvalue())


@click.group()
def expert() -> None:
    """Ask experts about datasets; measure how far they agree."""


#: An option for each property, so that scripts can answer too.
_answers = options.together(
    *(
        click.option(f"--{question.name}", type=click.Choice(question.answers), help=question.text.capitalize())
        for question in QUESTIONS
    )
)


@expert.command()
@click.argument("dataset", metavar="DATASET")
@click.option("--observer", required=True, metavar="NAME", help="Who judges.")
@options.out_file(required=True, help="Table to add to: *.csv.")
@click.option("--sheet", type=click.Path(dir_okay=False, path_type=Path), help="Picture; default: beside the table.")
@click.option("--images", type=click.IntRange(min=1), default=9, show_default=True, help="Images drawn at random.")
@options.seed
@click.option("--show", is_flag=True, help="Open the picture.")
@click.option("--again", is_flag=True, help="Ask what this observer has answered before, too.")
@_answers
def rate(
    dataset: str,
    observer: str,
    out: Path,
    sheet: Path | None,
    images: int,
    seed: int,
    show: bool,
    again: bool,
    **answers: str | None,
) -> None:
    """Show nine random images of DATASET, and ask for its six properties.

    Every answer is kept at once: whoever interrupts goes on with the same command where they stopped. Observers do not
    see labels, masks, file names or each other's answers.
    """
    from dsim.data import open_dataset
    from dsim.files import slug
    from dsim.ui import say

    observer = _observer(observer, out)
    opened = open_dataset(dataset)
    before = {} if again else _answers_in(read_ratings(out), opened.name, observer)
    given = {name: answer for name, answer in answers.items() if answer is not None}
    if given:
        record(out, opened.name, observer, given)
    missing = [question for question in QUESTIONS if question.name not in {**before, **given}]
    if missing:
        picture = sheet or out.with_name(f"{out.stem}-{slug(opened.name)}.png")
        draw(opened, images, seed, picture)
        say(f"look at {picture}, then answer; Ctrl-C keeps the answers given so far")
        if show:
            click.launch(str(picture))
    for question in missing:
        answer = click.prompt(question.text, type=click.Choice(question.answers, case_sensitive=False), err=True)
        record(out, opened.name, observer, {question.name: answer})
    say(f"{out} holds all that {observer} said of {opened.name}")


def draw(dataset: Dataset, count: int, seed: int, path: Path) -> None:
    """Write a picture of random images (h, w, c), each once and without its name; the same for every observer.

    Raises DataError where the file is neither ``.png`` nor ``.jpg``, NeedError without images.
    """
    from dsim.data import save_grid
    from dsim.random import stream

    rng = stream(seed, dataset.images_fingerprint, "expert")
    chosen = rng.choice(len(dataset), size=min(count, len(dataset)), replace=False)
    save_grid(dataset.subset([int(index) for index in chosen]), path)


def _observer(name: str, out: Path) -> str:
    from dsim.errors import UsageError

    name = name.strip()
    if not name or "@" in name:
        raise UsageError(f"{name!r} cannot name an observer", hint="give letters, and no @")
    if out.suffix.lower() != ".csv":
        raise UsageError(f"cannot write ratings to {out}: they are a table", hint="end its name in .csv")
    return name


@expert.command()
@click.argument("files", nargs=-1, required=True, type=click.Path(path_type=Path), metavar="FILE...")
@options.as_json
def agreement(files: Sequence[Path], as_json: bool) -> None:
    """Measure how far observers agree: Fleiss' kappa of every property, and of all together."""
    from dsim.data.attributes import merge, read_attributes
    from dsim.ui import emit_json, print_table
    from dsim_expert.measures import SCHEMA, agreements

    found = agreements(merge(read_attributes(path) for path in files))
    overall = found.pop("")
    if as_json:
        properties = {name: agreement.to_json() for name, agreement in found.items()}
        return emit_json({"schema": SCHEMA, "properties": properties, "overall": overall.to_json()})
    rows = [_row(name, agreement.to_json()) for name, agreement in {**found, "all": overall}.items()]
    columns = ("property", "kappa", "observed", "by chance", "datasets", "observers")
    return print_table("Fleiss' kappa: 1 is full agreement, 0 that of chance", columns, rows, right=columns[1:])


def _row(name: str, entry: Mapping[str, float | int | None]) -> list[str]:
    kappa = "all alike" if entry["expected"] is not None and entry["kappa"] is None else _shown(entry["kappa"])
    return [
        name,
        kappa,
        _shown(entry["observed"]),
        _shown(entry["expected"]),
        f"{entry['datasets']}",
        f"{entry['observers']}",
    ]


def _shown(value: float | None) -> str:
    """Three digits, or that there is none: fewer than two observers judged the same.

    >>> _shown(0.20993), _shown(None)
    ('0.210', 'none')
    """
    return "none" if value is None else f"{value:.3f}"
