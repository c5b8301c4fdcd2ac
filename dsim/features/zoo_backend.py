"""Models of the zoo and networks that lie on disk as extractors; a manifest identifies a model's features."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import UsageError, WeightsError
from dsim.features.extractor import Blueprint, Recipe, check_options
from dsim.features.network import layer_and_pooling, opener
from dsim.registry import format_bracketed

if TYPE_CHECKING:
    from dsim.runtime import Runtime
    from dsim.zoo import Model


OPTIONS = ("layer", "pool", "weights")
FILE_OPTIONS = ("arch", "layer", "pool", "transform")


def prepare(name: str, options: Mapping[str, str], runtime: Runtime) -> Blueprint:
    """The zoo model of that id; ``weights=FILE`` supplies its weights where they are not shipped.

    Raises UnknownNameError for an unknown id or option, UsageError for a model that segments.
    """
    from dsim.zoo import find

    return blueprint(f"zoo:{name}", find(name), options)


def blueprint(reference: str, model: Model, options: Mapping[str, str]) -> Blueprint:
    """Return the blueprint of a model; the weights are verified against the manifest when it is opened.

    Raises UsageError for a model that segments: it gives masks, not features.
    """
    from dsim.features.transforms import parse_transform

    check_options("zoo", options, OPTIONS)
    if model.segments:
        raise UsageError(
            f"zoo model {model.id!r} segments images and gives no features",
            hint=f"apply it: dsim prelabel TARGET --model zoo:{model.id} --out DIR",
        )
    layer, pooling = layer_and_pooling(options)
    if "weights" in options:
        model = replace(model, weights=Path(options["weights"]))
    recipe = Recipe(
        reference=format_bracketed(reference, options),
        network=f"zoo:{model.id}",
        weights=model.sha256,
        transform=parse_transform(model.transform).id,
        layer=layer,
        pooling=pooling,
    )
    return Blueprint(recipe, opener(model.build, recipe))


def prepare_file(name: str, options: Mapping[str, str], runtime: Runtime) -> Blueprint:
    """``file:FOLDER``, like a zoo model; or ``file:PATH[arch=resnet18]``, the weights of a network of timm.

    Raises WeightsError for a missing file, and UsageError where the architecture is missing.
    """
    path = Path(name).expanduser()
    if path.is_dir():
        from dsim.zoo import read_model

        return blueprint(f"file:{name}", read_model(path), options)
    check_options("file", options, FILE_OPTIONS)
    if not path.is_file():
        raise WeightsError(f"weights {path} do not exist", hint="give a folder with manifest.toml, or a weights file")
    if "arch" not in options:
        raise UsageError(f"{path} does not say which network it belongs to", hint=f"file:{name}[arch=resnet18]")
    return _timm_network(name, path, dict(options), runtime)


def _timm_network(name: str, path: Path, options: dict[str, str], runtime: Runtime) -> Blueprint:
    from dsim.features import timm_backend

    reference = format_bracketed(f"file:{name}", options)
    found = timm_backend.prepare(options.pop("arch"), {**options, "weights": str(path)}, runtime)
    return Blueprint(replace(found.recipe, reference=reference), found.open)
