"""``dsim prelabel``: masks of a target by a segmentation model, in the formats of annotation tools."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.cli.completion import segmentation_models
from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.prelabel import PreLabels
    from dsim.recommend import Recommendation
    from dsim.runtime import Runtime


@click.command()
@click.argument("target", shell_complete=completion.datasets)
@click.option(
    "--model",
    "reference",
    shell_complete=segmentation_models,
    metavar="zoo:ID|FILE",
    help="The segmentation model.",
)
@click.option(
    "--best", is_flag=True, help="Instead of --model: the model that dsim recommend chooses; refused where none fits."
)
@click.option("--anyway", is_flag=True, help="With --best: also where none fits.")
@options.sources("With --best: datasets whose models to choose from; default: the zoo's.")
@options.foreground
@options.masks
@options.out_folder(required=True, help="Folder; not within the target.")
@click.option(
    "--threshold",
    type=click.FloatRange(0, 1, min_open=True, max_open=True),
    help="Probability above which a pixel is foreground. Default: that of the model.",
)
@click.option("--label", default="", help="Name of what is marked. Default: what the model marks, such as nuclei.")
@click.option(
    "--probabilities", type=click.Choice(["png", "tif"]), help="Also probability maps: 16-bit PNG, or float32 TIFF."
)
@click.option(
    "--sheet",
    type=click.IntRange(min=0),
    default=24,
    show_default=True,
    help="Images on the contact sheet, half of them the most doubtful; 0 for none.",
)
@click.option("--overwrite", is_flag=True, help="Start again, and replace existing files.")
@options.device
@options.offline
@options.skip_unreadable
@options.as_json
def prelabel(
    target: str,
    reference: str | None,
    best: bool,
    anyway: bool,
    sources: Sequence[str],
    foreground: Sequence[str],
    out: Path,
    threshold: float | None,
    label: str,
    probabilities: str | None,
    sheet: int,
    overwrite: bool,
    device: str,
    offline: bool,
    skip_unreadable: bool,
    as_json: bool,
) -> None:
    """Mark the foreground of every image of TARGET by a segmentation model.

    Writes masks (PNG), coco.json, GeoJSON for QuPath, ROI zips for ImageJ and Fiji, a contact sheet of outlines, and
    uncertainty.csv, the most doubtful images first. Run the same command again to continue an interrupted run.

    TARGET is a folder, an image file, a .csv, .npz or .h5 file, or phantoms:NAME.
    """
    from dsim.cli.data import open_target
    from dsim.prelabel import Settings, open_model
    from dsim.prelabel import prelabel as run
    from dsim.ui import emit_json, make_runtime

    given = {"--sources": sources, "--anyway": anyway, "--foreground": foreground}
    _refuse_contradictions(reference, best, [name for name, value in given.items() if value])
    runtime = make_runtime(device, offline)
    images = open_target(target, runtime, skip_unreadable=skip_unreadable)
    settings = Settings(threshold, label, probabilities or "")
    if reference is None:
        reference = _best_model(images, sources, runtime, foreground, anyway)
    model = open_model(reference, runtime)
    found = run(images, model, out, settings=settings, sheet=sheet, overwrite=overwrite, runtime=runtime)
    if as_json:
        emit_json(found.to_dict())
    else:
        _show(found)


def _refuse_contradictions(reference: str | None, best: bool, of_best: Sequence[str]) -> None:
    """Raise UsageError unless there is one way to a model; ``of_best`` are given options that go with --best alone."""
    from dsim.errors import UsageError

    if best is (reference is not None):
        what = "both --model and --best" if best else "neither --model nor --best"
        raise UsageError(
            f"{what} were given", hint="--model zoo:ID or a file; or --best for the model that dsim recommend names"
        )
    if of_best and not best:
        names = ", ".join(of_best)
        raise UsageError(f"{names}: only with --best, and a model was given", hint=f"leave out {names}, or --model")


def _show(found: PreLabels) -> None:
    """Print the most doubtful images, and the paths of the written files."""
    from dsim.ui import print_table, say

    document = found.to_dict()
    rows = [
        [row["id"], str(row["objects"]), f"{row['expected_dice']:.3f}", _or_none(row["boundary_entropy"])]
        for row in document["most_doubtful"]
    ]
    numbers = ["objects", "expected Dice", "entropy at outlines"]
    print_table(f"{document['target']['name']}: look at these first", ["image", *numbers], rows, right=numbers)
    empty = f", {found.empty} images without any" if found.empty else ""
    say(f"{found.objects} objects ({found.label}) in {len(found.rows)} images{empty}")
    say(f"wrote {found.out}: masks, geojson, rois, {', '.join(found.files)}")


def _or_none(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _best_model(
    target: Dataset, sources: Sequence[str], runtime: Runtime, foreground: Sequence[str], anyway: bool
) -> str:
    """Return the reference of the model, ``zoo:ID`` or a file; prints on stderr which one and why.

    Raises DataError where no model fits, or no source could be compared or resembles the target, or no model was
    trained on the best one; with ``anyway`` only where there is no model.
    """
    from dsim.cli.data import open_datasets
    from dsim.cli.recommend import chosen
    from dsim.recommend import recommend, zoo_sources
    from dsim.transfer.segmentation.pairs import parse_foreground
    from dsim.ui import say

    pool = open_datasets(sources, runtime, skip_unreadable=False) if sources else None
    found = recommend(target, pool, foreground=parse_foreground(foreground), runtime=runtime)
    if found.instead and not (anyway and found.reference):
        raise _nothing_fits(found)
    if found.reference is None:
        raise _no_model(found, target, pool or zoo_sources(runtime))
    for line in (*chosen(found), found.fared, *(f"note: {text}" for text in found.notes)):
        say(line)
    return found.reference


def _nothing_fits(found: Recommendation) -> Exception:
    from dsim.cli.recommend import with_masks
    from dsim.errors import DataError
    from dsim.measures import join_ways

    first, *others = found.instead
    first = f"{first}: {with_masks(found.command)}" if found.command else first
    nevertheless = [f"apply {found.reference} nevertheless: --anyway"] if found.reference else []
    return DataError(found.answer.removesuffix("."), hint=join_ways([first, *others, *nevertheless]))


def _no_model(found: Recommendation, target: Dataset, pool: Sequence[Dataset]) -> Exception:
    from dsim.errors import DataError
    from dsim.recommend import models_of, segmenting

    if found.best is None:
        return DataError(
            f"no source could be compared with {target.name!r}",
            hint="dsim recommend shows why; or choose a model yourself: --model zoo:ID",
        )
    others = {source.name: segmenting(models_of(source, target)) for source in pool}
    nearest = next((model for entry in found.choice.candidates if (model := others[entry.source])), None)
    ways = [
        *([f"train one: {found.command}"] if found.command else []),
        *([f"take the nearest source that has one: --model zoo:{nearest.id}"] if nearest else []),
        *([] if found.command or nearest else ["choose among the zoo's sources: leave out --sources"]),
    ]
    return DataError(
        f"{found.best} is the best source, but no segmentation model of the zoo was trained on it",
        hint="; or ".join(ways),
    )
