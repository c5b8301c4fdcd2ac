"""``dsim asap ablate``: what style and triplets add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from dsim.ui import options as common
from dsim_asap.cli import options

_VARIANTS = "ae,ae-t,ae-s,asap"
#: Columns of the table of quality: title, quantity.
_QUALITY = {"EQC": "eqc", "EQC unseen": "eqc_validation"}
_JUDGED = {
    "correlation": "pearson",
    "RCI": "spearman",
    "top-1 %": "top1",
    "top-2 %": "top2",
    "top-3 %": "top3",
    "regret": "regret",
}


@click.command()
@options.sources
@options.targets
@click.option("--truth", metavar="NAME|FILE", help="Measured transfer that judges; dsim truth lists it.")
@click.option("--common", "intersect", is_flag=True, help="Judge the datasets that study and truth both name.")
@options.out
@click.option("--variants", default=_VARIANTS, show_default=True, help="Which ones, with commas.")
@options.settings
@options.preset
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Trainings of each variant.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="The first of the seeds.")
@common.device
@common.as_json
def ablate(
    sources: Sequence[str],
    targets: Sequence[str],
    truth: str | None,
    intersect: bool,
    out: Path,
    variants: str,
    settings: Sequence[str],
    preset: str | None,
    seeds: int,
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Train AE, AE-T, AE-S and ASAP on one pool with the same seeds, and hold them against each other.

    AE only rebuilds images; AE-T adds triplets, AE-S style, ASAP both (Table 3 of the paper, lower half). Stopped, the
    same command goes on, and repeats no training. The folder gets ablate.json and ablate.png.
    """
    from dsim.data.opener import open_many
    from dsim.truth import open_truth
    from dsim.ui import emit_json, make_runtime, stderr
    from dsim_asap.plots.ablate import draw_ablation
    from dsim_asap.studies.ablate import Study
    from dsim_asap.studies.ablate import ablate as run
    from dsim_asap.studies.ablate_document import document
    from dsim_asap.studies.trained import params_of
    from dsim_asap.studies.writing import write

    judge = open_truth(truth) if truth else None
    pool = open_many(sources)
    wanted = open_many(targets) if targets else pool
    study = Study(pool, wanted, params_of(settings, preset), _chosen(variants), tuple(range(seed, seed + seeds)))
    found = run(study, out, make_runtime(device), judge, intersect)
    told = document(found)
    write(out / "ablate.json", told)
    draw_ablation(found, told, out / "ablate.png")
    if as_json:
        emit_json(told)
    else:
        show(told)
    for note in (*told["notes"], f"written: {out / 'ablate.json'}, {out / 'ablate.png'}"):
        stderr().print(f"note: {note}", markup=False)


def _chosen(text: str) -> tuple[str, ...]:
    """The variants in their own order, each once."""
    from dsim.errors import UnknownNameError
    from dsim_asap.studies.ablate import VARIANTS

    asked = [name.strip().lower() for name in text.split(",") if name.strip()]
    for name in asked:
        if name not in VARIANTS:
            raise UnknownNameError("variant", name, VARIANTS, hint=f"choose from {_VARIANTS}")
    return tuple(name for name in VARIANTS if name in asked) or tuple(VARIANTS)


def show(told: Mapping[str, Any]) -> None:
    """Print the tables of an ablation's document."""
    _show_quality(told)
    _show_contrasts(told)
    _show_cost(told)


def _show_quality(told: Mapping[str, Any]) -> None:
    from dsim.ui import print_table

    judge = told["judge"]
    columns = {**_QUALITY, **(_JUDGED if judge else {})}
    rows = [
        [one["title"], *(_cell(name, one["mean"][name], judge) for name in columns.values())]
        for one in told["variants"]
    ]
    rows += _beside(told) if judge else []
    seeds = len(told["seeds"])
    by = f", judged by {judge['truth']} ({len(judge['targets'])} targets)" if judge else ""
    title = f"{seeds} training{'s' if seeds > 1 else ''} of each, mean±deviation, {len(told['sources'])} datasets{by}"
    print_table(title, ["variant", *columns], rows, right=list(columns))


def _cell(name: str, found: Mapping[str, Any], judge: Mapping[str, Any] | None) -> str:
    """A mean with its spread over seeds."""
    if found["mean"] is None:
        return "none"
    spread = "" if found["sd"] is None else f"±{_digits(name, found['sd'], judge)}"
    return f"{_digits(name, found['mean'], judge)}{spread}"


def _digits(name: str, value: float, judge: Mapping[str, Any] | None) -> str:
    from dsim.evaluation.scores import BY_NAME, digits

    if name in BY_NAME and BY_NAME[name].share:
        return f"{100 * value:.1f}"
    return digits(name, value, judge["unit"]) if judge and name in _JUDGED.values() else f"{value:.3f}"


def _beside(told: Mapping[str, Any]) -> list[list[str]]:
    """A random source and the ceiling, which say what the scores are worth."""
    judge = told["judge"]
    rows = []
    for title, scores in (("random", judge["baselines"]["random"]), ("ceiling", judge["ceiling"])):
        values = [scores.get(name, {}).get("value") for name in _JUDGED.values()]
        if any(value is not None for value in values):
            cells = [
                "" if value is None else _digits(name, value, judge)
                for name, value in zip(_JUDGED.values(), values, strict=True)
            ]
            rows.append([title, *([""] * len(_QUALITY)), *cells])
    return rows


def _show_contrasts(told: Mapping[str, Any]) -> None:
    """The reference less each other variant: EQC paired by seed, scores paired by target."""
    from dsim.ui import print_table

    rows = [
        ["EQC", one["second"], *_difference("eqc", one["mean"], one, told), f"{one['n']} seeds"]
        for one in told["eqc_contrasts"]
    ]
    rows += [
        [title, one["second"], *_difference(name, one["difference"], one, told), f"{one['targets']} targets"]
        for title, name in _JUDGED.items()
        for one in told["contrasts"]
        if one["score"] == name
    ]
    if rows:
        columns = ["score", "less that of", "difference", "95 % interval", "p", "paired over"]
        print_table(f"{told['reference']} against the others", columns, rows, right=columns[2:5])


def _difference(name: str, value: float | None, one: Mapping[str, Any], told: Mapping[str, Any]) -> list[str]:
    if value is None:
        return ["none", "", ""]
    judge = told["judge"]
    bounds = [one["low"], one["high"]]
    interval = "" if None in bounds else " to ".join(_digits(name, bound, judge) for bound in bounds)
    p = one.get("p_adjusted", one["p"])
    return [_digits(name, value, judge), interval, "" if p is None else f"{p:.2g}"]


def _show_cost(told: Mapping[str, Any]) -> None:
    from dsim.ui import print_table

    columns = ["variant", "GMAC", "parameters", "training s", "images/s", "epochs", "embedding s", "of images"]
    rows = [
        [
            one["title"],
            f"{one['gmac']:.3f}",
            f"{one['parameters']:,}",
            f"{one['mean']['training_seconds']['mean']:.1f}",
            f"{one['mean']['images_per_second']['mean']:.1f}",
            ", ".join(dict.fromkeys(str(run["epochs"]) for run in one["runs"])),
            f"{one['mean']['embedding_seconds']['mean']:.2f}",
            str(one["embedded"]),
        ]
        for one in told["variants"]
    ]
    print_table("cost of one training", columns, rows, right=columns[1:])
