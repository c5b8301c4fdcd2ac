"""``dsim annotate-next``: the images whose annotation would settle the choice of a model, with masks to correct."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.prelabel import PreLabels
    from dsim.runtime import Runtime
    from dsim.selection import Next, Selection

SUMMARY = "annotate-next.json"
#: Names in the first line; all are in the table.
_NAMED = 5


@click.command()
@click.argument("target", shell_complete=completion.datasets)
@click.option(
    "--count", type=click.IntRange(min=1), default=3, show_default=True, metavar="K", help="Images to annotate."
)
@options.sources("Datasets with models to choose from; default: the zoo's.")
@options.masks
@options.out_folder(required=True, help="Folder of the masks to correct; not within the target.")
@click.option(
    "--enough",
    type=click.FloatRange(min=0),
    default=1.0,
    show_default=True,
    metavar="POINTS",
    help="Stop where a further image is expected to gain less, in points of Dice.",
)
@click.option(
    "--label", default="", metavar="TEXT", help="Name of the foreground class. Default: what the model marks."
)
@click.option("--overwrite", is_flag=True, help="Start again, and replace existing files.")
@options.seed
@options.device
@options.offline
@options.skip_unreadable
@options.as_json
def annotate_next(
    target: str,
    count: int,
    sources: Sequence[str],
    out: Path,
    enough: float,
    label: str,
    overwrite: bool,
    seed: int,
    device: str,
    offline: bool,
    skip_unreadable: bool,
    as_json: bool,
) -> None:
    """Choose the images of TARGET to annotate next, and write their pre-labels to correct.

    The images are those that show best which model suits TARGET. Correct the masks in OUT/masks, or draw anew, and
    give them to dsim recommend. Where a further image would gain too little, nothing is written, and the model to use
    is named.

    TARGET is a folder, an image file, a .csv, .npz or .h5 file, or phantoms:NAME.
    """
    from dsim.cli.data import open_datasets, open_target
    from dsim.prelabel import refuse_within
    from dsim.selection import next_images
    from dsim.ui import emit_json, make_runtime

    runtime = make_runtime(device, offline)
    images = open_target(target, runtime, skip_unreadable=skip_unreadable)
    refuse_within(images, out)
    pool = open_datasets(sources, runtime, skip_unreadable=skip_unreadable) if sources else None
    selection = _select(images, pool, runtime, seed)
    found = next_images(images, selection, count, enough=enough, runtime=runtime, seed=seed)
    written = None
    if found.images and selection is not None:
        written = _prelabel(images, selection, found, out, label, overwrite, runtime)
    document = _document(images, found, selection, written)
    if found.images:
        _write(out, document)
    if as_json:
        emit_json(document)
    else:
        _show(images, found, selection, written, out)


def _select(target: Dataset, sources: Sequence[Dataset] | None, runtime: Runtime, seed: int) -> Selection | None:
    """What is expected of the candidates; None where there is none, which is noted with the reasons."""
    from dsim.registry import Need
    from dsim.selection import candidate_models, select

    target.require(Need.IMAGES, "choosing images to annotate")
    # Before the candidates predict anything: this is a question of masks only.
    if len(target.annotated) == len(target) or not candidate_models(target, sources, runtime):
        return None
    return select(target, sources, runtime, seed=seed)


def _prelabel(
    target: Dataset,
    selection: Selection,
    found: Next,
    out: Path,
    label: str,
    overwrite: bool,
    runtime: Runtime,
) -> PreLabels:
    from dsim.prelabel import Settings, open_model, prelabel

    model = open_model(selection.first.model.reference, runtime)
    return prelabel(
        target,
        model,
        out,
        settings=Settings(label=label),
        images=found.images,
        sheet=len(found.images),
        overwrite=overwrite,
        runtime=runtime,
    )


def _document(target: Dataset, found: Next, selection: Selection | None, written: PreLabels | None) -> dict[str, Any]:
    """The JSON document of schema ``dsim.annotate-next/1``."""
    from dsim.runtime import VERSION

    return {
        **found.to_dict(),
        "dsim": VERSION,
        "location": target.reference,
        "model": None if selection is None else selection.first.to_dict(),
        "fit": None if selection is None else str(selection.fit),
        "masks": None if written is None else str(written.out / "masks"),
        "next": _command(target, found, None if written is None else written.out),
    }


def _write(out: Path, document: dict[str, Any]) -> None:
    from dsim.files import write_text
    from dsim.files.documents import json_text

    out.mkdir(parents=True, exist_ok=True)
    write_text(out / SUMMARY, json_text(document, indent=1) + "\n")


def _command(target: Dataset, found: Next, out: Path | None) -> str:
    """What to type once the masks are corrected, or at once where the choice is settled.

    The masks that were given count there too.
    """
    place = shlex.quote(target.reference)
    context = click.get_current_context(silent=True)
    given = [shlex.quote(str(folder)) for folder in (context.meta.get(options.MASKS, ()) if context else ())]
    if found.settled:
        return " ".join([f"dsim recommend {place}", *(["--masks", *given] if given else [])])
    if out is None:
        return " ".join([f"dsim adapt {place} --out adapted --masks", *given, "FOLDER"])
    return " ".join([f"dsim recommend {place} --masks", *given, shlex.quote(str(out / "masks"))])


def _show(target: Dataset, found: Next, selection: Selection | None, written: PreLabels | None, out: Path) -> None:
    from dsim.cli.answer import print_answers
    from dsim.ui import print_table, say

    print_answers(_lines(target, found, selection, written, out))
    rows = {} if written is None else {row["id"]: row for row in written.rows}
    if found.images:
        more = ["objects", "mask"] if rows else []
        cells = [[str(place), id, *(str(rows[id][name]) for name in more)] for place, id in enumerate(found.ids, 1)]
        print_table(f"{target.name}: annotate these", ["", "image", *more], cells, right=["", "objects"])
    for note in found.notes:
        say(f"note: {note}")
    if found.images:
        say(f"wrote {out}: {', '.join([SUMMARY, *(['masks', 'geojson', 'rois', *written.files] if written else [])])}")


def _lines(
    target: Dataset, found: Next, selection: Selection | None, written: PreLabels | None, out: Path
) -> Iterator[str]:
    """Yield the answer, and what to do next."""
    from dsim.cli.answer import NEXT
    from dsim.selection import Fit

    first = None if selection is None else selection.first
    if found.settled and first is not None:
        yield (
            f"Settled: take {first.model.name}, expected Dice {first.dice:.2f} ({first.low:.2f} to {first.high:.2f}). "
            f"A further image is expected to gain {found.gain:.1f} points of Dice, less than {found.enough:g}."
        )
    else:
        yield f"Annotate {_named(found.ids)}: {_why(found)}."
    if first is not None and written is not None:
        fits = "; no candidate fits, so expect little" if selection is not None and selection.fit is Fit.NONE else ""
        yield f"Correct the masks in {out / 'masks'}, which are those of {first.model.name}{fits}, or draw them anew."
    elif found.images:
        yield "Draw their masks into a folder of its own, each called as its image."
    yield f"{NEXT}: {_command(target, found, out if written is not None else None)}"


def _named(ids: Sequence[str]) -> str:
    more = f" and {len(ids) - _NAMED} more" if len(ids) > _NAMED else ""
    return ", ".join(ids[:_NAMED]) + more


def _why(found: Next) -> str:
    from dsim.selection import Basis

    if found.basis is Basis.DIVERSITY:
        return "they stand best for all images, by what they look like"
    return (
        "on them the likely models agree and differ as they do on all images, so they show soonest which is the best "
        f"(by the choice now {found.loss:.1f} points of Dice may be lost; a further image gains {found.gain:.1f})"
    )
