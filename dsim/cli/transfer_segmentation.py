"""``dsim transfer segmentation``: a truth of one's own, from images with masks."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

import click

from dsim.cli.transfer_options import Experiment, experiment

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.truth import TransferMatrix

#: Dice, percent, of a source on its own held-out images below which it was not learnt.
LEARNT = 50.0
#: Sources that a table has room for.
_MOST_COLUMNS = 5


@click.command()
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
    click.option(
        "--foreground",
        multiple=True,
        metavar="[NAME=]VALUES",
        help="Values of masks that are foreground: 1,2 or all; NAME= for one dataset.",
    ),
)
def segmentation(scenario: str, repetitions: int, foreground: Sequence[str], **shared: Any) -> int:
    """Train a U-Net on each source, score it on each target, and write the measured transfer.

    PATH is a folder with images/ and masks/, phantoms:NAME, or NAME=PATH. Stopped at any moment, the same command goes
    on from there. What dsim evaluate and dsim leaderboard judge measures by is the file that this writes.
    """
    from dsim.transfer.segmentation import SegmentationRecipe, measure_segmentation
    from dsim.transfer.segmentation.pairs import parse_foreground

    asked = Experiment(**shared)
    recipe, values = SegmentationRecipe().changed(asked.changes()), parse_foreground(foreground)
    truth = asked.measure(measure_segmentation, recipe, scenario=scenario, repetitions=repetitions, foreground=values)
    return asked.finish(truth, _show, _notes(truth))


def _show(truth: TransferMatrix) -> None:
    """Every pair where the terminal has room for them, else what each target got; the files hold all."""
    from dsim.ui import print_table

    few = len(truth.sources) <= _MOST_COLUMNS
    columns = ["target", *(truth.sources if few else ["its own held-out images"])]
    columns += ["from scratch"] if truth.baseline is not None else []
    columns += ["best of others", "its Dice", "median of others", "all foreground"]
    rows = [_row(truth, j, few) for j in range(len(truth.targets))]
    title = f"Dice, %: mean of {truth.repetitions} trainings ± standard deviation"
    print_table(title, columns, rows, right=[column for column in columns[1:] if column != "best of others"])


def _row(truth: TransferMatrix, j: int, every: bool) -> list[str]:
    import statistics

    target, mean = truth.targets[j], truth.mean
    own = [i for i, name in enumerate(truth.sources) if name == target]
    others = [i for i in range(len(truth.sources)) if i not in own and mean[i, j] == mean[i, j]]
    best = max(others, key=lambda i: mean[i, j], default=None)
    cells = [_cell(truth.values[i, j]) for i in (range(len(truth.sources)) if every else own)]
    cells += [] if every or own else [""]
    cells += [_cell(truth.baseline[j])] if truth.baseline is not None else []
    cells += (
        ["", "", ""]
        if best is None
        else [
            truth.sources[best],
            _cell(truth.values[best, j]),
            f"{statistics.median(mean[i, j] for i in others):.1f}",
        ]
    )
    return [target, *cells, f"{truth.provenance['all foreground'][target]:.1f}"]


def _cell(values: NDArray[np.float64]) -> str:
    """Mean ± standard deviation of the repetitions that are known."""
    known = values[values == values]
    if not len(known):
        return "failed"
    return f"{known.mean():.1f} ± {known.std(ddof=1):.1f}" if len(known) > 1 else f"{known[0]:.1f}"


def _notes(truth: TransferMatrix) -> Iterator[str]:
    """What a reader of the numbers should know."""
    own = {n: truth.mean[truth.sources.index(n), truth.targets.index(n)] for n in truth.sources if n in truth.targets}
    weak = [f"{name} ({dice:.0f} %)" for name, dice in own.items() if dice < LEARNT]
    if weak:
        yield f"hardly learnt, Dice below {LEARNT:g} % on their own held-out images: {', '.join(weak)}"
    floor = truth.provenance["all foreground"]
    best = {t: max((m for m in truth.mean[:, j] if m == m), default=0.0) for j, t in enumerate(truth.targets)}
    useless = [target for target, dice in best.items() if dice < floor[target]]
    if useless:
        yield f"no source beats calling every pixel foreground: {', '.join(useless)}"
