"""What timm knows of its networks: names, published weights, and the transform they were evaluated with."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import UnknownNameError, UsageError, WeightsError
from dsim.features.weights import memory

if TYPE_CHECKING:
    from dsim.runtime import Runtime


def card_of(name: str, own_weights: bool, runtime: Runtime) -> dict[str, Any]:
    """What timm knows of a network; remembered, so that a second run need not import timm, and torch with it."""
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
