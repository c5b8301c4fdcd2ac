"""``dsim asap tune``: search the hyper-parameters by EQC alone."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from dsim.ui import options as common
from dsim_asap.cli import options

#: Trials of the table, those of the lowest EQC first; the file holds all.
_SHOWN = 20


@click.command()
@options.sources
@options.out
@click.option(
    "--search",
    type=click.Choice(["random", "grid", "lines"]),
    default="random",
    show_default=True,
    help="At random, every combination, or one parameter at a time.",
)
@click.option(
    "--trials",
    type=click.IntRange(min=2),
    metavar="N",
    help="Random settings, default 20; of a grid, the most allowed.",
)
@click.option(
    "--over",
    default="alpha,beta,w,n_emb",
    show_default=True,
    metavar="NAME[=V/V...],...",
    help="What to search over; with values, those of a grid: alpha=0.3/0.5/0.7,beta.",
)
@options.settings
@options.preset
@click.option("--seeds", type=click.IntRange(min=1), default=5, show_default=True, help="Of the optimum, afterwards.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the search.")
@common.device
@common.as_json
def tune(
    sources: Sequence[str],
    out: Path,
    search: str,
    trials: int | None,
    over: str,
    settings: Sequence[str],
    preset: str | None,
    seeds: int,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Search alpha, beta, w and the dimension of the latent space by EQC alone: no labels, no measured transfer.

    Every setting is trained once and judged by the EQC of its validation images. The best, the runner-up and the
    settings given are then trained again with other seeds, to see whether they can be told apart. Stopped, the same
    command goes on. The folder gets tune.json and tune.png.
    """
    from dsim.data.opener import open_many
    from dsim.ui import emit_json, make_runtime
    from dsim_asap.plots.tune import draw_tuning
    from dsim_asap.studies.search import parse_over, settings_of
    from dsim_asap.studies.trained import params_of
    from dsim_asap.studies.tune import Search
    from dsim_asap.studies.tune import tune as run
    from dsim_asap.studies.tune_document import document
    from dsim_asap.studies.writing import write

    params = params_of(settings, preset)
    tried = settings_of(search, parse_over(over), params, trials, seed)
    study = Search(open_many(sources), params, tried, seed, seeds)
    told = document(run(study, out, make_runtime(device)), search)
    write(out / "tune.json", told)
    draw_tuning(told, out / "tune.png")
    if as_json:
        emit_json(told)
    else:
        show(told)
    _tell(told, sources, out)


def show(told: Mapping[str, Any]) -> None:
    """Print the tables of a tuning's document."""
    from dsim.ui import print_table

    ranked = sorted(told["trials"], key=lambda trial: (trial["eqc"] is None, trial["eqc"] or 0.0))
    over = told["over"]
    rows = [[*_setting(trial, over), _eqc(trial), _number(trial["seconds"], 1)] for trial in ranked[:_SHOWN]]
    count, total = len(rows), len(ranked)
    title = f"{total} trials, seed {told['seed']}" + (f", the best {count}" if count < total else "")
    print_table(title, [*over, "EQC", "training s"], rows, right=[*over, "EQC", "training s"])
    columns = ["trained again", *over, "EQC", "deviation", "95 % of the mean", "seeds"]
    print_table("", columns, [_finalist(one, over) for one in told["finalists"]], right=columns[1:])


def _finalist(one: Mapping[str, Any], over: Sequence[str]) -> list[str]:
    found = one["eqc"]
    interval = "" if found["low"] is None else f"{found['low']:.3f} to {found['high']:.3f}"
    return [
        one["role"],
        *_setting(one, over),
        _number(found["mean"], 3) or "none",
        _number(found["sd"], 3),
        interval,
        str(found["n"]),
    ]


def _setting(one: Mapping[str, Any], over: Sequence[str]) -> list[str]:
    values = (one["setting"][name] for name in over)
    return ["/".join(f"{part:g}" for part in value) if isinstance(value, list) else f"{value:g}" for value in values]


def _eqc(trial: Mapping[str, Any]) -> str:
    return f"none: {trial['reason']}" if trial["eqc"] is None else f"{trial['eqc']:.3f}"


def _number(value: float | None, decimals: int) -> str:
    return "" if value is None else f"{value:.{decimals}f}"


def _tell(told: Mapping[str, Any], sources: Sequence[str], out: Path) -> None:
    """What was found in words, and what to type next."""
    import shlex

    from dsim.ui import stderr

    for note in (*told["verdicts"], f"written: {out / 'tune.json'}, {out / 'tune.png'}"):
        stderr().print(f"note: {note}", markup=False)
    command = ["dsim", "compare", "--measure", told["measure"], "--sources", *sources, "--targets", "MINE"]
    stderr().print(f"next: {shlex.join(command)}", markup=False)
