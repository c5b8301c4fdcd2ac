"""``dsim transfer classification``: a truth of one's own, from images with labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import click

from dsim.cli.transfer_options import Experiment, experiment

if TYPE_CHECKING:
    from dsim.truth import TransferMatrix

#: AUC from scratch below which a target was hardly learnt.
LEARNT = 0.6


@click.command()
@experiment(
    "labels",
    "pre-train",
    click.option(
        "--folds", type=int, default=5, show_default=True, help="Folds of each target, the same for all sources."
    ),
    click.option("--preset", default="", help="Named settings: cats, those of van den Brandt et al. 2021."),
    click.option("--imagenet", default="", metavar="REF", help="Published weights as a further source: timm:NAME.TAG."),
    click.option("--imagenet-optional", is_flag=True, help="Leave ImageNet out where its weights cannot be had."),
)
def classification(folds: int, preset: str, imagenet: str, imagenet_optional: bool, **shared: Any) -> int:
    """Pre-train on each source, fine-tune on each target, and write the measured transfer.

    PATH is a folder of class folders, a manifest with labels, an .npz, phantoms:NAME, or NAME=PATH. Stopped at any
    moment, the same command goes on from there. What dsim evaluate and dsim leaderboard judge measures by is the file
    that this writes.
    """
    from dsim.transfer.classification import ClassificationRecipe, measure_classification

    asked = Experiment(**shared)
    recipe = (ClassificationRecipe.preset(preset) if preset else ClassificationRecipe()).changed(asked.changes())
    truth = asked.measure(
        measure_classification, recipe, folds=folds, imagenet=imagenet, imagenet_optional=imagenet_optional
    )
    return asked.finish(truth, _show, _notes(truth))


def _show(truth: TransferMatrix) -> None:
    """Mean AUC of each pair and its gain over training from scratch, a row for each target."""
    from dsim.ui import print_table

    rows = []
    for j, target in enumerate(truth.targets):
        base = truth.baseline_mean
        others = [i for i, name in enumerate(truth.sources) if name != target and truth.mean[i, j] == truth.mean[i, j]]
        best = truth.sources[max(others, key=lambda i: truth.mean[i, j])] if others else ""
        cells = [_cell(truth, i, j) for i in range(len(truth.sources))]
        rows.append([target, *cells, "failed" if base is None or base[j] != base[j] else f"{base[j]:.3f}", best])
    columns = ["target", *truth.sources, "from scratch", "best of others"]
    title = f"AUC, mean of {truth.repetitions} folds (gain over training from scratch)"
    print_table(title, columns, rows, right=columns[1:-1])


def _cell(truth: TransferMatrix, i: int, j: int) -> str:
    mean, gains = truth.mean[i, j], truth.transferability
    if mean != mean:
        return "failed"
    if gains is None or gains[i, j] != gains[i, j]:
        return f"{mean:.3f}"
    return f"{mean:.3f} ({gains[i, j]:+.1f} %)"


def _notes(truth: TransferMatrix) -> Iterator[str]:
    """What a reader of the numbers should know."""
    base = truth.baseline_mean
    if base is not None:
        weak = [f"{target} ({auc:.2f})" for target, auc in zip(truth.targets, base, strict=True) if auc < LEARNT]
        if weak:
            yield f"hardly learnt from scratch, AUC below {LEARNT:g}: {', '.join(weak)}"
    for source, target in truth.provenance["self pairs"]:
        yield f"{source} -> {target}: the same images and labels, so the value is that of training from scratch"
    whole = {(source, target) for source, target, _ in truth.missing}
    for source, target, fold, reason in truth.provenance["failed"]:
        if (source, target) not in whole:
            yield f"failed: {source} -> {target}, fold {fold + 1}: {reason}"
