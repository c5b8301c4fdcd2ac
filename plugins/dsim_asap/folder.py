"""A trained model as a folder of the zoo: encoder weights, manifest, curves and card."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dsim.features import Square
from dsim.files import write_text
from dsim.zoo import ModelDescription, markdown_table, pool_entry, training_texts, write_model
from dsim_asap.encoder import BUILDER
from dsim_asap.model import MEAN, STD
from dsim_asap.objective import Trained, architecture
from dsim_asap.specs import TRAINING, AsapRecipe

if TYPE_CHECKING:
    from dsim.data import Dataset

#: Columns of the curves that are drawn: of a training, of an extension.
_CURVES = ("mse", "style", "triplet", "style_triplet", "eqc")
_CURVES_OF_EXTENSION = ("held", "held_style", "triplet", "style_triplet")
_QUALITY = {
    "eqc_paper": ("EQC of the training pool, Eq. 8 to 11 (lower is better)", ".3f"),
    "eqc_reference": ("EQC of the training pool, form of the reference code", ".3f"),
    "eqc_heldout_paper": ("EQC of the held-out images, Eq. 8 to 11", ".3f"),
    "heldout_placement": ("held-out images whose nearest dataset centre is their own's", ".1%"),
}
_CHANGES = {
    "eqc_before": ("EQC before, Eq. 8 to 11 (lower is better)", ".3f"),
    "eqc_after": ("EQC after", ".3f"),
    "moved": ("mean way of the exemplars in the latent space", ".3g"),
    "moved_share": ("the same, as a share of the mean distance between the known datasets", ".1%"),
}


@dataclass(frozen=True)
class Description:
    """All that the trainer cannot know: the model's name, licence and use, and the whole datasets of its pool.

    ``known`` are the entries of datasets that its parent was trained on, where it extends another model.
    """

    id: str
    title: str
    licence: str
    pool: Sequence[Dataset]
    results: Mapping[str, Any] = field(default_factory=dict)
    use: Mapping[str, str] = field(default_factory=dict)
    known: Sequence[Mapping[str, Any]] = ()


def write_folder(
    folder: Path,
    trained: Trained,
    recipe: AsapRecipe,
    seed: int,
    description: Description,
    dtype: torch.dtype = torch.float32,
) -> None:
    """Write weights, curves, card and, last, the manifest: a folder that has one is complete.

    Curves are drawn for models that people keep: those with an intended use.
    """
    training = _training(trained, recipe, seed, description)
    extended = "extends" in training
    wanted = ModelDescription(
        id=description.id,
        title=description.title,
        builder=BUILDER,
        licence=description.licence,
        side=recipe.size,
        transform=Square(recipe.size, channels=3, minmax=recipe.minmax).id,
        dim=recipe.n_emb,
        pool=[*description.known, *map(pool_entry, description.pool)],
        use=description.use,
        mean=[MEAN] * 3,
        std=[STD] * 3,
        dtype=str(dtype).removeprefix("torch."),
        architecture=architecture(recipe).record(),
        training=training,
    )
    kept = bool(description.use)
    if not kept:
        write_text(folder / "curves.json", json.dumps(trained.curves, indent=1) + "\n")
    sections = _extension_sections(wanted) if extended else _training_sections(wanted) if kept else {}
    write_model(
        folder,
        wanted,
        trained.autoencoder.encoder.state_dict(),
        sections=sections,
        curves=trained.curves if kept else (),
        shown=_CURVES_OF_EXTENSION if extended else _CURVES,
        file="encoder.safetensors",
    )


def _training(trained: Trained, recipe: AsapRecipe, seed: int, description: Description) -> dict[str, Any]:
    import timm

    return {
        "seed": seed,
        "device": trained.device,
        "bfloat16": trained.bfloat16,
        "seconds": round(trained.seconds),
        "epochs": len(trained.curves),
        "kept_epoch": trained.best_epoch,
        **description.results,
        "versions": {"torch": torch.__version__, "timm": timm.__version__, "numpy": np.__version__},
        "settings": recipe.record(),
    }


def _training_sections(model: ModelDescription) -> dict[str, str]:
    training = model.training
    quality = [(text, format(training[name], form)) for name, (text, form) in _QUALITY.items() if name in training]
    change = f"Half precision changes no distance of two datasets by more than {training['half_precision_change']:.2%}."
    blocks = (
        f" or, where it has none, runs of 1/{training['blocks']} of its images in the order of their names: neighbours"
        " can be frames of one video. A set that is a single sequence has neighbours on both sides even so."
    )
    held_out = (
        "Images only: no label and no mask was read. Held-out images neither trained the model nor chose its weights."
        f" {training['holdout']:.0%} of each dataset were held out: whole groups"
        + (blocks if training["blocks"] else " where it has any.")
    )
    held, shares = training["heldout"], training["heldout_placement_per_dataset"]
    rows = [
        (
            entry["name"],
            str(entry["n"]),
            str(len(held.get(entry["name"], ()))),
            f"{shares[entry['name']]:.0%}" if entry["name"] in shares else "",
            entry["licence"],
        )
        for entry in model.pool
    ]
    table = markdown_table(("dataset", "images", "held out", "placed right", "licence"), rows)
    return {
        "Quality": f"{markdown_table(('measure', 'value'), quality)}\n\n{change}",
        "Training": "\n\n".join([*training_texts(training, has_curves=True), _command(model)]),
        "Data": f"{held_out}\n\n{table}",
    }


def _command(model: ModelDescription) -> str:
    """Return the command line that trained the model; only settings that differ from the defaults."""
    training = model.training
    values = {name: tuple(v) if isinstance(v, list) else v for name, v in training["settings"].items()}
    texts = {parameter.name: parameter.format(values[parameter.name]) for parameter in TRAINING}
    changed = {p.name: texts[p.name] for p in TRAINING if texts[p.name] != p.format(p.default)}
    options = {"id": model.id, "holdout": training["holdout"], "blocks": training["blocks"], **changed}
    settings = " ".join(f"-p {name}={value}" for name, value in options.items())
    return f"    dsim train asap DATASET... --out RUN --seed {training['seed']} {settings}"


def _extension_sections(model: ModelDescription) -> dict[str, str]:
    training, origin = model.training, model.training["extends"]
    learnt = {**training["memory"], **training["images"]}
    changes = [(text, format(training[name], form)) for name, (text, form) in _CHANGES.items() if name in training]
    changes += [(f"nearest known dataset of {name}", near) for name, near in training["nearest"].items()]
    # The whole pool: datasets of the parent's that had no exemplars learnt nothing, and nothing held them.
    rows = [
        (
            entry["name"],
            str(entry["n"]),
            str(learnt.get(entry["name"], 0)),
            "new" if entry["name"] in training["images"] else "known",
            entry["licence"],
        )
        for entry in model.pool
    ]
    table = markdown_table(("dataset", "images", "learnt from now", "role", "licence"), rows)
    return {
        "Origin": f"It extends `{origin['id']}` (weights of sha256 `{origin['sha256']}`): network, input and"
        " the meaning of its points are that model's.",
        "Changes": "Measured on the exemplars and new images that it was trained on: nothing was held out.\n\n"
        + markdown_table(("measure", "value"), changes),
        "Training": "\n\n".join([f"By {training['method']}.", *training_texts(training, has_curves=True)]),
        "Data": f"Images only: no label and no mask was read.\n\n{table}",
    }
