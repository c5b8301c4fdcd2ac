"""Check all that an installed plugin brings, and remember how it went."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from dsim.errors import DsimError, PluginError, UnknownNameError
from dsim.plugin import API_VERSION
from dsim.registry import Plugin, Registry, default, name_of, parse_call
from dsim.runtime import Progress, Silent
from dsim.testing.commands import check_command
from dsim.testing.extractors import check_extractor
from dsim.testing.readers import check_reader
from dsim.testing.report import CheckResult, ConformanceError, Report, Status, cause_of
from dsim.testing.running import check_measure
from dsim.testing.zoo_models import check_zoo_path


@dataclass(frozen=True)
class PluginReport:
    """The reports of all that was checked of one plugin, which is the entry point ``plugin`` of ``dist``."""

    plugin: str
    dist: str
    version: str
    parts: tuple[Report, ...]
    api_version: int = API_VERSION

    @property
    def ok(self) -> bool:
        """Whether everything conforms."""
        return all(part.ok for part in self.parts)

    def __str__(self) -> str:
        return "\n".join(map(str, self.parts))

    def to_dict(self) -> dict[str, Any]:
        """One of the plugins in a document of schema ``dsim.plugin-check/1``."""
        from dsim.runtime import VERSION

        return {
            "plugin": self.plugin,
            "distribution": self.dist,
            "version": self.version,
            "api_version": self.api_version,
            "dsim": VERSION,
            "python": platform.python_version(),
            "ok": self.ok,
            "parts": [part.to_dict() for part in self.parts],
        }


def check_plugin(name: str, *, progress: Progress | None = None) -> list[PluginReport]:
    """Run the conformance kit on what is installed.

    Parameters
    ----------
    name : of a plugin or a distribution, all of which is checked; or of one thing that a plugin brings, such as a
        measure, which may be called with parameters (``cc:size=32``).
    progress : shows what is being checked.

    Returns
    -------
    list of PluginReport
        One per plugin; several only for a distribution that holds several.

    Raises
    ------
    PluginError
        Where the plugin is not in use, with the reason.
    UnknownNameError
        Where nothing of that name is installed.
    """
    chosen = _chosen(name, default())
    shown = progress or Silent()
    reports = []
    with shown.task("checking", total=sum(len(parts) for _, parts in chosen), unit="parts") as task:
        for plugin, parts in chosen:
            checked = []
            for check in parts:
                checked.append(check())
                task.advance(1)
            reports.append(PluginReport(plugin.name, plugin.dist, plugin.version, tuple(checked)))
    return reports


def assert_plugin_conforms(name: str) -> None:
    """Raise an AssertionError that lists what of a plugin breaks the contract; for tests of two lines."""
    failed = [part for report in check_plugin(name) for part in report.parts if not part.ok]
    if failed:
        raise ConformanceError("\n".join(map(str, failed)))


Part = Callable[[], Report]


def _chosen(name: str, registry: Registry) -> list[tuple[Plugin, list[Part]]]:
    """The plugins meant, each with the checks of what is meant of it."""
    plugins = list(registry.plugins.values())
    whole = [plugin for plugin in plugins if plugin.name == name] or [p for p in plugins if _same(p.dist, name)]
    if not whole:
        _refuse_broken(name, registry)
    found = [(plugin, list(_parts(plugin))) for plugin in whole]
    found = found or [(plugin, parts) for plugin in plugins if (parts := list(_parts(plugin, name)))]
    if found:
        return found
    brought = [name_of(item) for plugin in plugins for items in plugin.declared.values() for item in items]
    known = [*registry.plugins, *brought, *dict.fromkeys(plugin.dist for plugin in plugins)]
    raise UnknownNameError("plugin", name, known, hint="dsim plugins lists them; is it installed here?")


def _same(one: str, other: str) -> bool:
    """Whether two names are of one distribution: pip takes -, _ and . for the same."""
    return one.lower().replace("_", "-").replace(".", "-") == other.lower().replace("_", "-").replace(".", "-")


def _refuse_broken(name: str, registry: Registry) -> None:
    for failure in registry.failures:
        if failure.name == name or _same(failure.dist, name):
            hint = failure.hint or f"dsim plugins --why {failure.name}"
            raise PluginError(f"plugin {failure.name!r} is not in use: {failure.phase}: {failure.error}", hint=hint)


_CHECKS: Mapping[str, Callable[[Any, Plugin], Report]] = {
    "dsim_measures": lambda spec, _: _measure(spec.name),
    "dsim_extractors": check_extractor,
    "dsim_readers": check_reader,
    "dsim_commands": check_command,
    "dsim_zoo_paths": check_zoo_path,
}


def _parts(plugin: Plugin, only: str | None = None) -> Iterator[Part]:
    """Checks of what a plugin declares: of all, or of what is called ``only``."""
    called = None if only is None else parse_call(only)[0]
    for hook, check in _CHECKS.items():
        for item in plugin.declared.get(hook, ()):
            if called is not None and name_of(item) != called:
                continue
            if hook == "dsim_measures" and only is not None:
                yield partial(_measure, only)
            else:
                yield partial(check, item, plugin)


def _measure(call: str) -> Report:
    """The report of a measure; one that cannot even be built has failed its check ``factory``."""
    try:
        return check_measure(call)
    except PluginError as error:
        return _unbuilt(call, error.message, error.hint or "")
    except DsimError:
        raise
    except Exception as error:
        hint = "leave the constructor to SimilarityMeasure"
        return _unbuilt(call, f"building it raised {cause_of(error)}", hint)


def _unbuilt(call: str, message: str, hint: str) -> Report:
    return Report(call, (CheckResult("factory", Status.FAILED, message, hint, 0.0),))
