"""``dsim asap coherence``: unseen and foreign images in the map."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.ui import options
from dsim_asap.cli import options as shared

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime
    from dsim_asap.studies.coherence import Trial


@click.command()
@shared.sources
@options.datasets(
    "--foreign",
    help="Images of another world. Default: crops of two photographs, and drawn textures.",
)
@click.option("--no-foreign", is_flag=True, help="Only unseen images.")
@click.option("--model", metavar="zoo:ID|file:FOLDER", help="Judge this model instead of training.")
@click.option(
    "--holdout",
    type=click.FloatRange(0, 0.5, min_open=True),
    default=0.2,
    show_default=True,
    help="Share of each dataset that the model does not see.",
)
@click.option("--seeds", type=click.IntRange(min=1), default=1, show_default=True, help="Trainings, from --seed on.")
@shared.settings
@shared.out
@options.as_json
@options.seed
@options.device
@options.offline
def coherence(
    sources: Sequence[str],
    foreign: Sequence[str],
    no_foreign: bool,
    model: str | None,
    holdout: float,
    seeds: int,
    settings: Sequence[str],
    out: Path,
    as_json: bool,
    seed: int,
    device: str,
    offline: bool,
) -> None:
    """Train without some images, then see whether they fall among their own, and where foreign ones fall.

    Held out are whole groups (patients, videos) or, where a dataset has none, runs of neighbours. Writes coherence.json
    and coherence.png. The same command goes on where it was interrupted, and trains nothing twice.
    """
    from dsim.data.opener import open_many
    from dsim.ui import emit_json, make_runtime
    from dsim_asap.studies.coherence import document

    how = make_runtime(device, offline)
    pool = open_many(sources)
    strangers = _foreign(foreign, no_foreign)
    trials = _trials(pool, strangers, model, settings, range(seed, seed + seeds), holdout, how)
    told = document(trials, holdout)
    _write(told, trials[0], out)
    if as_json:
        return emit_json(told)
    return _show(told, out)


def _foreign(paths: Sequence[str], none: bool) -> list[Dataset]:
    from dsim.data.opener import open_many
    from dsim.errors import UsageError
    from dsim_asap.studies.coherence_foreign import photographs, textures

    if none and paths:
        raise UsageError("--foreign and --no-foreign exclude each other", hint="leave one out")
    if none:
        return []
    return open_many(paths) if paths else [photographs(), textures()]


def _trials(
    pool: Sequence[Dataset],
    strangers: Sequence[Dataset],
    model: str | None,
    settings: Sequence[str],
    seeds: Sequence[int],
    holdout: float,
    how: Runtime,
) -> list[Trial]:
    from dsim.errors import UsageError
    from dsim_asap.latent.chosen import choose
    from dsim_asap.studies.coherence import train_trials, zoo_trial
    from dsim_asap.studies.trained import recipe_of

    if model is None:
        return train_trials(pool, strangers, recipe_of(settings), how, seeds, holdout)
    if settings or len(seeds) > 1:
        raise UsageError("--model judges a trained model: there is nothing to set", hint="leave out --set and --seeds")
    return [zoo_trial(pool, strangers, choose(model), how, holdout)]


def _write(told: dict[str, Any], trial: Trial, out: Path) -> None:
    import json

    from dsim.files import write_text
    from dsim_asap.studies.coherence_picture import draw_coherence

    write_text(out / "coherence.json", json.dumps(told, indent=1, allow_nan=False, ensure_ascii=False) + "\n")
    placed = told["all_unseen"]["by_centre"]
    seeds = f" Seed {trial.seed} of {len(told['seeds'])}." if len(told["seeds"]) > 1 else ""
    note = (
        f"Of unseen images {placed['share']:.1%} ({placed['low']:.1%} to {placed['high']:.1%}) have their own dataset's"
        f" centre nearest.{seeds}"
    )
    draw_coherence(trial, out / "coherence.png", f"Coherence: {trial.chosen.told}", note)


def _show(told: dict[str, Any], out: Path) -> None:
    from dsim.ui import print_table, stderr

    columns = ["dataset", "unseen", "groups", "nearest centre", "nearest mean distance", "inside its 95 %"]
    rows = [_unseen_row(name, row) for name, row in [*told["unseen"].items(), ("all", told["all_unseen"])]]
    print_table(f"{told['model']}: unseen images placed with their own", columns, rows, right=columns[1:])
    columns = ["foreign", "images", "spread", "over the median of the pool's", "over the widest", "inside any 95 %"]
    rows = [
        [name, str(row["images"]), *(_number(row[key]) for key in _SPREADS), _interval(row["inside"])]
        for name, row in told["foreign"].items()
    ]
    if rows:
        print_table("foreign images", columns, rows, right=columns[1:])
    for name in (name for name, row in told["foreign"].items() if row["trained_on"]):
        stderr().print(f"{name} is not foreign to this model: it was trained on it", markup=False)
    stderr().print(f"wrote coherence.json and coherence.png to {out}", markup=False)


_SPREADS = ("spread", "spread_over_median", "spread_over_widest")


def _unseen_row(name: str, row: dict[str, Any]) -> list[str]:
    shares = [_interval(row[key]) for key in ("by_centre", "by_mean_distance", "inside_own")]
    return [name, str(row["images"]), "" if row["groups"] is None else str(row["groups"]), *shares]


def _interval(share: dict[str, float]) -> str:
    """A share with its interval, in percent.

    >>> _interval({"share": 0.95, "low": 0.9, "high": 0.975})
    '95 % (90 to 98)'
    """
    return f"{share['share']:.0%}".replace("%", " %") + f" ({100 * share['low']:.0f} to {100 * share['high']:.0f})"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"
