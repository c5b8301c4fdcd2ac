"""``dsim adapt``: the segmentation model for a target, made from its annotated images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.adapt import Adapted, Settings
    from dsim.data import Dataset


@click.command()
@click.argument("target", shell_complete=completion.datasets)
@options.out_folder(required=True, help="Folder of the model.")
@options.masks
@options.foreground
@options.sources("Datasets with models to choose from; default: the zoo's.")
@click.option(
    "--ways",
    default="apply,vote,finetune,scratch",
    show_default=True,
    metavar="NAME,...",
    help="What is tried: a model as it is, a vote of the best few, one trained further, a new one.",
)
@click.option(
    "--folds",
    type=click.IntRange(min=2),
    metavar="N",
    help="Folds of the cross-validation. Default: one image at a time up to five, else five.",
)
@click.option("--epochs", type=click.IntRange(min=1), metavar="N", help="Rounds of 20 images in each training.")
@click.option(
    "--label",
    default="",
    metavar="TEXT",
    help="What the model marks, as nuclei. Default: as before, foreground once trained.",
)
@options.seed
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, help="Trainings side by side.")
@click.option("--overwrite", is_flag=True, help="Replace a model that is there.")
@options.device
@options.skip_unreadable
@options.as_json
def adapt(
    target: str,
    out: Path,
    foreground: Sequence[str],
    sources: Sequence[str],
    ways: str,
    folds: int | None,
    epochs: int | None,
    label: str,
    seed: int,
    jobs: int,
    overwrite: bool,
    device: str,
    skip_unreadable: bool,
    as_json: bool,
) -> None:
    """Make the segmentation model for TARGET from its annotated images.

    Cross-validation on the images that have masks decides what is written: the best model of the zoo as it is, a vote
    of several, one that is trained further, or a new one. Ties go to the simpler. Give the same command again to
    continue an interrupted run.

    TARGET is a folder, an image file, a .csv, .npz or .h5 file, or phantoms:NAME.
    """
    from dsim.adapt import adapt as run
    from dsim.cli.data import open_datasets, open_target
    from dsim.ui import emit_json, make_runtime

    settings = _settings(ways, folds, epochs, seed)
    runtime = make_runtime(device)
    images = _checked(open_target(target, runtime, skip_unreadable=skip_unreadable), foreground)
    pool = open_datasets(sources, runtime, skip_unreadable=skip_unreadable) if sources else None
    found = run(
        images,
        out,
        sources=pool,
        settings=settings,
        marks=label,
        jobs=jobs,
        overwrite=overwrite,
        runtime=runtime,
    )
    if as_json:
        emit_json(found.to_dict())
    else:
        _show(found)


def _checked(target: Dataset, foreground: Sequence[str]) -> Dataset:
    """The target with masks of background and foreground; where all are empty, adaptation refuses it."""
    from dsim.recommend import check_annotations
    from dsim.transfer.segmentation.pairs import parse_foreground

    checked, notes = check_annotations(target, parse_foreground(foreground))
    return target if notes else checked


def _settings(ways: str, folds: int | None, epochs: int | None, seed: int) -> Settings:
    from dsim.adapt import Settings
    from dsim.adapt.settings import parse_ways

    usual = Settings()
    return Settings(
        ways=parse_ways(ways),
        folds=usual.folds if folds is None else folds,
        epochs=usual.epochs if epochs is None else epochs,
        seed=seed,
    )


def _show(found: Adapted) -> None:
    """Print the answer, the next command, and what each way gave."""
    from dsim.cli.answer import NEXT, print_answers
    from dsim.ui import print_table

    print_answers((found.answer, f"{NEXT}: {found.next_command}"))
    if found.rows():
        title = f"{found.images} annotated images of {found.target}"
        print_table(title, ["way", "Dice (95 % interval)"], [list(row) for row in found.rows()])
