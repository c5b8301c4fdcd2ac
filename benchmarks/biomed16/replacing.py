"""Older models of the zoo that newer ones of the same source replace: their manifest and card say so."""

from __future__ import annotations

import tomllib
from pathlib import Path

import tomli_w

from dsim.files import write_text
from dsim.zoo.manifest import NAME


def mark_replaced(zoo: Path, old: str, new: str) -> bool:
    """Say on the card and in the manifest of model ``old`` that ``new`` is to be used; False where there is no old one.

    Weights, probe and id stay: what was made with it can be made again.
    """
    folder = zoo / old
    if not (folder / NAME).is_file():
        return False
    document = tomllib.loads((folder / NAME).read_text("utf-8"))
    document["training"]["replaced_by"] = new
    write_text(folder / NAME, tomli_w.dumps(document))
    title, first, rest = (folder / "card.md").read_text("utf-8").split("\n\n", 2)
    note = f"**Replaced** by [{new}](../{new}/card.md). It stays, so that what was made with it can be made again."
    if not rest.startswith("**Replaced**"):
        write_text(folder / "card.md", "\n\n".join([title, first, note, rest]))
    return True
