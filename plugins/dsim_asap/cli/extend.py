"""``dsim asap extend``: a trained model grows by new datasets, without training anew."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from dsim.ui import options
from dsim_asap.cli.options import settings


@click.command()
@click.option("--model", required=True, metavar="zoo:ID|file:FOLDER", help="The trained model to extend.")
@options.datasets("--known", required=True, help="Datasets of its pool, to rehearse.")
@options.datasets("--new", required=True, help="Datasets to extend it by.")
@click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the extended model."
)
@click.option("--images", type=int, help="Images of each new dataset that it learns from; default: all.")
@click.option("--memory", type=int, default=20, show_default=True, help="Exemplars of each known dataset.")
@click.option(
    "--method",
    type=click.Choice(["distillation", "rehearsal"]),
    default="distillation",
    show_default=True,
    help="Whether exemplars are held where they were.",
)
@click.option("--epochs", type=click.IntRange(min=1), help="Passes over memory or new images; default: 20.")
@settings
@options.seed
@options.device
@options.as_json
def extend(
    model: str,
    known: Sequence[str],
    new: Sequence[str],
    out: Path,
    images: int | None,
    memory: int,
    method: str,
    epochs: int | None,
    settings: Sequence[str],
    seed: int,
    device: str,
    as_json: bool,
) -> None:
    """Add new datasets to a trained model, for asap:model=file:FOLDER.

    The encoder learns to tell the new datasets from exemplars of the known ones, which are held where they were.
    Stopped at any moment, the same command goes on from there.
    """
    from dsim.data.opener import open_many
    from dsim.plugin import parse_options
    from dsim.ui import make_runtime
    from dsim_asap.incremental.extending import Order
    from dsim_asap.incremental.extending import extend as extend_model
    from dsim_asap.incremental.parent import open_parent

    texts = [*settings, *([f"epochs={epochs}"] if epochs else [])]
    order = Order(method, images, memory, seed, parse_options(",".join(texts)) if texts else {})
    how = make_runtime(device)
    results = extend_model(open_parent(model), open_many(known), open_many(new), out, order, how)
    _show(out, results, as_json)


def _show(out: Path, results: Mapping[str, Any], as_json: bool) -> None:
    from dsim.ui import emit_json, stderr

    if as_json:
        known = {name: value if value == value else None for name, value in results.items()}
        emit_json({"folder": str(out), **known})
        return
    click.echo(out)
    stderr().print(
        f"EQC of exemplars and new images: {results['eqc_before']:.3f} before, {results['eqc_after']:.3f} after"
    )
    stderr().print(
        f"exemplars moved by {results['moved']:.3g}, {results['moved_share']:.1%} of the mean distance between datasets"
    )
    for name, near in results["nearest"].items():
        stderr().print(f"nearest known dataset of {name}: {near}", markup=False)
