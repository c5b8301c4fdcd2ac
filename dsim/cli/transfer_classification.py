"""``dsim transfer classification``: a truth of one's own, from images with labels."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.cli import completing, options

if TYPE_CHECKING:
    from dsim.runtime import Progress
    from dsim.transfer.classification.recipe import ClassifyRecipe
    from dsim.truth import TransferMatrix

#: AUC from scratch below which a target was hardly learnt.
LEARNT = 0.6


@click.command()
@click.option(
    "--sources",
    multiple=True,
    shell_complete=completing.datasets,
    metavar="PATH...",
    help="Datasets with labels to pre-train on.",
)
@click.option(
    "--targets",
    multiple=True,
    shell_complete=completing.datasets,
    metavar="PATH...",
    help="Datasets with labels to score on; default: sources.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("dsim-transfer/truth.json"),
    show_default=True,
    help="File for the truth; finished work is kept beside it, in .work.",
)
@click.option("--folds", type=int, default=5, show_default=True, help="Folds of each target, the same for all sources.")
@click.option("--preset", default="", help="Named settings: cats, those of van den Brandt et al. 2021.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the recipe; may be repeated.")
@click.option("--imagenet", default="", metavar="REF", help="Published weights as a further source: timm:NAME.TAG.")
@click.option("--imagenet-optional", is_flag=True, help="Leave ImageNet out where its weights cannot be had.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Trainings side by side, one thread each.")
@options.seed
@options.device
@click.option("--name", default="", help="Name of the truth; default: the name of its file.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder that locations are told below; or DSIM_DATA.")
@options.offline
@click.option("--skip-unreadable", is_flag=True, help="Pass over images that cannot be read; they are listed.")
@options.as_json
def classification(
    sources: Sequence[str],
    targets: Sequence[str],
    out: Path,
    folds: int,
    preset: str,
    settings: Sequence[str],
    imagenet: str,
    imagenet_optional: bool,
    jobs: int,
    seed: int,
    device: str,
    name: str,
    data: Path | None,
    offline: bool,
    skip_unreadable: bool,
    as_json: bool,
) -> int:
    """Pre-train on each source, fine-tune on each target, and write the measured transfer.

    PATH is a folder of class folders, a manifest with labels, an .npz, phantoms:NAME, or NAME=PATH. Stopped at any
    moment, the same command goes on from there. What dsim evaluate and dsim leaderboard judge measures by is the file
    that this writes.
    """
    from dsim.cli.console import emit_json, runtime
    from dsim.data.opening import open_many
    from dsim.transfer.classification import measure_classification

    how, recipe = runtime(device, offline), _recipe(preset, settings)
    given = open_many(sources, skip_unreadable=skip_unreadable)
    truth = measure_classification(
        given,
        open_many(targets, skip_unreadable=skip_unreadable) if targets else given,
        recipe,
        folds=folds,
        seed=seed,
        out=out.parent,
        runtime=how,
        jobs=jobs,
        imagenet=imagenet,
        imagenet_optional=imagenet_optional,
        name=name or out.stem,
        data=data,
    )
    truth.to_json(out)
    if as_json:
        emit_json(truth.to_dict())
    else:
        _show(truth)
    _tell(truth, out, how.progress)
    return 3 if truth.missing else 0


def _recipe(preset: str, settings: Sequence[str]) -> ClassifyRecipe:
    from dsim.errors import UsageError
    from dsim.transfer.classification.recipe import ClassifyRecipe

    for text in settings:
        if "=" not in text:
            raise UsageError(f"--set {text} is no setting", hint="write --set KEY=VALUE, as --set epochs=30")
    recipe = ClassifyRecipe.preset(preset) if preset else ClassifyRecipe()
    return recipe.changed({key: value for key, _, value in (text.partition("=") for text in settings)})


def _show(truth: TransferMatrix) -> None:
    """Mean AUC of each pair and its gain over training from scratch, a row for each target."""
    from dsim.cli.console import table

    rows = []
    for j, target in enumerate(truth.targets):
        base = truth.baseline_mean
        others = [i for i, name in enumerate(truth.sources) if name != target and truth.mean[i, j] == truth.mean[i, j]]
        best = truth.sources[max(others, key=lambda i: truth.mean[i, j])] if others else ""
        cells = [_cell(truth, i, j) for i in range(len(truth.sources))]
        rows.append([target, *cells, "failed" if base is None or base[j] != base[j] else f"{base[j]:.3f}", best])
    columns = ["target", *truth.sources, "from scratch", "best of others"]
    title = f"AUC, mean of {truth.repetitions} folds (gain over training from scratch)"
    table(title, columns, rows, right=columns[1:-1])


def _cell(truth: TransferMatrix, i: int, j: int) -> str:
    mean, gains = truth.mean[i, j], truth.transferability
    if mean != mean:
        return "failed"
    if gains is None or gains[i, j] != gains[i, j]:
        return f"{mean:.3f}"
    return f"{mean:.3f} ({gains[i, j]:+.1f} %)"


def _tell(truth: TransferMatrix, out: Path, progress: Progress) -> None:
    """What a reader of the numbers should know."""
    base = truth.baseline_mean
    if base is not None:
        weak = [f"{target} ({auc:.2f})" for target, auc in zip(truth.targets, base, strict=True) if auc < LEARNT]
        if weak:
            progress.note(f"hardly learnt from scratch, AUC below {LEARNT:g}: {', '.join(weak)}")
    for source, target in truth.provenance["self pairs"]:
        progress.note(
            f"{source} -> {target}: the same images and labels, so the value is that of training from scratch"
        )
    whole = {(source, target) for source, target, _ in truth.missing}
    for source, target, fold, reason in truth.provenance["failed"]:
        if (source, target) not in whole:
            progress.note(f"failed: {source} -> {target}, fold {fold + 1}: {reason}")
    for source, target, reason in truth.missing:
        progress.note(f"failed: {source} -> {target}: {reason}")
    progress.note(f"wrote {out}")
