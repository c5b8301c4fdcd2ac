"""A trained model as a folder of the zoo: encoder weights, manifest, curves and card."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from dsim.features.transforms import Square
from dsim.files import replacing, write_text
from dsim.zoo.model import ask, ramp
from dsim_asap import encoder as encoders
from dsim_asap.model import MEAN, STD, Encoder
from dsim_asap.specs import TRAINING, AsapRecipe
from dsim_asap.training import Trained, architecture

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset

WEIGHTS = "encoder.safetensors"
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
    """Write weights, curves and, last, the manifest: a folder that has one is complete."""
    import tomli_w

    weights = folder / WEIGHTS
    encoders.save(trained.autoencoder.encoder, weights, dtype)
    write_text(folder / "curves.json", json.dumps(trained.curves, indent=1) + "\n")
    manifest = _manifest(weights, trained, recipe, seed, description, dtype)
    write_text(folder / "manifest.toml", tomli_w.dumps(manifest))


def _manifest(
    weights: Path, trained: Trained, recipe: AsapRecipe, seed: int, description: Description, dtype: torch.dtype
) -> dict[str, Any]:
    saved = encoders.load(weights, architecture(recipe).record())
    return {
        "id": description.id,
        "title": description.title,
        "builder": encoders.BUILDER,
        "architecture": architecture(recipe).record(),
        "weights": {
            "file": weights.name,
            "size": weights.stat().st_size,
            "sha256": hashlib.sha256(weights.read_bytes()).hexdigest(),
            "dtype": str(dtype).removeprefix("torch."),
            "licence": description.licence,
        },
        "input": {
            "channels": 3,
            "side": recipe.size,
            "transform": Square(recipe.size, channels=3, minmax=recipe.minmax).id,
            "mean": [MEAN] * 3,
            "std": [STD] * 3,
        },
        "output": {"dim": recipe.n_emb, "kind": "latent"},
        "training": _training(trained, recipe, seed, description),
        "use": dict(description.use),
        "probe": _probe(saved, recipe.size),
    }


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
        "pool": [*map(dict, description.known), *map(_member, description.pool)],
    }


def _member(dataset: Dataset) -> dict[str, Any]:
    return {
        "name": dataset.name,
        "n": len(dataset),
        "images_fingerprint": dataset.images_fingerprint,
        "licence": _licence(dataset),
    }


def _licence(dataset: Dataset) -> str:
    """As the dataset's attributes state it, or a META.json in its folder."""
    meta = Path(dataset.location) / "META.json"
    stated = json.loads(meta.read_text(encoding="utf-8")) if meta.is_file() else dataset.attributes
    return str(stated.get("licence", "not stated"))


def _probe(encoder: Encoder, side: int) -> dict[str, Any]:
    expected = ask(encoder, ramp(2, 3, side))
    return {"recipe": "ramp@1", "expected": expected.tolist(), "tolerance": 1e-3}


def write_card(folder: Path) -> None:
    """Write ``card.md`` and ``curves.png`` from the folder's ``manifest.toml`` and ``curves.json``."""
    manifest = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))
    curves = json.loads((folder / "curves.json").read_text(encoding="utf-8"))
    training, weights = manifest["training"], manifest["weights"]
    extended = "extends" in training
    columns = _CURVES_OF_EXTENSION if extended else _CURVES
    draw_curves(curves, training["kept_epoch"], folder / "curves.png", columns)
    top = [
        f"# {manifest['id']}",
        manifest["title"] + ".",
        f"Use: {manifest['use']['intended']}.\nLimits: {manifest['use']['limits']}.",
        f"Licence of the weights: {weights['licence']}.",
    ]
    sections = [*top, *(_extension_sections(manifest) if extended else _training_sections(manifest))]
    write_text(folder / "card.md", "\n\n".join(sections) + "\n")


def _training_sections(manifest: Mapping[str, Any]) -> list[str]:
    training, weights = manifest["training"], manifest["weights"]
    precision = f"{weights['dtype']}, {weights['size'] / 1e6:.1f} MB"
    return [
        "## Network",
        f"Encoder `{manifest['architecture']['backbone']}`, {manifest['input']['side']} x {manifest['input']['side']}"
        f" pixels, RGB, `{manifest['input']['transform']}`, to {manifest['output']['dim']} latent dimensions."
        f" Weights: {precision}, sha256 `{weights['sha256']}`."
        f" Half precision changes no distance of two datasets by more than {training['half_precision_change']:.2%}.",
        "## Quality",
        _table(("measure", "value"), _rows(training, _QUALITY)),
        "## Training",
        _sentence(training),
        "![losses and EQC by epoch](curves.png)",
        _command(manifest),
        *_settings(training),
        "## Data",
        "Images only: no label and no mask was read. Held-out images neither trained the model nor chose its weights. "
        + _held_out(training),
        _table(("dataset", "images", "held out", "placed right", "licence"), _pool(training)),
    ]


def _extension_sections(manifest: Mapping[str, Any]) -> list[str]:
    training, weights = manifest["training"], manifest["weights"]
    origin, learnt = training["extends"], {**training["memory"], **training["images"]}
    nearest = [(f"nearest known dataset of {name}", near) for name, near in training["nearest"].items()]
    # The whole pool: datasets of the parent's that had no exemplars learnt nothing, and nothing held them.
    pool = [
        (
            entry["name"],
            str(entry["n"]),
            str(learnt.get(entry["name"], 0)),
            "new" if entry["name"] in training["images"] else "known",
            entry["licence"],
        )
        for entry in training["pool"]
    ]
    return [
        f"It extends `{origin['id']}` (weights of sha256 `{origin['sha256']}`): network, input and what its points mean"
        f" are that model's. Its own weights: {weights['dtype']}, {weights['size'] / 1e6:.1f} MB, sha256"
        f" `{weights['sha256']}`.",
        "## What it changed",
        "Measured on the exemplars and new images that it was trained on: nothing was held out.",
        _table(("measure", "value"), _rows(training, _CHANGES) + nearest),
        "## Training",
        f"By {training['method']}. {_sentence(training)}",
        "![losses by epoch](curves.png)",
        *_settings(training),
        "## Data",
        "Images only: no label and no mask was read.",
        _table(("dataset", "images", "learnt from now", "role", "licence"), pool),
    ]


def _rows(training: Mapping[str, Any], names: Mapping[str, tuple[str, str]]) -> list[tuple[str, str]]:
    return [(text, format(training[name], form)) for name, (text, form) in names.items() if name in training]


def _command(manifest: Mapping[str, Any]) -> str:
    """The command line that trained the model; only settings that differ from the defaults."""
    training = manifest["training"]
    texts = {parameter.name: parameter.format(_setting(training, parameter.name)) for parameter in TRAINING}
    changed = {p.name: texts[p.name] for p in TRAINING if texts[p.name] != p.format(p.default)}
    options = {"id": manifest["id"], "holdout": training["holdout"], "blocks": training["blocks"], **changed}
    settings = " ".join(f"-p {name}={value}" for name, value in options.items())
    return f"    dsim train asap DATASET... --out RUN --seed {training['seed']} {settings}"


def _setting(training: Mapping[str, Any], name: str) -> Any:
    value = training["settings"][name]
    return tuple(value) if isinstance(value, list) else value


def _held_out(training: Mapping[str, Any]) -> str:
    if not training["blocks"]:
        return f"{training['holdout']:.0%} of each dataset were held out: whole groups where it has any."
    return (
        f"{training['holdout']:.0%} of each dataset were held out: whole groups or, where it has none, runs of"
        f" 1/{training['blocks']} of its images in the order of their names: neighbours can be frames of one video."
        " A set that is a single sequence has neighbours on both sides even so."
    )


def _pool(training: Mapping[str, Any]) -> list[tuple[str, ...]]:
    held, shares = training["heldout"], training["heldout_placement_per_dataset"]
    return [
        (
            entry["name"],
            str(entry["n"]),
            str(len(held.get(entry["name"], ()))),
            f"{shares[entry['name']]:.0%}" if entry["name"] in shares else "",
            entry["licence"],
        )
        for entry in training["pool"]
    ]


def _sentence(training: Mapping[str, Any]) -> str:
    """A sentence on the training: time, device, arithmetic, seed, epoch."""
    time = f"{training['seconds'] / 60:.0f} minutes for {training['epochs']} epochs on {training['device']}"
    arithmetic = "bfloat16 where it is safe" if training["bfloat16"] else "float32"
    return f"{time} ({arithmetic}), seed {training['seed']}; the weights of epoch {training['kept_epoch']} were kept."


def _settings(training: Mapping[str, Any]) -> list[str]:
    """Every setting and the versions of the libraries, a paragraph each."""
    return [
        "All settings: " + ", ".join(f"{name}={_plain(value)}" for name, value in training["settings"].items()) + ".",
        "Libraries: " + ", ".join(f"{name} {version}" for name, version in training["versions"].items()) + ".",
    ]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """A Markdown table."""
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)


def _plain(value: Any) -> str:
    return "/".join(map(str, value)) if isinstance(value, list) else str(value)


def draw_curves(curves: Sequence[Mapping[str, float]], kept: int, path: Path, names: Sequence[str]) -> None:
    """These columns by epoch, in training and, where there is any, validation; a line where weights were kept."""
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2 * len(names), 2.4), layout="constrained")
    epochs = range(1, len(curves) + 1)
    for axes, name in zip(figure.subplots(1, len(names)), names, strict=True):
        for column, label, colour in ((name, "training", "C0"), (f"val_{name}", "validation", "C1")):
            if column in curves[0]:
                axes.plot(epochs, [row[column] for row in curves], label=label, color=colour, linewidth=1)
        axes.axvline(kept, color="0.7", linewidth=1, linestyle=":")
        axes.set(title=name.replace("_", " "), xlabel="epoch", ylim=(0, None))
    figure.axes[0].legend(fontsize=7)
    FigureCanvasAgg(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=80, format="png")
