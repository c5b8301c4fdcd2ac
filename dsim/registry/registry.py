"""Everything that plugins offer, by name; built-ins first, and nobody shadows them."""

from __future__ import annotations

import importlib
import os
from collections.abc import Iterable, Mapping
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from pathlib import Path
from typing import Any

from dsim.errors import PluginError, UnknownNameError, did_you_mean
from dsim.registry import catalogue
from dsim.registry.blame import describe_failure
from dsim.registry.loader import HOOKS, Plugin, PluginFailure, load_plugin, name_of
from dsim.registry.specs import BuilderSpec, CommandSpec, ExtractorSpec, MeasureSpec, ReaderSpec, TrainerSpec

#: The entry points that make a plugin known.
GROUP = "dsim"
#: The distribution of the built-in plugins.
OWN = "dsim"


class Registry:
    """The plugins in use and what they declare.

    Parameters
    ----------
    loaded : plugins and failures in order of precedence. A plugin that declares a name which is taken is refused whole.
    """

    def __init__(self, loaded: Iterable[Plugin | PluginFailure]) -> None:
        self.plugins: dict[str, Plugin] = {}
        self.failures: list[PluginFailure] = []
        self._declared: dict[str, dict[str, tuple[Any, Plugin]]] = {hook: {} for hook in HOOKS}
        for item in loaded:
            failure = item if isinstance(item, PluginFailure) else self._admit(item)
            if failure is not None:
                self.failures.append(failure)

    def _admit(self, plugin: Plugin) -> PluginFailure | None:
        if plugin.name in self.plugins:
            return _duplicate(plugin, f"the name {plugin.name!r} is taken by {self.plugins[plugin.name].dist}")
        names: dict[str, dict[str, Any]] = {}
        for hook, items in plugin.declared.items():
            names[hook] = {}
            for item in items:
                name = name_of(item)
                if name in self._declared[hook] or name in names[hook]:
                    owner = self._declared[hook][name][1].dist if name in self._declared[hook] else "itself"
                    return _duplicate(plugin, f"{hook}() declares {name!r}, which is taken by {owner}")
                names[hook][name] = item
        self.plugins[plugin.name] = plugin
        for hook, items_by_name in names.items():
            self._declared[hook].update({name: (item, plugin) for name, item in items_by_name.items()})
        return None

    def _of(self, hook: str) -> dict[str, Any]:
        return {name: item for name, (item, _) in self._declared[hook].items()}

    @property
    def measures(self) -> Mapping[str, MeasureSpec]:
        """Measures by name, in alphabetical order."""
        return dict(sorted(self._of("dsim_measures").items()))

    @property
    def extractors(self) -> Mapping[str, ExtractorSpec]:
        """Kinds of extractors by name."""
        return self._of("dsim_extractors")

    @property
    def trainers(self) -> Mapping[str, TrainerSpec]:
        """Trainers by name, in alphabetical order."""
        return dict(sorted(self._of("dsim_trainers").items()))

    @property
    def builders(self) -> Mapping[str, BuilderSpec]:
        """Builders of networks by name, ``module:function``."""
        return self._of("dsim_builders")

    @property
    def commands(self) -> Mapping[str, CommandSpec]:
        """Subcommands by name."""
        return self._of("dsim_commands")

    def readers(self) -> list[ReaderSpec]:
        """Readers in the order in which they are asked."""
        return sorted(self._of("dsim_readers").values(), key=lambda spec: spec.priority)

    def zoo_paths(self) -> list[Path]:
        """Folders of zoo models."""
        return list(self._of("dsim_zoo_paths").values())

    def measure_spec(self, name: str) -> MeasureSpec:
        """Return the measure of that name; raises UnknownNameError with the nearest known one."""
        if name not in self.measures:
            raise UnknownNameError("measure", name, self.measures, hint=self._where_listed("dsim measures"))
        return self.measures[name]

    def trainer_spec(self, name: str) -> TrainerSpec:
        """Return the trainer of that name; raises UnknownNameError with the nearest known one."""
        if name not in self.trainers:
            raise UnknownNameError("trainer", name, self.trainers, hint=self._where_listed("dsim train"))
        return self.trainers[name]

    def origin(self, name: str, hook: str = "dsim_measures") -> Plugin:
        """Return the plugin that brings a measure, or what another hook declares under that name.

        Raises KeyError for an unknown name.
        """
        plugin: Plugin = self._declared[hook][name][1]
        return plugin

    def _where_listed(self, command: str) -> str:
        if not self.failures:
            return f"{command} lists them"
        broken = ", ".join(failure.name for failure in self.failures)
        return f"{command} lists them; not in use: {broken} (dsim plugins --why NAME)"


def _duplicate(plugin: Plugin, error: str) -> PluginFailure:
    return PluginFailure(
        plugin.name, plugin.dist, plugin.version, "duplicate", error, "rename it; built-in names cannot be shadowed"
    )


def load(reference: str) -> Any:
    """Import and return ``"module:attribute"``. Raises PluginError where that fails, whatever the module does wrong."""
    module, _, attribute = reference.partition(":")
    try:
        imported = importlib.import_module(module)
    except ImportError as error:
        raise PluginError(f"cannot load {reference}: {error}", hint="reinstall the plugin that names it") from error
    except (Exception, SystemExit) as error:
        cause = describe_failure(error, module)
        raise PluginError(f"cannot load {reference}: {cause}", hint=f"mend that line of {module}") from error
    try:
        return getattr(imported, attribute)
    except AttributeError as error:
        near = did_you_mean(attribute, vars(imported))
        hint = f"name what {module} has, or reinstall the plugin that names it"
        raise PluginError(f"cannot load {reference}: {error}{near}", hint=hint) from error


@cache
def default() -> Registry:
    """Return the registry of this installation, discovered once per process.

    ``DSIM_PLUGINS=a,b`` admits only these plugins beside the built-ins (empty: none). With ``DSIM_STRICT_PLUGINS=1`` a
    broken plugin raises PluginError.
    """
    known = catalogue.read()
    current: dict[str, Plugin] = {}
    loaded: list[Plugin | PluginFailure] = []
    for entry, dist, version in _admitted_entries():
        key = catalogue.stamp(entry, dist, version)
        plugin = known[key] if key in known else load_plugin(entry, dist, version)
        if isinstance(plugin, Plugin) and key is not None and (key in known or catalogue.keeps(plugin)):
            current[key] = plugin
        loaded.append(plugin)
    if any(key not in known for key in current):
        catalogue.write(current, known)
    registry = Registry(loaded)
    if registry.failures and os.environ.get("DSIM_STRICT_PLUGINS") == "1":
        failure = registry.failures[0]
        raise PluginError(f"plugin {failure.name!r} is broken ({failure.phase}): {failure.error}", hint=failure.hint)
    return registry


def _admitted_entries() -> list[tuple[EntryPoint, str, str]]:
    found = []
    for entry in entry_points(group=GROUP):
        dist = entry.dist.name if entry.dist else "unknown"
        found.append((entry, dist, entry.dist.version if entry.dist else "unknown"))
    chosen = os.environ.get("DSIM_PLUGINS")
    if chosen is not None:
        names = {name.strip() for name in chosen.split(",")}
        found = [item for item in found if item[1] == OWN or item[0].name in names]
    unique = {(entry.name, entry.value, dist): (entry, dist, version) for entry, dist, version in found}
    # Built-ins come first: who comes later cannot take their names.
    return sorted(unique.values(), key=lambda item: (item[1] != OWN, item[1], item[0].name))


def forget() -> None:
    """Discover plugins anew on next use (after installing one in a running process)."""
    default.cache_clear()
