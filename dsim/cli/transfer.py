"""``dsim transfer``: train on sources, score on targets, and write the measured transfer."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.ui import options

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data import Dataset
    from dsim.runtime import Runtime
    from dsim.truth import TransferMatrix


@click.group()
def transfer() -> None:
    """Measure transfer: networks trained on each source and scored on each target."""


@dataclass(frozen=True)
class Experiment:
    """The options that both commands share, by the names that click gives them."""

    sources: Sequence[str]
    targets: Sequence[str]
    out: Path
    settings: Sequence[str]
    jobs: int
    name: str
    data: Path | None
    skip_unreadable: bool
    seed: int
    device: str
    offline: bool
    as_json: bool

    def measure(self, measure: Callable[..., TransferMatrix], recipe: Any, **own: Any) -> TransferMatrix:
        """Train and score with the function ``measure`` of ``dsim.transfer``, and write and return the truth.

        Raises DsimError where the truth cannot be written.
        """
        sources = self._opened(self.sources)
        truth = measure(
            sources,
            self._opened(self.targets) if self.targets else sources,
            recipe,
            seed=self.seed,
            out=self.out.parent,
            runtime=self.runtime,
            jobs=self.jobs,
            name=self.name or self.out.stem,
            data=self.data,
            **own,
        )
        truth.to_json(self.out)
        return truth

    def finish(self, truth: TransferMatrix, show: Callable[[TransferMatrix], None], notes: Iterable[str]) -> int:
        """Print the truth and the notes, and return the exit code."""
        from dsim.ui import emit_json

        if self.as_json:
            emit_json(truth.to_dict())
        else:
            show(truth)
        failed = [f"failed: {source} -> {target}: {reason}" for source, target, reason in truth.missing]
        for note in (*notes, *failed, f"wrote {self.out}"):
            self.runtime.progress.note(note)
        return 3 if truth.missing else 0

    def changes(self) -> dict[str, str]:
        """Return the settings of the recipe as written. Raises UsageError for one without a value."""
        from dsim.errors import UsageError

        for text in self.settings:
            if "=" not in text:
                raise UsageError(f"--set {text} has no value", hint="write --set KEY=VALUE, as --set epochs=30")
        return {key: value for key, _, value in (text.partition("=") for text in self.settings)}

    @cached_property
    def runtime(self) -> Runtime:
        from dsim.ui import make_runtime

        return make_runtime(self.device, self.offline)

    def _opened(self, paths: Sequence[str]) -> list[Dataset]:
        from dsim.cli.data import open_datasets

        return open_datasets(paths, self.runtime, skip_unreadable=self.skip_unreadable)


def experiment(annotation: str, training: str, *own: options.Option) -> options.Option:
    """Return the options of an ``Experiment``: datasets with ``annotation``, and sources to ``training`` (a verb) on.

    Those of one command alone, ``own``, stand before what is rarely given.
    """
    return options.together(
        options.sources(f"Datasets with {annotation} to {training} on."),
        options.targets(f"Datasets with {annotation} to score on; default: sources."),
        options.out_file(
            default=Path("dsim-transfer/truth.json"),
            show_default=True,
            help="File for the truth; finished work is kept beside it, in .work.",
        ),
        *own,
        click.option(
            "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the recipe; may be repeated."
        ),
        click.option(
            "--jobs", type=int, default=1, show_default=True, help="Trainings that run in parallel, one thread each."
        ),
        click.option("--name", default="", help="Name of the truth; default: the name of its file."),
        click.option(
            "--data",
            type=click.Path(path_type=Path),
            help="Paths of images are written relative to this folder. Default: DSIM_DATA.",
        ),
        options.skip_unreadable,
        options.seed,
        options.device,
        options.offline,
        options.wide,
        options.as_json,
    )


#: AUC from scratch below which a target was hardly learnt.
_LEARNT_AUC = 0.6


@transfer.command(short_help="Pre-train on each source, fine-tune on each target.")
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

    PATH is a folder of class folders, a manifest with labels, an .npz, phantoms:NAME, or NAME=PATH. Run the
    same command again to continue an interrupted run. dsim evaluate and dsim leaderboard judge measures by the file
    that this command writes.
    """
    from dsim.transfer.classification import ClassificationRecipe, measure_classification

    asked = Experiment(**shared)
    recipe = (ClassificationRecipe.preset(preset) if preset else ClassificationRecipe()).changed(asked.changes())
    truth = asked.measure(
        measure_classification, recipe, folds=folds, imagenet=imagenet, imagenet_optional=imagenet_optional
    )
    return asked.finish(truth, _show_auc, _auc_notes(truth))


def _show_auc(truth: TransferMatrix) -> None:
    """Print the mean AUC of each pair and its gain over training from scratch, one row per target."""
    from dsim.ui import print_table

    rows = []
    for j, target in enumerate(truth.targets):
        base = truth.baseline_mean
        others = [i for i, name in enumerate(truth.sources) if name != target and truth.mean[i, j] == truth.mean[i, j]]
        best = truth.sources[max(others, key=lambda i: truth.mean[i, j])] if others else ""
        cells = [_auc_cell(truth, i, j) for i in range(len(truth.sources))]
        rows.append([target, *cells, "failed" if base is None or base[j] != base[j] else f"{base[j]:.3f}", best])
    columns = ["target", *truth.sources, "from scratch", "best of others"]
    title = f"AUC, mean of {truth.repetitions} folds (gain over training from scratch)"
    print_table(title, columns, rows, right=columns[1:-1])


def _auc_cell(truth: TransferMatrix, i: int, j: int) -> str:
    mean, gains = truth.mean[i, j], truth.transferability
    if mean != mean:
        return "failed"
    if gains is None or gains[i, j] != gains[i, j]:
        return f"{mean:.3f}"
    return f"{mean:.3f} ({gains[i, j]:+.1f} %)"


def _auc_notes(truth: TransferMatrix) -> Iterator[str]:
    """Yield warnings on the numbers."""
    base = truth.baseline_mean
    if base is not None:
        weak = [f"{target} ({auc:.2f})" for target, auc in zip(truth.targets, base, strict=True) if auc < _LEARNT_AUC]
        if weak:
            yield f"hardly learned from scratch, AUC below {_LEARNT_AUC:g}: {', '.join(weak)}"
    for source, target in truth.provenance["self pairs"]:
        yield f"{source} -> {target}: the same images and labels, so the value is that of training from scratch"
    whole = {(source, target) for source, target, _ in truth.missing}
    for source, target, fold, reason in truth.provenance["failed"]:
        if (source, target) not in whole:
            yield f"failed: {source} -> {target}, fold {fold + 1}: {reason}"


#: Dice, percent, of a source on its own held-out images below which it was not learnt.
_LEARNT_DICE = 50.0
#: Sources that a table has room for.
_MOST_COLUMNS = 5


@transfer.command(short_help="Train a U-Net on each source, score it on each target.")
@experiment(
    "masks",
    "train",
    click.option(
        "--scenario",
        default="prelabel",
        show_default=True,
        metavar="prelabel|finetune:K|scratch:K",
        help="The source's model as it is; after K annotated images of the target; or trained on those alone.",
    ),
    click.option(
        "--repetitions", type=int, default=3, show_default=True, help="Trainings per source, with other seeds."
    ),
    options.foreground,
)
def segmentation(scenario: str, repetitions: int, foreground: Sequence[str], **shared: Any) -> int:
    """Train a U-Net on each source, score it on each target, and write the measured transfer.

    PATH is a folder with images/ and masks/, phantoms:NAME, or NAME=PATH. Run the same command again to continue
    an interrupted run. dsim evaluate and dsim leaderboard judge measures by the file that this command writes.
    """
    from dsim.transfer.segmentation import SegmentationRecipe, measure_segmentation
    from dsim.transfer.segmentation.pairs import parse_foreground

    asked = Experiment(**shared)
    recipe, values = SegmentationRecipe().changed(asked.changes()), parse_foreground(foreground)
    truth = asked.measure(measure_segmentation, recipe, scenario=scenario, repetitions=repetitions, foreground=values)
    return asked.finish(truth, _show_dice, _dice_notes(truth))


def _show_dice(truth: TransferMatrix) -> None:
    """Print every pair for few sources, else a summary of each target; the files hold all pairs."""
    from dsim.ui import print_table

    few = len(truth.sources) <= _MOST_COLUMNS
    columns = ["target", *(truth.sources if few else ["its own held-out images"])]
    columns += ["from scratch"] if truth.baseline is not None else []
    columns += ["best of others", "its Dice", "median of others", "all foreground"]
    rows = [_dice_row(truth, j, few) for j in range(len(truth.targets))]
    title = f"Dice, %: mean of {truth.repetitions} trainings ± standard deviation"
    print_table(title, columns, rows, right=[column for column in columns[1:] if column != "best of others"])


def _dice_row(truth: TransferMatrix, j: int, every: bool) -> list[str]:
    import statistics

    target, mean = truth.targets[j], truth.mean
    own = [i for i, name in enumerate(truth.sources) if name == target]
    others = [i for i in range(len(truth.sources)) if i not in own and mean[i, j] == mean[i, j]]
    best = max(others, key=lambda i: mean[i, j], default=None)
    cells = [_dice_cell(truth.values[i, j]) for i in (range(len(truth.sources)) if every else own)]
    cells += [] if every or own else [""]
    cells += [_dice_cell(truth.baseline[j])] if truth.baseline is not None else []
    cells += (
        ["", "", ""]
        if best is None
        else [
            truth.sources[best],
            _dice_cell(truth.values[best, j]),
            f"{statistics.median(mean[i, j] for i in others):.1f}",
        ]
    )
    return [target, *cells, f"{truth.provenance['all foreground'][target]:.1f}"]


def _dice_cell(values: NDArray[np.float64]) -> str:
    """Return mean ± standard deviation of the finished repetitions."""
    known = values[values == values]
    if not len(known):
        return "failed"
    return f"{known.mean():.1f} ± {known.std(ddof=1):.1f}" if len(known) > 1 else f"{known[0]:.1f}"


def _dice_notes(truth: TransferMatrix) -> Iterator[str]:
    """Yield warnings on the numbers."""
    own = {n: truth.mean[truth.sources.index(n), truth.targets.index(n)] for n in truth.sources if n in truth.targets}
    weak = [f"{name} ({dice:.0f} %)" for name, dice in own.items() if dice < _LEARNT_DICE]
    if weak:
        yield f"hardly learned, Dice below {_LEARNT_DICE:g} % on their own held-out images: {', '.join(weak)}"
    floor = truth.provenance["all foreground"]
    best = {t: max((m for m in truth.mean[:, j] if m == m), default=0.0) for j, t in enumerate(truth.targets)}
    useless = [target for target, dice in best.items() if dice < floor[target]]
    if useless:
        yield f"no source beats calling every pixel foreground: {', '.join(useless)}"
