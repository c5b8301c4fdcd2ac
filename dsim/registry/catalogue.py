"""The declarations of each plugin when it was last loaded, so that a slow one is not imported only to print ``--help``.

An entry is valid as long as the distribution's version and the plugin's source files are unchanged.
"""

from __future__ import annotations

import contextlib
import dataclasses
import importlib.util
import json
import os
from collections.abc import Iterator, Mapping
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from dsim.errors import DsimError
from dsim.files.atomic import write_text
from dsim.registry.loader import HOOKS, Plugin
from dsim.registry.specs import Direction, Law, MeasureSpec, Need, Parameter, Product, TrainerSpec
from dsim.runtime import default_cache

SCHEMA = 5


def stamp(entry: EntryPoint, dist: str, version: str) -> str | None:
    """Return the identity of the plugin's code on disk; None where it is not known without importing it."""
    top = entry.module.partition(".")[0]
    try:
        found = importlib.util.find_spec(top)
    except (ImportError, ValueError):
        return None
    if found is None:
        return None
    roots = list(found.submodule_search_locations or ()) or ([found.origin] if found.origin else [])
    newest, count = 0, 0
    for path in _sources(roots):
        status = path.stat()
        newest, count = max(newest, status.st_mtime_ns), count + 1
    return f"{SCHEMA}|{dist}|{version}|{entry.value}|{':'.join(roots)}|{count}|{newest}"


def _sources(roots: list[str]) -> Iterator[os.DirEntry[str] | Path]:
    for root in roots:
        if os.path.isfile(root):
            yield Path(root)
            continue
        with contextlib.suppress(OSError), os.scandir(root) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) and not entry.name.startswith(("__", ".")):
                    yield from _sources([entry.path])
                elif entry.name.endswith(".py"):
                    yield entry


def read() -> dict[str, Plugin]:
    """Return the plugins by stamp; empty where nothing, or nothing readable, is stored."""
    try:
        stored = json.loads(path().read_text(encoding="utf-8"))
        return {key: _decode(value) for key, value in stored.items()}
    except (OSError, ValueError, LookupError, TypeError, AttributeError):
        return {}


def keeps(plugin: Plugin) -> bool:
    """Return whether the declarations come back from the catalogue as they were made.

    A list where a tuple belongs, or a default that JSON has no word for, keeps a plugin out: it is imported each time.
    """
    try:
        return _decode(json.loads(json.dumps(_encode(plugin)))).declared == plugin.declared
    except (ValueError, TypeError):
        return False


def write(current: Mapping[str, Plugin], known: Mapping[str, Plugin]) -> None:
    """Replace the catalogue atomically; a folder that cannot be written costs time, not correctness.

    Entries of other environments that share the cache are kept, superseded ones are not.
    """
    places = {_place(key) for key in current}
    kept = {key: plugin for key, plugin in known.items() if _place(key) not in places}
    text = json.dumps({key: _encode(plugin) for key, plugin in {**kept, **current}.items()})
    with contextlib.suppress(DsimError):
        write_text(path(), text)


def _place(key: str) -> str:
    """A stamp without the parts that change with the code: what lies where."""
    schema, dist, _version, target, roots, _count, _newest = key.split("|")
    return f"{schema}|{dist}|{target}|{roots}"


def path() -> Path:
    """Return the file of the catalogue, in the cache folder."""
    return default_cache() / "plugins.json"


def _encode(plugin: Plugin) -> dict[str, Any]:
    declared = {
        hook: [str(item) if isinstance(item, Path) else _plain(dataclasses.asdict(item)) for item in items]
        for hook, items in plugin.declared.items()
    }
    return {**dataclasses.asdict(dataclasses.replace(plugin, declared={})), "declared": declared}


def _plain(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, frozenset):
        return sorted(value)
    return [_plain(item) for item in value] if isinstance(value, tuple | list) else value


def _decode(stored: Mapping[str, Any]) -> Plugin:
    declared = {hook: [_declaration(HOOKS[hook], item) for item in items] for hook, items in stored["declared"].items()}
    return Plugin(**{**stored, "declared": declared})


def _declaration(kind: type, item: Any) -> Any:
    if kind is Path:
        return Path(item)
    if kind is MeasureSpec:
        bounds, direction = tuple(item["bounds"]), Direction(item["direction"])
        sets = {
            "laws": frozenset(Law(law) for law in item["laws"]),
            "source_needs": frozenset(Need(need) for need in item["source_needs"]),
        }
        return MeasureSpec(**{**item, **_common(item), **sets, "bounds": bounds, "direction": direction})
    if kind is TrainerSpec:
        produces = tuple(Product(product) for product in item["produces"])
        return TrainerSpec(**{**item, **_common(item), "produces": produces, "example": _tuples(item["example"])})
    return kind(**item)


def _common(item: Mapping[str, Any]) -> dict[str, Any]:
    # Lists became of tuples on the way through JSON; parameters compare by value, so their tuples must come back.
    return {
        "needs": frozenset(Need(need) for need in item["needs"]),
        "references": tuple(item["references"]),
        "parameters": tuple(Parameter(**_tuples(parameter)) for parameter in item["parameters"]),
        "presets": {name: _tuples(values) for name, values in item["presets"].items()},
    }


def _tuples(values: Mapping[str, Any]) -> dict[str, Any]:
    return {key: _tuple(value) for key, value in values.items()}


def _tuple(value: Any) -> Any:
    return tuple(map(_tuple, value)) if isinstance(value, list) else value
