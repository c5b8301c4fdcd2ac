"""Classification networks of torchvision, up to their last linear layer: ``torchvision:resnet18.IMAGENET1K_V1``."""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from functools import partial
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import UnknownNameError, UsageError
from dsim.features.extractor import Blueprint, Recipe, check_options
from dsim.features.network import layer_and_pooling, load_state, opener, read_state, seed_of, seeded
from dsim.features.weights import WeightsFile, from_torch_hub, given, memory
from dsim.registry import format_bracketed

if TYPE_CHECKING:
    from torch import nn

    from dsim.runtime import Runtime

OPTIONS = ("init", "layer", "pool", "transform", "weights")


def prepare(name: str, options: Mapping[str, str], runtime: Runtime) -> Blueprint:
    """The network ``architecture.WEIGHTS``; or with weights=FILE or init=random:SEED and that one's transform.

    Raises UnknownNameError, UsageError or WeightsError where name, options or weights are wrong.
    """
    from dsim.features.transforms import parse_transform

    check_options("torchvision", options, OPTIONS)
    layer, pooling = layer_and_pooling(options)
    card = _card(name, runtime)
    reference = format_bracketed(f"torchvision:{card['name']}", options)
    file = _weights(reference, card["url"], options, runtime)
    recipe = Recipe(
        reference=reference,
        network=f"torchvision:{card['architecture']}",
        weights=file.sha256 if file else _random_weights(options["init"]),
        transform=parse_transform(options.get("transform", card["transform"])).id,
        layer=layer,
        pooling=pooling,
    )
    build = partial(_build, card["architecture"], file.path if file else None, options.get("init", "random:0"))
    return Blueprint(recipe, opener(build, recipe))


def _weights(reference: str, url: str, options: Mapping[str, str], runtime: Runtime) -> WeightsFile | None:
    """The file of the weights; None where they are random."""
    if "init" in options and "weights" in options:
        raise UsageError("init and weights exclude each other", hint="give one of them")
    if "init" in options:
        return None
    return given(Path(options["weights"]), runtime) if "weights" in options else from_torch_hub(reference, url, runtime)


def _random_weights(init: str) -> str:
    return f"random:{seed_of(init)} torch {version('torch')} torchvision {version('torchvision')}"


def _build(architecture: str, path: Path | None, init: str) -> nn.Module:
    import torchvision.models

    with seeded(seed_of(init)), warnings.catch_warnings():
        # Two old networks announce that their random weights will change; the recipe names the version that drew them.
        warnings.simplefilter("ignore", FutureWarning)
        module: nn.Module = torchvision.models.get_model(architecture, weights=None)
    classifier = _remove_classifier(module)
    if path is not None:
        state = {key: value for key, value in read_state(path).items() if not key.startswith(f"{classifier}.")}
        load_state(architecture, module, path, state)
    return module


def _remove_classifier(module: nn.Module) -> str:
    """The last linear layer gives way to what goes into it; its name."""
    from torch import nn

    linear: list[str] = [name for name, child in module.named_modules() if isinstance(child, nn.Linear)]
    if not linear:
        raise UsageError("this network does not end in a linear layer", hint="name a layer: [layer=NAME,pool=avg]")
    parent, _, child = linear[-1].rpartition(".")
    setattr(module.get_submodule(parent), child, nn.Identity())
    return linear[-1]


def _card(name: str, runtime: Runtime) -> dict[str, Any]:
    """The facts that torchvision has about a network; remembered, so that a second run need not import it."""
    key = json.dumps(["torchvision", version("torchvision"), name])
    card = memory(runtime).get(key)
    if card is None:
        card = _look_up(name)
        memory(runtime).put_many({key: card})
    return card


def _look_up(name: str) -> dict[str, Any]:
    import torchvision.models

    from dsim.features.transforms import NetworkInput

    architecture, dot, tag = name.partition(".")
    known = torchvision.models.list_models(module=torchvision.models)
    if architecture not in known:
        hint = "torchvision.models.list_models() lists them"
        raise UnknownNameError("network of torchvision", architecture, known, hint=hint)
    published = {str(item.name): item for item in torchvision.models.get_model_weights(architecture)}
    if not dot and len(published) == 1:
        tag = next(iter(published))
    if tag not in published:
        hint = f"name one of: {', '.join(f'{architecture}.{item}' for item in published)}"
        raise UnknownNameError(f"weights of torchvision:{architecture}", tag, published, hint=hint)
    preset = published[tag].transforms()
    transform = NetworkInput(
        side=preset.crop_size[0],
        resize=preset.resize_size[0],
        mean=tuple(preset.mean),
        std=tuple(preset.std),
        filter=preset.interpolation.value,
    )
    return {
        "name": f"{architecture}.{tag}",
        "architecture": architecture,
        "url": published[tag].url,
        "transform": transform.id,
    }
