"""The card of an extended model: what it came from, what it learnt from, and how far it moved."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsim.files import write_text
from dsim_asap.card import draw, how, settings, table

_CURVES = ("held", "held_style", "triplet", "style_triplet")


def write_card(folder: Path) -> None:
    """Write ``card.md`` and ``curves.png`` from the folder's ``manifest.toml`` and ``curves.json``."""
    manifest = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))
    curves = json.loads((folder / "curves.json").read_text(encoding="utf-8"))
    draw(curves, manifest["training"]["kept_epoch"], folder / "curves.png", _CURVES)
    write_text(folder / "card.md", _text(manifest))


def _text(manifest: Mapping[str, Any]) -> str:
    training, weights = manifest["training"], manifest["weights"]
    origin = training["extends"]
    sections = [
        f"# {manifest['id']}",
        manifest["title"] + ".",
        f"Use: {manifest['use']['intended']}.\nLimits: {manifest['use']['limits']}.",
        f"Licence of the weights: {weights['licence']}.",
        f"It extends `{origin['id']}` (weights of sha256 `{origin['sha256']}`): network, input and what its points mean"
        f" are that model's. Its own weights: {weights['dtype']}, {weights['size'] / 1e6:.1f} MB, sha256"
        f" `{weights['sha256']}`.",
        "## What it changed",
        "Measured on the exemplars and new images that it was trained on: nothing was held out.",
        table(("measure", "value"), _changes(training)),
        "## Training",
        f"By {training['method']}. {how(training)}",
        "![losses by epoch](curves.png)",
        *settings(training),
        "## Data",
        "Images only: no label and no mask was read.",
        table(("dataset", "images", "learnt from now", "role", "licence"), _data(training)),
    ]
    return "\n\n".join(sections) + "\n"


def _changes(training: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What is NaN is not in the manifest, and not told."""
    told = {
        "eqc_before": ("EQC before, Eq. 8 to 11 (lower is better)", ".3f"),
        "eqc_after": ("EQC after", ".3f"),
        "moved": ("mean way of the exemplars in the latent space", ".3g"),
        "moved_share": ("the same, as a share of the mean distance between the known datasets", ".1%"),
    }
    rows = [(text, format(training[name], form)) for name, (text, form) in told.items() if name in training]
    return rows + [(f"nearest known dataset of {name}", near) for name, near in training["nearest"].items()]


def _data(training: Mapping[str, Any]) -> list[tuple[str, ...]]:
    """The whole pool; datasets of the parent's that had no exemplars learnt nothing, and nothing held them."""
    counts = {**training["memory"], **training["images"]}
    return [
        (
            entry["name"],
            str(entry["n"]),
            str(counts.get(entry["name"], 0)),
            "new" if entry["name"] in training["images"] else "known",
            entry["licence"],
        )
        for entry in training["pool"]
    ]
