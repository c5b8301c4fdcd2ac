"""``dsim transfer segmentation``: a truth of one's own, from images with masks."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.cli import completing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.runtime import Progress
    from dsim.truth import TransferMatrix

#: Dice, percent, of a source on its own held-out images below which it was not learnt.
LEARNT = 50.0
#: Sources that a table has room for.
_MOST_COLUMNS = 5


@click.command()
@click.option(
    "--sources",
    multiple=True,
    shell_complete=completing.datasets,
    metavar="PATH...",
    help="Datasets with masks to train on.",
)
@click.option(
    "--targets",
    multiple=True,
    shell_complete=completing.datasets,
    metavar="PATH...",
    help="Datasets with masks to score on; default: sources.",
)
@click.option(
    "--out",
    type=click.Path(dir_okay=False, path_type=Path),
    default=Path("dsim-transfer/truth.json"),
    show_default=True,
    help="File for the truth; finished work is kept beside it, in .work.",
)
@click.option(
    "--scenario",
    default="prelabel",
    show_default=True,
    metavar="prelabel|finetune:K|scratch:K",
    help="The source's model as it is; after K annotated images of the target; or trained on those alone.",
)
@click.option("--repetitions", type=int, default=3, show_default=True, help="Trainings per source, with other seeds.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of every random draw.")
@click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
@click.option("--jobs", type=int, default=1, show_default=True, help="Trainings side by side, one thread each.")
@click.option("--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the recipe; may be repeated.")
@click.option(
    "--foreground",
    multiple=True,
    metavar="[NAME=]VALUES",
    help="Values of masks that are foreground: 1,2 or all; NAME= for one dataset.",
)
@click.option("--name", default="", help="Name of the truth; default: the name of its file.")
@click.option("--data", type=click.Path(path_type=Path), help="Folder that locations are told below; or DSIM_DATA.")
@click.option("--offline", is_flag=True, help="Never download anything.")
@click.option("--skip-unreadable", is_flag=True, help="Pass over images that cannot be read; they are listed.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON instead of a table.")
def segmentation(
    sources: Sequence[str],
    targets: Sequence[str],
    out: Path,
    scenario: str,
    repetitions: int,
    seed: int,
    device: str,
    jobs: int,
    settings: Sequence[str],
    foreground: Sequence[str],
    name: str,
    data: Path | None,
    offline: bool,
    skip_unreadable: bool,
    as_json: bool,
) -> int:
    """Train a U-Net on each source, score it on each target, and write the measured transfer.

    PATH is a folder with images/ and masks/, phantoms:NAME, or NAME=PATH. Stopped at any moment, the same command goes
    on from there. What dsim evaluate and dsim leaderboard judge measures by is the file that this writes.
    """
    from dsim.cli.console import emit_json, runtime
    from dsim.data.opening import open_many
    from dsim.transfer.segmentation import measure_segmentation
    from dsim.transfer.segmentation.pairs import parse_foreground
    from dsim.transfer.segmentation.recipe import Recipe

    how = runtime(device, offline)
    given = open_many(sources, skip_unreadable=skip_unreadable)
    truth = measure_segmentation(
        given,
        open_many(targets, skip_unreadable=skip_unreadable) if targets else given,
        Recipe().changed(_settings(settings)),
        scenario=scenario,
        repetitions=repetitions,
        seed=seed,
        out=out.parent,
        runtime=how,
        jobs=jobs,
        foreground=parse_foreground(foreground),
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


def _settings(texts: Sequence[str]) -> dict[str, str]:
    from dsim.errors import UsageError

    for text in texts:
        if "=" not in text:
            raise UsageError(f"--set {text} is no setting", hint="write --set KEY=VALUE, as --set epochs=30")
    return {name: value for name, _, value in (text.partition("=") for text in texts)}


def _show(truth: TransferMatrix) -> None:
    """Every pair where the terminal has room for them, else what each target got; the files hold all."""
    from dsim.cli.console import table

    few = len(truth.sources) <= _MOST_COLUMNS
    columns = ["target", *(truth.sources if few else ["its own held-out images"])]
    columns += ["from scratch"] if truth.baseline is not None else []
    columns += ["best of others", "its Dice", "median of others", "all foreground"]
    rows = [_row(truth, j, few) for j in range(len(truth.targets))]
    title = f"Dice, %: mean of {truth.repetitions} trainings ± standard deviation"
    table(title, columns, rows, right=[column for column in columns[1:] if column != "best of others"])


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


def _tell(truth: TransferMatrix, out: Path, progress: Progress) -> None:
    """What a reader of the numbers should know."""
    own = {n: truth.mean[truth.sources.index(n), truth.targets.index(n)] for n in truth.sources if n in truth.targets}
    weak = [f"{name} ({dice:.0f} %)" for name, dice in own.items() if dice < LEARNT]
    if weak:
        progress.note(f"hardly learnt, Dice below {LEARNT:g} % on their own held-out images: {', '.join(weak)}")
    floor = truth.provenance["all foreground"]
    best = {t: max((m for m in truth.mean[:, j] if m == m), default=0.0) for j, t in enumerate(truth.targets)}
    useless = [target for target, dice in best.items() if dice < floor[target]]
    if useless:
        progress.note(f"no source beats calling every pixel foreground: {', '.join(useless)}")
    for source, target, reason in truth.missing:
        progress.note(f"failed: {source} -> {target}: {reason}")
    progress.note(f"wrote {out}")
