"""``dsim zoo``: list, show, check and add models."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.cli.completion import zoo_ids
from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.zoo import Model


@click.group()
def zoo() -> None:
    """List, show, check and add zoo models. To train one: dsim train."""


@zoo.command("list")
@options.wide
@options.as_json
def list_(as_json: bool) -> None:
    """List the models."""
    from dsim.store.maintenance import format_size
    from dsim.ui import emit_json, print_table
    from dsim.zoo import models

    known = models()
    if as_json:
        return emit_json([_document(model) for model in known])
    rows = [
        [model.id, _marks(model), model.title, _gives(model), format_size(model.manifest["weights"]["size"])]
        for model in known
    ]
    columns = ["id", "marks", "title", "gives", "weights"]
    look = {"whole": ["id", "gives"], "prose": ["marks", "title"], "optional": ["marks", "gives", "title", "weights"]}
    return print_table("", columns, rows, right=["weights"], **look)


@zoo.command()
@click.argument("id", shell_complete=zoo_ids)
@options.as_json
def show(id: str, as_json: bool) -> None:
    """Show a model's card: data, licences, settings, results."""
    from dsim.errors import DataError
    from dsim.ui import emit_json
    from dsim.zoo import find

    model = find(id)
    if as_json:
        return emit_json(_document(model))
    card = model.folder / "card.md"
    try:
        text = card.read_text(encoding="utf-8")
    except OSError as error:
        raise DataError(
            f"cannot read {card}: {error.strerror}", hint="dsim zoo show ID --json shows the manifest"
        ) from error
    return click.echo(text.rstrip())


@zoo.command()
@click.argument("id", required=False, shell_complete=zoo_ids)
@options.as_json
def verify(id: str | None, as_json: bool) -> int:
    """Check weights and probe of one model, or of all; leaves with 1 if any fails."""
    from dsim.ui import emit_json, print_table
    from dsim.zoo import find, models

    faults = {model.id: _fault(model) for model in ([find(id)] if id else models())}
    if as_json:
        emit_json([{"id": name, "sound": not fault, "reason": fault} for name, fault in faults.items()])
    else:
        rows = [[name, fault or "sound"] for name, fault in faults.items()]
        print_table("", ["id", "state"], rows, whole=["id"], prose=["state"])
    return 1 if any(faults.values()) else 0


@zoo.command()
@click.argument("folder", type=click.Path(file_okay=False, path_type=Path))
@click.option("--force", is_flag=True, help="Replace another model of that id in the user's zoo.")
def add(folder: Path, force: bool) -> None:
    """Check the model in FOLDER, and copy it into the user's zoo.

    It is then zoo:ID for every command. The user's zoo is $DSIM_ZOO, or a folder in the user's data folder.
    """
    from dsim.ui import say
    from dsim.zoo import add_model

    model, replaced = add_model(folder, force=force)
    if replaced is not None:
        say(f"note: {model.id} now names weights {model.sha256[:12]}, and no more {replaced.sha256[:12]}")
    say(f"added {model.folder}")
    click.echo(f"zoo:{model.id}")


@zoo.command(hidden=True)
@click.argument("name", shell_complete=completion.trainers)
@options.sources("Datasets to train on.", required=True)
@options.out_folder(required=True, help="Folder of the model.")
@options.seed
@options.device
@click.option(
    "--set", "settings", multiple=True, metavar="KEY=VALUE", help="A setting of the training; may be repeated."
)
@options.skip_unreadable
def train(
    name: str,
    sources: Sequence[str],
    out: Path,
    seed: int,
    device: str,
    settings: Sequence[str],
    skip_unreadable: bool,
) -> None:
    """Train as dsim train NAME does: the older form of that command."""
    from dsim.cli.train import run_trainer
    from dsim.ui import say

    say(f"note: dsim zoo train is now: dsim train {name} DATASET... --out {out} -p KEY=VALUE")
    run_trainer(name, sources, out, settings, "", None, seed, device, True, skip_unreadable)
    click.echo(out)


def _document(model: Model) -> dict[str, Any]:
    return {**model.manifest, "folder": str(model.folder)}


def _marks(model: Model) -> str:
    """What a model marks, in the plural; empty for one that gives features."""
    return model.marks if model.segments else ""


def _gives(model: Model) -> str:
    """The output of a model, how good its masks are, where its manifest says so, and whether a newer replaces it."""
    if not model.segments:
        dim = model.manifest["output"]["dim"]
        return f"{dim} feature{'s' if dim > 1 else ''}"
    dice = model.manifest["training"].get("dice_held_out")
    newer = "" if model.replaced_by is None else ", replaced"
    return f"masks{newer}" if dice is None else f"masks, Dice {dice:.0f} %{newer}"


def _fault(model: Model) -> str:
    """The fault of a model; empty where nothing is."""
    from dsim.errors import DsimError

    try:
        model.build()
    except DsimError as error:
        return error.message
    return ""
