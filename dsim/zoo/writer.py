"""Write a trained model as a folder of the zoo, with manifest, card, probe and curves; add one to the user's zoo."""

from __future__ import annotations

import json
import math
import shutil
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, DsimError, UsageError
from dsim.files import file_sha256, replacing, write_text
from dsim.zoo.manifest import NAME
from dsim.zoo.model import Model, ask, ramp, read_model, readable_models, user_zoo

if TYPE_CHECKING:
    from torch import Tensor

    from dsim.data import Dataset

CARD, CURVES, PICTURE = "card.md", "curves.json", "curves.png"
#: What is copied into the zoo besides manifest and weights: what people read, and nothing to train on.
_READABLE = {".md", ".json", ".png", ".svg", ".txt"}
#: Columns of curves beyond which a picture cannot be read.
_MOST_CURVES = 6


@dataclass(frozen=True, kw_only=True)
class ModelDescription:
    """All that manifest and card say of a model besides the properties of its weights.

    Parameters
    ----------
    id : ``<arch>.<training>.<rev>``. ``title`` : one line without a full stop.
    builder : ``"module:function"``, which builds the network from a ``Model``.
    licence : of the weights. ``dtype`` : of the weights in the file.
    side, channels, mean, std, transform : of the input; ``mean`` and ``std`` hold one number per channel.
    dim, kind : of the output: ``latent``, ``features``, or ``segmentation`` (``dim`` 1).
    features : dimensions of the layer ``features`` of a map; 0 for other models.
    architecture : what the builder needs to know.
    training : how it was trained and what came of it, as plain values. ``seconds``, ``epochs``, ``device``, ``seed``,
        ``kept_epoch``, ``settings`` and ``versions`` are put into words on the card.
    pool : the datasets that it was trained on, each as ``pool_entry`` gives it.
    use : ``intended`` and ``limits``, in words.
    """

    id: str
    title: str
    builder: str
    licence: str
    side: int
    transform: str
    dim: int
    pool: Sequence[Mapping[str, Any]]
    use: Mapping[str, str]
    kind: str = "latent"
    features: int = 0
    channels: int = 3
    mean: Sequence[float] = (0.0, 0.0, 0.0)
    std: Sequence[float] = (1.0, 1.0, 1.0)
    dtype: str = "float32"
    architecture: Mapping[str, Any] = field(default_factory=dict)
    training: Mapping[str, Any] = field(default_factory=dict)


def write_model(
    folder: Path,
    description: ModelDescription,
    weights: Mapping[str, Tensor] | Path,
    *,
    sections: Mapping[str, str] | None = None,
    curves: Sequence[Mapping[str, float]] = (),
    shown: Sequence[str] = (),
    file: str = "model.safetensors",
    digits: int | None = None,
    tolerance: float = 1e-3,
) -> Model:
    """Write a folder of the zoo, the manifest last: a folder that has one is complete. Returns the model.

    Parameters
    ----------
    weights : tensors by name, whose floating ones are written in ``description.dtype``; or a safetensors file.
    sections : Markdown texts of the card by heading; ``Training``, ``Data`` and ``Weights`` replace those made here.
    curves : one mapping of losses per epoch; ``val_NAME`` is NAME on validation images. ``shown`` : those in the
        picture; by default the first six.
    file : name of the weights file. ``digits`` : significant digits of the probe's expected features; None for all.

    Raises UsageError where the folder holds another model already, DataError where the manifest would be wrong.
    """
    import tomli_w

    path = folder / file
    if (folder / NAME).exists():
        return _same_model(folder, description, weights)
    _write_weights(path, weights, description.dtype)
    manifest = _without_unknown({**_manifest(description, path), "probe": {}})
    manifest["probe"] = _probe(Model(description.id, folder, manifest, path), digits, tolerance)
    if curves:
        write_text(folder / CURVES, json.dumps(list(curves), indent=1) + "\n")
        draw_curves(curves, folder / PICTURE, shown, description.training.get("kept_epoch"))
    write_text(folder / CARD, card_text(manifest, sections or {}, has_curves=bool(curves)))
    write_text(folder / NAME, tomli_w.dumps(manifest))
    try:
        return read_model(folder)
    except DataError:
        (folder / NAME).unlink()
        raise


def pool_entry(dataset: Dataset) -> dict[str, Any]:
    """Return what a manifest says of a dataset that a model was trained on: name, n, images_fingerprint, licence.

    The licence is the one that META.json in its folder states, or its attributes.
    """
    from dsim.data import described

    stated = described(dataset) or dataset.attributes
    return {
        "name": dataset.name,
        "n": len(dataset),
        "images_fingerprint": dataset.images_fingerprint,
        "licence": str(stated.get("licence", "not stated")),
    }


def add_model(folder: Path, *, force: bool = False) -> tuple[Model, Model | None]:
    """Copy a model's folder into the user's zoo, where ``zoo:ID`` finds it; returns the model, and what it replaced.

    Its manifest, the digest of its weights and its probe are checked first, and the copy appears whole or not at all.
    A model that is there already is left as it is. ``force`` replaces another one of that id in the user's zoo.

    Raises DataError for a wrong manifest, WeightsError for wrong weights or a failed probe, and UsageError where the
    id names another model already.
    """
    model = read_model(folder)
    model.build()
    target = user_zoo() / model.id
    known = readable_models().get(model.id)
    if known is not None and known.sha256 == model.sha256 and known.manifest == model.manifest:
        return known, None
    if known is not None and (known.folder.parent != user_zoo() or not force):
        raise _taken(model, known, target)
    _copy_folder(model, target if known is None else known.folder)
    return read_model(target if known is None else known.folder), known


def _taken(model: Model, known: Model, target: Path) -> UsageError:
    own = known.folder.parent == target.parent
    return UsageError(
        f"the id {model.id!r} names another model already: {known.folder} (weights {known.sha256[:12]}, here"
        f" {model.sha256[:12]})",
        hint="raise the revision in manifest.toml" + (", or replace that model: --force" if own else ""),
    )


def _copy_folder(model: Model, target: Path) -> None:
    """Copy under a hidden name, verify, then rename; a model that was there is moved away first and removed last."""
    try:
        target.parent.mkdir(parents=True, exist_ok=True)
        workshop = Path(tempfile.mkdtemp(dir=target.parent, prefix=f".{model.id}-"))
    except OSError as error:
        raise DsimError(f"cannot write {target}: {error.strerror}", hint="set DSIM_ZOO to another folder") from error
    try:
        copy = workshop / "new"
        copy.mkdir()
        for path in sorted(model.folder.iterdir()):
            if path.is_file() and (path.name in (NAME, model.weights.name) or path.suffix in _READABLE):
                shutil.copy2(path, copy / path.name)
        read_model(copy).verify()
        if target.exists():
            target.rename(workshop / "old")
        copy.rename(target)
    except OSError as error:
        raise DsimError(f"cannot write {target}: {error.strerror}", hint="free disk space, or set DSIM_ZOO") from error
    finally:
        shutil.rmtree(workshop, ignore_errors=True)


def _write_weights(path: Path, weights: Mapping[str, Tensor] | Path, dtype: str) -> None:
    if isinstance(weights, Path):
        if weights.resolve() != path.resolve():
            with replacing(path) as temporary:
                shutil.copyfile(weights, temporary)
        return
    import torch
    from safetensors.torch import save_file

    wanted = getattr(torch, dtype)
    tensors = {
        name: (tensor.to(wanted) if tensor.is_floating_point() else tensor).detach().cpu().contiguous()
        for name, tensor in weights.items()
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary)


def _same_model(folder: Path, description: ModelDescription, weights: Mapping[str, Tensor] | Path) -> Model:
    """The model of a folder, where it is the one that is to be written: an interrupted run has come again."""
    model = read_model(folder)
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / model.weights.name
        _write_weights(path, weights, description.dtype)
        if model.id != description.id or file_sha256(path) != model.sha256:
            raise UsageError(f"{folder} holds a model already", hint="a model never changes: choose another folder")
    return model


def _manifest(description: ModelDescription, weights: Path) -> dict[str, Any]:
    return {
        "id": description.id,
        "title": description.title,
        "builder": description.builder,
        "architecture": description.architecture,
        "weights": {
            "file": weights.name,
            "size": weights.stat().st_size,
            "sha256": file_sha256(weights),
            "dtype": description.dtype,
            "licence": description.licence,
        },
        "input": {
            "channels": description.channels,
            "side": description.side,
            "transform": description.transform,
            "mean": description.mean,
            "std": description.std,
        },
        "output": {
            "dim": description.dim,
            "kind": description.kind,
            **({"features": description.features} if description.features else {}),
        },
        "training": {**description.training, "pool": description.pool},
        "use": description.use,
    }


def _without_unknown(value: Any) -> Any:
    """Plain values without entries that are None or NaN, which TOML or its readers do not have."""
    if isinstance(value, Mapping):
        unknown = [key for key, item in value.items() if item is None or (isinstance(item, float) and math.isnan(item))]
        return {key: _without_unknown(item) for key, item in value.items() if key not in unknown}
    return [_without_unknown(item) for item in value] if isinstance(value, list | tuple) else value


def _probe(model: Model, digits: int | None, tolerance: float) -> dict[str, Any]:
    """The answer to two known images of the network that the builder makes of the written weights."""
    from dsim.registry import load

    size = model.manifest["input"]
    rows = ask(load(model.manifest["builder"])(model), ramp(2, size["channels"], size["side"])).tolist()
    expected = rows if digits is None else [[float(f"{value:.{digits}g}") for value in row] for row in rows]
    return {"recipe": "ramp@1", "expected": expected, "tolerance": tolerance}


def card_text(manifest: Mapping[str, Any], sections: Mapping[str, str], *, has_curves: bool = False) -> str:
    """Return the card of a model as Markdown: what it is and is for, the given sections, training, data, weights."""
    use, training = manifest["use"], manifest["training"]
    head = [
        f"# {manifest['id']}",
        f"{manifest['title']}.",
        "\n".join(
            f"{heading}: {use[key]}." for key, heading in (("intended", "Use"), ("limits", "Limits")) if key in use
        ),
        f"Licence of the weights: {manifest['weights']['licence']}.",
    ]
    last = {
        "Training": "\n\n".join(training_texts(training, has_curves=has_curves)),
        "Data": markdown_table(
            ("dataset", "images", "licence"),
            [(entry["name"], str(entry["n"]), entry["licence"]) for entry in training["pool"]],
        ),
        "Weights": weights_text(manifest),
    }
    ordered = {**{name: text for name, text in sections.items() if name not in last}, **last, **sections}
    body = [part for heading, text in ordered.items() if text for part in (f"## {heading}", text)]
    return "\n\n".join([*head, *body]) + "\n"


def training_texts(training: Mapping[str, Any], *, has_curves: bool = False) -> list[str]:
    """Return paragraphs on a training: time, device, seed, epoch; the picture of its curves; settings; libraries."""
    texts = []
    if {"seconds", "epochs", "device"} <= set(training):
        precision = "" if "bfloat16" not in training else " (bfloat16)" if training["bfloat16"] else " (float32)"
        kept = f"; the weights of epoch {training['kept_epoch']} were kept" if "kept_epoch" in training else ""
        texts.append(
            f"{training['seconds'] / 60:.0f} minutes for {training['epochs']} epochs on {training['device']}"
            f"{precision}, seed {training.get('seed', 0)}{kept}."
        )
    if has_curves:
        texts.append(f"![losses by epoch]({PICTURE})")
    for key, heading, joint in (("settings", "All settings", "="), ("versions", "Libraries", " ")):
        if training.get(key):
            parts = (f"{name}{joint}{_plain(value)}" for name, value in training[key].items())
            texts.append(f"{heading}: {', '.join(parts)}.")
    return texts


def weights_text(manifest: Mapping[str, Any]) -> str:
    """Return a sentence on the weights: their type, size and digest, and what goes in and comes out."""
    weights, size, output = manifest["weights"], manifest["input"], manifest["output"]
    return (
        f"{weights['dtype']}, {weights['size'] / 1e6:.2f} MB, sha256 `{weights['sha256']}`. Input: {size['side']} x"
        f" {size['side']} pixels, {size['channels']} channels, `{size['transform']}`. Output: {output['dim']}"
        f" dimensions, {output['kind']}."
    )


def markdown_table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    """Return a Markdown table.

    >>> print(markdown_table(("set", "images"), [("a|b", "3")]))
    | set | images |
    | --- | --- |
    | a/b | 3 |
    """
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(cell.replace("|", "/") for cell in line) + " |" for line in lines)


def _plain(value: Any) -> str:
    return "/".join(map(str, value)) if isinstance(value, list | tuple) else str(value)


def draw_curves(
    curves: Sequence[Mapping[str, float]], path: Path, shown: Sequence[str] = (), kept_epoch: int | None = None
) -> None:
    """Draw curves by epoch as a PNG: training, ``val_NAME`` as validation, and a line at the kept epoch.

    Raises DsimError where it cannot be written.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure

    names = list(shown) or [name for name in curves[0] if not name.startswith("val_")][:_MOST_CURVES]
    figure = Figure(figsize=(2 * len(names), 2.4), layout="constrained")
    epochs = range(1, len(curves) + 1)
    for axes, name in zip(figure.subplots(1, len(names), squeeze=False)[0], names, strict=True):
        for column, label, colour in ((name, "training", "C0"), (f"val_{name}", "validation", "C1")):
            if column in curves[0]:
                axes.plot(epochs, [row[column] for row in curves], label=label, color=colour, linewidth=1)
        if kept_epoch is not None:
            axes.axvline(kept_epoch, color="0.7", linewidth=1, linestyle=":")
        axes.set(title=name.replace("_", " "), xlabel="epoch", ylim=(0, None))
    figure.axes[0].legend(fontsize=7)
    FigureCanvasAgg(figure)
    with replacing(path) as temporary:
        figure.savefig(temporary, dpi=80, format="png")
