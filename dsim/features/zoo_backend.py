"""Models of the zoo: everything that identifies their features stands in the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import UsageError
from dsim.features.extractor import Blueprint, Recipe, check_options
from dsim.features.network import layer_and_pooling, opener
from dsim.registry import format_bracketed

if TYPE_CHECKING:
    from dsim.runtime import Runtime
    from dsim.zoo import Model

OPTIONS = ("layer", "pool", "weights")


def prepare(name: str, options: Mapping[str, str], runtime: Runtime) -> Blueprint:
    """The zoo model of that id; ``weights=FILE`` supplies its weights where they are not shipped."""
    from dsim.zoo import find

    return blueprint(f"zoo:{name}", find(name), options)


def blueprint(reference: str, model: Model, options: Mapping[str, str]) -> Blueprint:
    """The blueprint of a model; the weights are verified against the manifest when it is opened.

    UsageError for a model that segments: it gives masks, no features.
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
