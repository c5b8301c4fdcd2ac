"""``dsim data``: look at datasets, generate phantoms."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.errors import UsageError
from dsim.registry import split_outside_brackets
from dsim.ui import completion, options

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsim.data import Dataset, Inspection, Spread
    from dsim.runtime import Runtime


@click.group()
def data() -> None:
    """Look at datasets; generate phantoms."""


def open_datasets(paths: Iterable[str], runtime: Runtime, *, skip_unreadable: bool) -> list[Dataset]:
    """Open datasets, and name in a note the images that were left out. Raises DataError for two of one name."""
    from dsim.data import open_many

    datasets = open_many(paths, skip_unreadable=skip_unreadable, max_pixels=_max_pixels())
    for dataset in datasets:
        if dataset.skipped:
            listed = ", ".join(dataset.skipped)
            runtime.progress.note(f"{dataset.name}: {len(dataset.skipped)} unreadable images left out: {listed}")
    return datasets


def open_target(path: str, runtime: Runtime, *, skip_unreadable: bool) -> Dataset:
    """Open the one dataset of interest with the masks that somebody drew: its own, and those of ``--masks``.

    Masks that are pre-labels as they were written are left out, which is noted. Raises DataError for masks that do not
    belong to its images.
    """
    from dsim.data import with_masks, without_unchanged

    [opened] = open_datasets([path], runtime, skip_unreadable=skip_unreadable)
    context = click.get_current_context(silent=True)
    target = without_unchanged(with_masks(opened, context.meta.get(options.MASKS, ()) if context else ()))
    for note in target.notes[len(opened.notes) :]:
        runtime.progress.note(f"{target.name}: {note}")
    return target


def _max_pixels() -> int:
    """The limit that ``--max-pixels`` of the running command sets. Raises UsageError where it is not a number."""
    from dsim.data.options import MAX_PIXELS, pixels_of

    context = click.get_current_context(silent=True)
    written = context.meta.get(options.MAX_PIXELS) if context else None
    return MAX_PIXELS if written is None else pixels_of(written)


@data.command(short_help="Show what was understood of a dataset.")
@click.argument("paths", shell_complete=completion.datasets, metavar="PATH...", nargs=-1, required=True)
@click.option("--sheet", metavar="FILE", help="Draw thumbnails into this .png or .jpg file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list with one object per dataset.")
@click.option("--skip-unreadable", is_flag=True, help="Leave out files that cannot be read, and list them.")
@options.max_pixels
def inspect(paths: tuple[str, ...], sheet: str | None, as_json: bool, skip_unreadable: bool) -> None:
    """Show what was understood of each dataset: counts, sizes, depth, channels, classes, masks, groups, fingerprint.

    PATH is a folder, an image file, a .csv, .npz or .h5 file, or phantoms:NAME; NAME=PATH gives it a name,
    'PATH[images=img,masks=gt]' says which folders are images and masks where names do not. Every image is read.
    """
    from dsim.data import inspect as look
    from dsim.data import open_many
    from dsim.ui import emit_json, make_runtime, say

    datasets = open_many(paths, skip_unreadable=skip_unreadable, max_pixels=_max_pixels())
    progress = make_runtime().progress
    found = [look(dataset, progress) for dataset in datasets]
    if as_json:
        emit_json([inspection.to_json() for inspection in found])
    else:
        for inspection in found:
            _print(inspection)
    if sheet is not None:
        from dsim.data import save_sheet

        save_sheet(datasets, Path(sheet))
        say(f"wrote {sheet}")


def _print(found: Inspection) -> None:
    from dsim.ui import print_table

    print_table(found.name, ("what", "found"), [(what, text) for what, text in _lines(found) if text], prose=("found",))


def _lines(found: Inspection) -> list[tuple[str, str]]:
    """Return name and text of each line; lines without text are left out."""
    lines = [
        ("format", found.format),
        ("location", found.location),
        ("images", str(found.count) if found.height else "none: features only"),
        ("height", _spread(found.height)),
        ("width", _spread(found.width)),
        ("depth", _counts(found.dtypes)),
        ("channels", _counts(found.channels)),
        ("features", f"{found.count} x {found.features}" if found.features else ""),
        ("classes", _counts(found.classes) or "no labels"),
        ("masks", _masks(found)),
        ("model", found.model or ""),
        ("groups", str(found.groups) if found.groups else "unknown"),
        ("splits", _counts(found.splits)),
        ("attributes", ", ".join(f"{key} {value}" for key, value in found.attributes.items())),
        ("repeated", f"{found.repeated} images have the bytes of another" if found.repeated else ""),
        ("fingerprint", found.fingerprint[:16]),
    ]
    lines += [("note", note) for note in found.notes]
    return lines + [(f"skipped {i} of {len(found.skipped)}", why) for i, why in enumerate(found.skipped, 1)]


def _masks(found: Inspection) -> str:
    if found.foreground is None:
        return "none"
    which = "all images" if found.annotated == found.count else f"{found.annotated} of {found.count} images"
    return f"{which}, {found.foreground:.1%} foreground"


def _spread(spread: Spread | None) -> str:
    if spread is None:
        return ""
    if spread.minimum == spread.maximum:
        return f"{spread.minimum:g} px"
    return f"{spread.minimum:g} to {spread.maximum:g} px, median {spread.median:g}"


def _counts(counts: Mapping[str, int]) -> str:
    if len(counts) == 1:
        return next(iter(counts))
    return ", ".join(f"{name} ({count})" for name, count in counts.items())


@data.command(short_help="Write seeded biomedical-like datasets.")
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
        _print_phantoms(_catalogue(), as_json)
        return
    if out is None:
        raise UsageError("no folder to write to", hint="give one: dsim data phantoms OUT; or only look: --list")
    from dsim.data.phantoms import names as all_names
    from dsim.data.phantoms import write

    chosen = [part.strip() for text in names for part in split_outside_brackets(text, ",")] or all_names()
    given = {key: value for key, value in (("count", count), ("size", size), ("seed", seed)) if value is not None}
    datasets = [_open_phantoms(text, given) for text in chosen]
    folders = write(datasets, out, overwrite=overwrite, progress=lambda name: click.echo(f"drawn: {name}", err=True))
    _print_phantoms([_row(data, folder) for data, folder in zip(datasets, folders, strict=True)], as_json)


def _open_phantoms(text: str, given: dict[str, int]) -> Dataset:
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


def _print_phantoms(rows: list[dict[str, object]], as_json: bool) -> None:
    """One line per row in aligned columns, or a JSON list."""
    from dsim.ui import emit_json, print_columns

    if as_json:
        return emit_json(rows)
    texts = [[", ".join(v) if isinstance(v, list) else str(v) for v in row.values()] for row in rows]
    return print_columns([list(rows[0]), *texts])
