"""Networks of timm, without their classifier: ``timm:resnet18.a1_in1k[layer=layer3,pool=avg]``."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import UnknownNameError, UsageError, WeightsError
from dsim.features.extractor import Blueprint, Extractor, Recipe, check_options
from dsim.features.network import Network, layer_and_pooling, load_state, read_state, seed_of, seeded
from dsim.features.weights import WeightsFile, from_hub, from_torch_hub, given, memory
from dsim.registry import format_bracketed

if TYPE_CHECKING:
    from torch import nn

    from dsim.runtime import Runtime

OPTIONS = ("init", "layer", "pool", "transform", "weights")


def card_of(name: str, own_weights: bool, runtime: Runtime) -> dict[str, Any]:
    """Return timm's facts about a network; remembered, so that a second run need not import timm, and torch with it.

    Raises UnknownNameError for a name that timm does not have, UsageError where a bare name has several weights, and
    WeightsError where it has none.
    """
    key = json.dumps(["timm", version("timm"), name, own_weights])
    card = memory(runtime).get(key)
    if card is None:
        card = _look_up(name, own_weights)
        memory(runtime).put_many({key: card})
    return card


def _look_up(name: str, own_weights: bool) -> dict[str, Any]:
    import timm

    architecture, dot, _tag = name.partition(".")
    if architecture not in timm.list_models():
        hint = "timm.list_models() lists them; dsim zoo list, those that need no download"
        raise UnknownNameError("network of timm", architecture, timm.list_models(), hint=hint)
    tagged = timm.list_pretrained(f"{architecture}.*")
    untagged = timm.list_pretrained(architecture)
    if not dot and not own_weights:
        name = _only(name, tagged or untagged)
    elif not dot:
        # Only the configuration is taken from the default tag; the weights come from elsewhere.
        config = timm.get_pretrained_cfg(name)
        name = f"{name}.{config.tag}" if config and config.tag else name
    elif name not in tagged:
        raise UnknownNameError("weights of timm", name, tagged, hint=f"{architecture} has: {_listed(tagged)}")
    return {"name": name, "architecture": architecture, **_published(timm.get_pretrained_cfg(name))}


def _only(name: str, candidates: list[str]) -> str:
    """A bare name stands for its only weights; among several the user must choose, for a default would move."""
    if len(candidates) == 1:
        return candidates[0]
    if not candidates:
        raise WeightsError(f"nobody published weights for timm:{name}", hint="give weights=FILE or init=random:SEED")
    raise UsageError(f"timm:{name} has several weights", hint=f"name one of: {_listed(candidates)}")


def _published(config: Any) -> dict[str, Any]:
    """Where the weights lie, and the transform they were evaluated with."""
    if config is None:
        return {"repository": "", "files": [], "url": "", "transform": _evaluation_transform({})}
    file = config.hf_hub_filename or "pytorch_model.bin"
    safe = "model.safetensors" if file == "pytorch_model.bin" else str(Path(file).with_suffix(".safetensors"))
    return {
        "repository": config.hf_hub_id or "",
        "files": [file] if config.custom_load else list(dict.fromkeys([safe, file])),
        "url": config.url or "",
        "transform": _evaluation_transform(config.to_dict()),
    }


def _evaluation_transform(config: Mapping[str, Any]) -> str:
    """Id of timm's evaluation transform; empty where dsim has none like it."""
    from timm.data.config import resolve_data_config

    from dsim.features.transforms import MODES, NetworkInput

    resolved = resolve_data_config(pretrained_cfg=dict(config))  # type: ignore[no-untyped-call]
    channels, height, width = resolved["input_size"]
    if height != width or channels not in (1, 3) or resolved["crop_mode"] not in MODES:
        return ""
    return NetworkInput(
        side=height,
        resize=math.floor(height / resolved["crop_pct"]),
        mean=tuple(map(float, resolved["mean"])),
        std=tuple(map(float, resolved["std"])),
        filter=resolved["interpolation"],
        mode=resolved["crop_mode"],
    ).id


def _listed(names: list[str]) -> str:
    shown = ", ".join(names[:8])
    return shown if len(names) <= 8 else f"{shown}, ... ({len(names)} in all)"


def prepare(name: str, options: Mapping[str, str], runtime: Runtime) -> Blueprint:
    """The network of that name; weights of its tag, or of ``weights=FILE``, or ``init=random:SEED`` by name.

    Raises UnknownNameError, UsageError or WeightsError where name, options or weights are wrong.
    """
    check_options("timm", options, OPTIONS)
    own_weights = "weights" in options or "init" in options
    card = card_of(name, own_weights, runtime)
    layer, pooling = layer_and_pooling(options, own_poolings=True)
    reference = format_bracketed(f"timm:{card['name']}", options)
    seed, file = _weights(reference, card, options, runtime)
    recipe = Recipe(
        reference=reference,
        # The tag names weights, and those are in the recipe by their content.
        network=f"timm:{card['architecture']}",
        weights=file.sha256 if file else random_weights(seed),
        transform=_transform(options, card),
        layer=layer,
        pooling=pooling,
    )

    def open_(device: str) -> Extractor:
        module = _random(card["name"], seed) if file is None else load(card["name"], file.path)
        if layer == "output" and pooling != "model":
            _set_pooling(module, pooling)
        return Network(module, device, layer, pooling)

    return Blueprint(recipe, open_)


def random_weights(seed: int) -> str:
    """Return the identity of random weights: the draws of a seed depend on the libraries."""
    return f"random:{seed} torch {version('torch')} timm {version('timm')}"


def load(name: str, path: Path) -> nn.Module:
    """Return the network with the weights of a file, every one of them, and without its classifier.

    Raises WeightsError where the file does not fit.
    """
    try:
        module = _load_published(name, path, seed=0)
    except Exception:
        # Weights that were trained for other classes, or that have no classifier at all; wrong ones are reported there.
        return _load_headless(name, path)
    if not module.state_dict().keys() <= _names_in(path):
        _refuse_random(name, path, module)
    return module


def _load_published(name: str, path: Path, seed: int) -> nn.Module:
    """timm's own way, which also reads the formats of the original authors."""
    import timm

    with seeded(seed):
        module: nn.Module = timm.create_model(name, pretrained=True, pretrained_cfg_overlay={"file": str(path)})
    module.reset_classifier(0)  # type: ignore[operator]
    return module


def _names_in(path: Path) -> set[str]:
    try:
        return set(read_state(path))
    except WeightsError:  # a format that only timm's own way reads
        return set()


def _refuse_random(name: str, path: Path, module: nn.Module) -> None:
    """timm renames some files' weights and is lenient with some networks: what a second load draws anew was missing."""
    import torch

    again = _load_published(name, path, seed=1).state_dict()
    missing = [key for key, value in module.state_dict().items() if not torch.equal(value, again[key])]
    if missing:
        raise WeightsError(
            f"{path} does not fit {name}: it lacks {len(missing)} weights, the first {missing[0]!r}",
            hint="name the network that these weights belong to",
        )


def _load_headless(name: str, path: Path) -> nn.Module:
    module = _random(name, seed=0)
    config: Any = module.pretrained_cfg
    heads = config.get("classifier") or ()
    prefixes = tuple(f"{head}." for head in ((heads,) if isinstance(heads, str) else heads))
    state = {key: value for key, value in read_state(path).items() if not key.startswith(prefixes)}
    load_state(name, module, path, state)
    return module


def _random(name: str, seed: int) -> nn.Module:
    import timm

    with seeded(seed):
        module: nn.Module = timm.create_model(name, pretrained=False, num_classes=0)
    return module


def _set_pooling(module: nn.Module, pooling: str) -> None:
    try:
        module.reset_classifier(0, global_pool=pooling)  # type: ignore[operator]
    except (AssertionError, TypeError, ValueError, KeyError) as error:
        raise UsageError(f"this network has no pooling {pooling!r}", hint="leave pool away, or name a layer") from error


def _weights(
    reference: str, card: Mapping[str, Any], options: Mapping[str, str], runtime: Runtime
) -> tuple[int, WeightsFile | None]:
    """Seed and file of the weights; the file is None where they are random."""
    if "init" in options and "weights" in options:
        raise UsageError("init and weights exclude each other", hint="give one of them")
    if "init" in options:
        return seed_of(options["init"]), None
    if "weights" in options:
        return 0, given(Path(options["weights"]), runtime)
    if card["repository"]:
        return 0, from_hub(reference, card["repository"], card["files"], runtime)
    if card["url"]:
        return 0, from_torch_hub(reference, card["url"], runtime)
    raise WeightsError(f"nobody published weights for {reference}", hint="give weights=FILE or init=random:SEED")


def _transform(options: Mapping[str, str], card: Mapping[str, Any]) -> str:
    from dsim.features.transforms import parse_transform

    if not card["transform"] and "transform" not in options:
        raise UsageError(
            f"{card['name']} wants an input that no transform of dsim gives",
            hint="give one: transform=square@1[side=64]",
        )
    return parse_transform(options.get("transform", card["transform"])).id
