"""Writing a truth, the list of its images and its card beside each other."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsim.files import write_text
from dsim.truth import TransferMatrix

#: Where the images are, seen from the root of the checkout.
DATA = Path(os.environ.get("DSIM_DATA", "../shared/data"))


def command(
    task: str, truth: TransferMatrix, recipe: Mapping[str, Any], usual: Mapping[str, Any], repeated: str
) -> str:
    """The command line that measures a truth again.

    ``recipe`` : its settings; those that differ from the ``usual`` ones are given. ``repeated`` : the option that says
    how often.
    """
    changed = {name: value for name, value in recipe.items() if value != usual.get(name, ...)}
    parts = [f"dsim transfer {task} --sources SETS...", *(f"--set {name}={value}" for name, value in changed.items())]
    parts += [f"{repeated} {truth.repetitions}", *([f"--seed {seed}"] if (seed := truth.provenance["seed"]) else [])]
    return " ".join([*parts, f"--name {truth.name} --data DATA --out RESULTS/truth.json"])


def with_command(truth: TransferMatrix, line: str) -> TransferMatrix:
    """The truth that says by which command line it was measured; a command that it has stays."""
    document = truth.to_dict()
    return TransferMatrix.from_dict(document | {"provenance": {"command": line, **document["provenance"]}})


def write(truth: TransferMatrix, images: str, card: str, out: Path) -> None:
    """truth.json, images.csv and card.md in the folder ``out``."""
    write_text(out / "truth.json", truth.to_json())
    write_text(out / "images.csv", images)
    write_text(out / "card.md", card)
    say(f"wrote truth.json, images.csv and card.md into {out}")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)
