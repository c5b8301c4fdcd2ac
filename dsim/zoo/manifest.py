"""Reading and checking ``manifest.toml``: a wrong manifest is refused with the key at fault."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import Any

from dsim.errors import DataError

NAME = "manifest.toml"
#: Names of the recipes of probe inputs.
RECIPES = ("ramp@1",)
#: ``output.kind`` of models that give one probability per pixel, as opposed to features of an image.
SEGMENTATION = "segmentation"
_ID = re.compile(r"[a-z0-9][a-z0-9_-]*(\.[a-z0-9][a-z0-9_-]*){2}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_NUMBER = (int, float)

#: What a manifest must hold: the dotted key, and the type of its value.
_REQUIRED: Mapping[str, type | tuple[type, ...]] = {
    "id": str,
    "title": str,
    "builder": str,
    "weights.file": str,
    "weights.size": int,
    "weights.sha256": str,
    "weights.dtype": str,
    "weights.licence": str,
    "input.channels": int,
    "input.side": int,
    "input.transform": str,
    "input.mean": list,
    "input.std": list,
    "output.dim": int,
    "output.kind": str,
    "training.pool": list,
    "use": dict,
    "probe.recipe": str,
    "probe.expected": list,
    "probe.tolerance": _NUMBER,
}
_POOL: Mapping[str, type] = {"name": str, "n": int, "images_fingerprint": str, "licence": str}


def read_manifest(folder: Path) -> dict[str, Any]:
    """Return the manifest of a model's folder, checked; raises DataError that names the file and the key."""
    path = folder / NAME
    try:
        state = path.stat()
    except FileNotFoundError:
        raise DataError(f"there is no {path}", hint=f"a zoo model is a folder with {NAME}") from None
    return _checked(path, state.st_mtime_ns, state.st_size, state.st_ino)


@lru_cache(maxsize=256)
def _checked(path: Path, *state: int) -> dict[str, Any]:
    """The manifest of a file in this state: read once, because a choice among models asks for all of them often."""
    try:
        manifest = tomllib.loads(path.read_text(encoding="utf-8"))
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise DataError(f"{path} is not TOML: {error}", hint="mend that line") from error
    for fault in _faults(manifest):
        raise DataError(f"{path}: {fault}", hint="the keys of a manifest are listed in docs/features.md")
    return manifest


def lookup(manifest: Mapping[str, Any], key: str) -> Any:
    """Return the value of a dotted key, or None."""
    value: Any = manifest
    for part in key.split("."):
        value = value.get(part) if isinstance(value, Mapping) else None
    return value


def _faults(manifest: Mapping[str, Any]) -> list[str]:
    faults = [fault for key, kind in _REQUIRED.items() if (fault := _wrong(manifest, key, kind))]
    return faults or [*_wrong_values(manifest), *_wrong_pool(manifest["training"]["pool"])]


def _wrong(table: Mapping[str, Any], key: str, kind: type | tuple[type, ...]) -> str:
    value = lookup(table, key)
    if value is None:
        return f"{key!r} is missing"
    if not isinstance(value, kind) or isinstance(value, bool):
        names = " or ".join(item.__name__ for item in (kind if isinstance(kind, tuple) else (kind,)))
        return f"{key!r} must be {names}, not {value!r}"
    return ""


def _wrong_values(manifest: Mapping[str, Any]) -> list[str]:
    weights, probe, size = manifest["weights"], manifest["probe"], manifest["input"]
    checks = {
        f"'id' must be <arch>.<training>.<rev> in lower case, not {manifest['id']!r}": _ID.fullmatch(manifest["id"]),
        f"'builder' must be module:function, not {manifest['builder']!r}": manifest["builder"].count(":") == 1,
        "'weights.file' must be a .safetensors file in the same folder": Path(weights["file"]).name == weights["file"]
        and weights["file"].endswith(".safetensors"),
        "'weights.sha256' must be 64 hexadecimal digits": _SHA256.fullmatch(weights["sha256"]),
        "'input.mean' and 'input.std' must hold one number per channel": len(size["mean"])
        == len(size["std"])
        == size["channels"],
        f"'probe.recipe' must be one of {', '.join(RECIPES)}": probe["recipe"] in RECIPES,
        f"'output.dim' of kind {SEGMENTATION!r} must be 1: the probability of foreground": manifest["output"]["kind"]
        != SEGMENTATION
        or manifest["output"]["dim"] == 1,
        "'probe.tolerance' must be positive": probe["tolerance"] > 0,
        "'probe.expected' must not be empty": probe["expected"],
    }
    return [fault for fault, holds in checks.items() if not holds]


def _wrong_pool(pool: list[Any]) -> list[str]:
    for position, entry in enumerate(pool):
        for key, kind in _POOL.items():
            if fault := _wrong(entry if isinstance(entry, Mapping) else {}, key, kind):
                return [f"training.pool[{position}]: {fault}"]
    return []
