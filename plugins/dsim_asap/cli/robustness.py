"""``dsim asap robustness``: wrong dataset membership of some of the images, and what is left of each measure."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from dsim.ui import options as common
from dsim_asap.cli import options

_MEASURES = ("asap:fit=pool", "frechet", "kid", "mmd", "cc")
_TITLES = {"spearman": "correlation", "same_nearest": "same nearest %", "regret": "regret", "top1": "top-1 %"}


@click.command()
@options.sources
@options.targets
@options.out
@click.option(
    "--measure",
    "measures",
    multiple=True,
    metavar="NAME[:PARAM=VALUE,...]",
    help=f"Measure; may be repeated. Default: {', '.join(_MEASURES)}.",
)
@click.option("--shares", default="0.05,0.1,0.2,0.5", show_default=True, help="Shares of the images, with commas.")
@click.option("--seeds", type=click.IntRange(min=1), default=3, show_default=True, help="Repetitions.")
@common.seed
@click.option("--truth", metavar="NAME|FILE", help="Measured transfer that judges; dsim truth lists it.")
@click.option("--common", "intersect", is_flag=True, help="Judge the datasets that study and truth both name.")
@common.device
@common.offline
@common.as_json
def robustness(
    sources: Sequence[str],
    targets: Sequence[str],
    out: Path,
    measures: Sequence[str],
    shares: str,
    seeds: int,
    seed: int,
    truth: str | None,
    intersect: bool,
    device: str,
    offline: bool,
    as_json: bool,
) -> int:
    """Change images of the sources for images of other sources, and measure again.

    Targets stay as they are. Stopped, the same command goes on, and repeats nothing. The folder gets robustness.json
    and robustness.png.
    """
    from dsim.data.opener import open_many
    from dsim.measures import build_measure
    from dsim.truth import open_truth
    from dsim.ui import emit_json, make_runtime, stderr
    from dsim_asap.studies.robustness import Study
    from dsim_asap.studies.robustness import robustness as run
    from dsim_asap.studies.robustness_picture import draw_robustness
    from dsim_asap.studies.writing import write

    chosen = [build_measure(text) for text in dict.fromkeys(measures or _MEASURES)]
    pool = open_many(sources)
    wanted = open_many(targets) if targets else pool
    judge = open_truth(truth) if truth else None
    study = Study(pool, wanted, chosen, read_shares(shares), tuple(range(seed, seed + seeds)), judge, intersect)
    told = run(study, out, make_runtime(device, offline))
    write(out / "robustness.json", told)
    draw_robustness(told, out / "robustness.png")
    if as_json:
        emit_json(told)
    else:
        _show(told)
    stderr().print(f"note: written: {out / 'robustness.json'}, {out / 'robustness.png'}", markup=False)
    return 3 if told["failed"] else 0


def read_shares(text: str) -> tuple[float, ...]:
    """Shares as a command line gives them, each once, ascending; UsageError for what is none.

    >>> read_shares("0.5,0.05")
    (0.05, 0.5)
    """
    from dsim.errors import UsageError

    try:
        shares = sorted({float(part) for part in text.split(",") if part.strip()})
    except ValueError:
        shares = []
    if not shares or not all(0 < share <= 1 for share in shares):
        raise UsageError(f"--shares {text} are no shares of images", hint="write --shares 0.05,0.1,0.2,0.5")
    return tuple(shares)


def _show(told: Mapping[str, Any]) -> None:
    """One row for each measure and share; share 0 is the same images with the next seed."""
    from dsim.ui import print_table

    titles = [_TITLES[name] for name in told["quantities"]]
    rows = [
        [curve["measure"], f"{100 * curve['share']:g} %", *(_cell(name, curve[name]) for name in told["quantities"])]
        for curve in told["curves"]
    ]
    seeds = len(told["seeds"])
    title = (
        f"wrong membership, mean±deviation over {seeds} seed{'s' * (seeds > 1)}; 0 %: the next seed's clean distances"
    )
    print_table(title, ["measure", "wrong", *titles], rows, right=["wrong", *titles])


def _cell(name: str, found: Mapping[str, Any]) -> str:
    if found["mean"] is None:
        return "none"
    scale, digits = (100, 0) if name in ("same_nearest", "top1") else (1, 2)
    deviation = "" if found["sd"] is None else f"±{scale * found['sd']:.{digits}f}"
    return f"{scale * found['mean']:.{digits}f}{deviation}"
