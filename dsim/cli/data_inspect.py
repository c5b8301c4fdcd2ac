"""``dsim data inspect``: what was understood of a dataset."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dsim.ui import completion

if TYPE_CHECKING:
    from collections.abc import Mapping

    from dsim.data.inspection import Inspection, Spread


@click.command()
@click.argument("paths", shell_complete=completion.datasets, metavar="PATH...", nargs=-1, required=True)
@click.option("--sheet", metavar="FILE", help="Draw thumbnails into this .png or .jpg file.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON: a list with one object per dataset.")
@click.option("--skip-unreadable", is_flag=True, help="Leave out files that cannot be read, and list them.")
def inspect(paths: tuple[str, ...], sheet: str | None, as_json: bool, skip_unreadable: bool) -> None:
    """Show what was understood of each dataset: counts, sizes, depth, channels, classes, masks, groups, fingerprint.

    PATH is a folder, an image file, a .csv, .npz or .h5 file, or phantoms:NAME; NAME=PATH gives it a name.
    Every image is read.
    """
    from pathlib import Path

    from dsim.data.inspection import inspect as look
    from dsim.data.opener import open_many
    from dsim.ui import emit_json, make_runtime, say

    datasets = open_many(paths, skip_unreadable=skip_unreadable)
    progress = make_runtime().progress
    found = [look(dataset, progress) for dataset in datasets]
    if as_json:
        emit_json([inspection.to_json() for inspection in found])
    else:
        for inspection in found:
            _print(inspection)
    if sheet is not None:
        from dsim.data.inspection import save_sheet

        save_sheet(datasets, Path(sheet))
        say(f"wrote {sheet}")


def _print(found: Inspection) -> None:
    from dsim.ui import print_table

    print_table(found.name, ("what", "found"), [(what, text) for what, text in _lines(found) if text])


def _lines(found: Inspection) -> list[tuple[str, str]]:
    """What is told of a dataset; an empty text is left out."""
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
        ("masks", f"all images, {found.foreground:.1%} foreground" if found.foreground is not None else "none"),
        ("groups", str(found.groups) if found.groups else "unknown"),
        ("splits", _counts(found.splits)),
        ("attributes", ", ".join(f"{key} {value}" for key, value in found.attributes.items())),
        ("repeated", f"{found.repeated} images have the bytes of another" if found.repeated else ""),
        ("fingerprint", found.fingerprint[:16]),
    ]
    lines += [("note", note) for note in found.notes]
    return lines + [(f"skipped {i} of {len(found.skipped)}", why) for i, why in enumerate(found.skipped, 1)]


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
