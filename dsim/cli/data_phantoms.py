"""``dsim data phantoms``: write the seeded datasets to a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.errors import UsageError
from dsim.registry import split_outside_brackets
from dsim.ui import options

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset


@click.command()
@click.argument("out", type=click.Path(path_type=Path), required=False)
@click.option(
    "--names", multiple=True, metavar="NAME[,NAME...]", help="Which phantoms (default: all); NAME[noise=0.5] too."
)
@click.option("--count", type=int, help="Images per phantom.  [default: 24]")
@click.option("--size", type=int, help="Side of the images in pixels.  [default: 96]")
@click.option("--seed", type=int, help="Picks the scenes.  [default: 0]")
@click.option("--list", "listing", is_flag=True, help="Only list the phantoms.")
@click.option("--overwrite", is_flag=True, help="Replace phantoms written to OUT before.")
@options.as_json
def phantoms(
    out: Path | None,
    names: tuple[str, ...],
    count: int | None,
    size: int | None,
    seed: int | None,
    listing: bool,
    overwrite: bool,
    as_json: bool,
) -> None:
    """Write seeded biomedical-like datasets below OUT, each with images/, masks/ and labels.csv.

    Nine sources of different modalities, and six targets, each a variant of one source.
    """
    if listing:
        _print(_catalogue(), as_json)
        return
    if out is None:
        raise UsageError("no folder to write to", hint="give one: dsim data phantoms OUT; or only look: --list")
    from dsim.data.phantoms import names as all_names
    from dsim.data.phantoms import write

    chosen = [part.strip() for text in names for part in split_outside_brackets(text, ",")] or all_names()
    given = {key: value for key, value in (("count", count), ("size", size), ("seed", seed)) if value is not None}
    datasets = [_open(text, given) for text in chosen]
    folders = write(datasets, out, overwrite=overwrite, progress=lambda name: click.echo(f"drawn: {name}", err=True))
    _print([_row(data, folder) for data, folder in zip(datasets, folders, strict=True)], as_json)


def _open(text: str, given: dict[str, int]) -> Dataset:
    """A phantom under the name that was written; options in its brackets win over those of the command."""
    from dsim.data.phantoms import open_phantom
    from dsim.registry import parse_bracketed

    _, own = parse_bracketed(text)
    return open_phantom(text, **{key: value for key, value in given.items() if key not in own})


def _row(data: Dataset, folder: Path) -> dict[str, object]:
    row: dict[str, object] = {"name": data.name, "path": str(folder), "images": len(data)}
    return row | {"classes": list(data.classes), "groups": len(set(data.groups or ()))}


def _catalogue() -> list[dict[str, object]]:
    from dsim.data.phantoms.catalogue import names, phantom

    found = [phantom(name) for name in names()]
    return [
        {"name": p.name, "variant_of": p.source, "masks": p.subject, "classes": list(p.classes), "shows": p.title}
        for p in found
    ]


def _print(rows: list[dict[str, object]], as_json: bool) -> None:
    """One line per row in aligned columns, or a JSON list."""
    from dsim.ui import emit_json, print_columns

    if as_json:
        return emit_json(rows)
    texts = [[", ".join(v) if isinstance(v, list) else str(v) for v in row.values()] for row in rows]
    return print_columns([list(rows[0]), *texts])
