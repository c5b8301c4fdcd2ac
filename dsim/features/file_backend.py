"""A network that lies on disk: a folder with a manifest, or a weights file of a named architecture."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import UsageError, WeightsError
from dsim.features.extractor import Blueprint, check_options
from dsim.registry import format_bracketed

if TYPE_CHECKING:
    from dsim.runtime import Runtime

OPTIONS = ("arch", "layer", "pool", "transform")


def prepare(name: str, options: Mapping[str, str], runtime: Runtime) -> Blueprint:
    """``file:FOLDER``, like a zoo model; or ``file:PATH[arch=resnet18]``, the weights of a network of timm."""
    path = Path(name).expanduser()
    if path.is_dir():
        from dsim.features.zoo_backend import blueprint
        from dsim.zoo import read_model

        return blueprint(f"file:{name}", read_model(path), options)
    check_options("file", options, OPTIONS)
    if not path.is_file():
        raise WeightsError(f"there is no {path}", hint="give a folder with manifest.toml, or a weights file")
    if "arch" not in options:
        raise UsageError(f"{path} does not say which network it belongs to", hint=f"file:{name}[arch=resnet18]")
    return _timm_network(name, path, dict(options), runtime)


def _timm_network(name: str, path: Path, options: dict[str, str], runtime: Runtime) -> Blueprint:
    from dataclasses import replace

    from dsim.features import timm_backend

    reference = format_bracketed(f"file:{name}", options)
    found = timm_backend.prepare(options.pop("arch"), {**options, "weights": str(path)}, runtime)
    return Blueprint(replace(found.recipe, reference=reference), found.open)
