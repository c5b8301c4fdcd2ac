"""Check all that an installed plugin brings, and keep the last result; here also the checks of a subcommand."""

from __future__ import annotations

import contextlib
import json
import platform
import subprocess
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

from dsim.errors import DsimError, PluginError, UnknownNameError
from dsim.files import slug, write_text
from dsim.plugin import API_VERSION
from dsim.registry import GROUP, CommandSpec, Plugin, Registry, catalogue, default, name_of, parse_call
from dsim.runtime import Progress, Silent, default_cache
from dsim.testing.declaration import check_texts, declares_alone, loaded
from dsim.testing.extractors import check_extractor
from dsim.testing.models import check_builder, check_trainer, check_zoo_path
from dsim.testing.readers import check_reader
from dsim.testing.report import CheckResult, ConformanceError, Failure, Report, Status, cause_of
from dsim.testing.runner import check_measure, named, run_gated


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
        """Return one of the plugins of a document of schema ``dsim.plugin-check/1``."""
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
    """Return the reports of the conformance kit on what is installed.

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


def _parts(plugin: Plugin, only: str | None = None) -> Iterator[Part]:
    """Checks of what a plugin declares: of all, or of what is called ``only``."""
    called = None if only is None else parse_call(only)[0]
    for hook, check in _CHECKERS.items():
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


def keep(report: PluginReport) -> None:
    """Keep a report of all that a plugin brings; a cache that cannot be written costs nothing but the memory.

    Raises KeyError where its plugin is not in use.
    """
    plugin = default().plugins[report.plugin]
    if len(report.parts) < sum(map(len, plugin.declared.values())):
        return
    document = {"stamp": _stamp(plugin), **report.to_dict()}
    with contextlib.suppress(DsimError):
        write_text(_path(plugin), json.dumps(document))


def kept(plugin: Plugin) -> dict[str, Any] | None:
    """Return the document of the plugin's last check; None where it was not checked as it is now."""
    try:
        document: dict[str, Any] = json.loads(_path(plugin).read_text("utf-8"))
        return document if document["stamp"] == _stamp(plugin) is not None else None
    except (OSError, ValueError, LookupError, TypeError):
        return None


def _stamp(plugin: Plugin) -> str | None:
    return catalogue.stamp(EntryPoint(plugin.name, plugin.target, GROUP), plugin.dist, plugin.version)


def _path(plugin: Plugin) -> Path:
    return default_cache() / "plugin-checks" / f"{slug(plugin.name)}.json"


_USAGE = 2


@dataclass(frozen=True)
class _Command:
    spec: CommandSpec
    plugin: Plugin

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """Return the outcome of ``dsim NAME ...``, with the path of this process, so that it finds the same plugins."""
        code = f"import sys; sys.path[:] = {sys.path!r}\nfrom dsim.cli.main import main; main(sys.argv[1:])"
        command = [sys.executable, "-c", code, self.spec.name, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)


def _check_command(spec: CommandSpec, plugin: Plugin) -> Report:
    """Check that a subcommand keeps the contract; it is asked for help, and never run."""
    return Report(spec.name, tuple(run_gated(_COMMAND_CHECKS, _Command(spec, plugin), "factory")), "command")


def _spec(subject: _Command) -> str:
    """The spec is complete, and its help one line."""
    declared = subject.spec
    check_texts(declared.name, {"help": declared.help}, {"command": declared.command})
    if len(declared.help.splitlines()) > 1:
        raise Failure(
            "help has several lines", "say in one line what it does; the rest belongs to the command's own help"
        )
    return declared.help


def _registration(subject: _Command) -> str:
    """Declaring it imports nothing heavy."""
    declares_alone(subject.plugin.target)
    return subject.plugin.target


def _factory(subject: _Command) -> str:
    """The command that it names is a click command."""
    import click

    found = loaded(subject.spec.command)
    if not isinstance(found, click.Command):
        raise Failure(f"{subject.spec.command} is a {type(found).__name__}", "decorate it with @click.command()")
    return subject.spec.command


def _help(subject: _Command) -> str:
    """Its --help is printed, says what it does, and ends well."""
    done = subject.run("--help")
    if done.returncode or "Usage:" not in done.stdout:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise Failure(f"--help fails: {last}", "run it by hand")
    return next(iter(done.stdout.splitlines()))


def _unknown_option(subject: _Command) -> None:
    """An option that it does not have is refused with exit code 2, and stdout stays empty."""
    done = subject.run("--no-such-option")
    if done.returncode != _USAGE or done.stdout:
        message = f"--no-such-option ends with exit code {done.returncode} and {len(done.stdout)} characters on stdout"
        raise Failure(message, "leave the reading of options to click")


_COMMAND_CHECKS = named((_spec, _registration, _factory, _help, _unknown_option))


_CHECKERS: Mapping[str, Callable[[Any, Plugin], Report]] = {
    "dsim_measures": lambda spec, _: _measure(spec.name),
    "dsim_extractors": check_extractor,
    "dsim_trainers": check_trainer,
    "dsim_builders": check_builder,
    "dsim_readers": check_reader,
    "dsim_commands": _check_command,
    "dsim_zoo_paths": check_zoo_path,
}
