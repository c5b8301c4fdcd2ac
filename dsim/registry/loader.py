"""Load one plugin at a time, in isolation: whatever it does wrong is recorded and stops nobody else."""

from __future__ import annotations

import re
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pluggy

from dsim.errors import did_you_mean
from dsim.registry import hooks as hookspecs
from dsim.registry.blame import describe_failure
from dsim.registry.hooks import API_VERSION
from dsim.registry.specs import BuilderSpec, CommandSpec, ExtractorSpec, MeasureSpec, ReaderSpec, TrainerSpec

#: Hook name to the type of its declarations.
HOOKS: Mapping[str, type] = {
    "dsim_measures": MeasureSpec,
    "dsim_extractors": ExtractorSpec,
    "dsim_trainers": TrainerSpec,
    "dsim_builders": BuilderSpec,
    "dsim_readers": ReaderSpec,
    "dsim_zoo_paths": Path,
    "dsim_commands": CommandSpec,
}


def name_of(declared: Any) -> str:
    """Return the name of a declaration; of a folder, its whole path.

    >>> name_of(ExtractorSpec(kind="pixels", title="", factory=""))
    'pixels'
    """
    if isinstance(declared, ExtractorSpec):
        return declared.kind
    return str(declared) if isinstance(declared, Path) else str(declared.name)


@dataclass(frozen=True)
class PluginFailure:
    """The reason why a plugin is not in use. ``phase`` is where it broke: import, api, validate, hooks or duplicate."""

    name: str
    dist: str
    version: str
    phase: str
    error: str
    hint: str = ""


@dataclass(frozen=True)
class Plugin:
    """A plugin in use, and what it declares, by hook."""

    name: str
    dist: str
    version: str
    target: str
    declared: Mapping[str, Sequence[Any]] = field(default_factory=dict)
    seconds: float = 0.0


class _Broken(Exception):
    def __init__(self, phase: str, error: str, hint: str = "") -> None:
        self.phase, self.error, self.hint = phase, error, hint


def load_plugin(entry: EntryPoint, dist: str, version: str) -> Plugin | PluginFailure:
    """Import the plugin, validate its hooks and collect what they declare; never raises for what a plugin does."""
    started = time.perf_counter()
    try:
        module = _import(entry)
        _check_api(module)
        declared = _declarations(module, entry.name)
    except _Broken as broken:
        return PluginFailure(entry.name, dist, version, broken.phase, broken.error, broken.hint)
    return Plugin(entry.name, dist, version, entry.value, declared, time.perf_counter() - started)


def _import(entry: EntryPoint) -> Any:
    try:
        return entry.load()
    except (Exception, SystemExit) as error:
        raise _Broken("import", describe_failure(error, entry.module), _mending(entry, error)) from error


def _mending(entry: EntryPoint, error: BaseException) -> str:
    """The fix of a failed import."""
    if not isinstance(error, ImportError):
        return f"mend the module {entry.module}, or remove the plugin"
    if error.name == "dsim.plugin":
        return "it is written for another version of dsim: upgrade dsim, or the plugin"
    if error.name == entry.module.partition(".")[0]:
        return "its files are gone or its entry point is wrong: install it again"
    return "install what it misses, or remove the plugin"


def _check_api(module: Any) -> None:
    wanted = getattr(module, "DSIM_API_VERSION", API_VERSION)
    if wanted != API_VERSION:
        raise _Broken(
            "api",
            f"it is written for plugin API {wanted}, and this dsim offers {API_VERSION}",
            "upgrade dsim" if isinstance(wanted, int) and wanted > API_VERSION else "upgrade the plugin",
        )


def _declarations(module: Any, name: str) -> dict[str, list[Any]]:
    # A manager of its own: pluggy keeps a plugin registered even after its validation failed.
    manager = pluggy.PluginManager("dsim")
    manager.add_hookspecs(hookspecs)
    try:
        manager.register(module, name=name)
        manager.check_pending()
    except Exception as error:
        misspelt = re.search(r"unknown hook '(\w+)'", str(error))
        near = did_you_mean(misspelt[1], HOOKS) if misspelt else ""
        fix = f"compare its hooks with those of docs/plugin-api.md.{near}"
        raise _Broken("validate", _describe(error), fix.removesuffix(".")) from error
    declared = {}
    for hook, expected in HOOKS.items():
        for implementation in getattr(manager.hook, hook).get_hookimpls():
            declared[hook] = _call(hook, implementation.function, expected)
    if not declared:
        raise _Broken("validate", "it implements no hook of dsim", "mark its hooks with @dsim.plugin.hookimpl")
    return declared


def _call(hook: str, function: Any, expected: type) -> list[Any]:
    try:
        items = list(function())
    except (Exception, SystemExit) as error:
        hint = f"mend {hook}(): it takes nothing, and returns a list of declarations"
        raise _Broken("hooks", f"{hook}() raised {describe_failure(error, function.__module__)}", hint) from error
    for item in items:
        if not isinstance(item, expected):
            message = f"{hook}() returned a {type(item).__name__}, not a {expected.__name__}"
            raise _Broken("hooks", message, f"return a list of {expected.__name__}")
    return items


def _describe(error: BaseException) -> str:
    return f"{type(error).__name__}: {error}"
