"""``dsim plugins`` lists plugins; ``dsim plugin`` writes and checks one."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.registry import Plugin, PluginFailure, Registry
    from dsim.testing import PluginReport, Report


#: Seconds of import above which a plugin is reported as slow. They are paid once, when the plugin is catalogued.
_SLOW = 0.5


@click.command()
@click.option(
    "--why",
    shell_complete=completion.plugins,
    metavar="NAME",
    help="Describe one plugin: what it adds, or why it is not in use.",
)
@options.as_json
def plugins(why: str | None, as_json: bool) -> None:
    """List plugins and what each adds. To write or check one: dsim plugin."""
    from dsim.registry import default

    registry = default()
    entries = [_entry(plugin) for plugin in registry.plugins.values()] + [_failure(f) for f in registry.failures]
    if why is not None:
        entries = [entry for entry in entries if entry["name"] == why] or _unknown(why, registry)
        entries = [{**entry, "problems": _problems(registry.plugins.get(why))} for entry in entries]
    if as_json:
        from dsim.ui import emit_json

        return emit_json(entries)
    for entry in entries:
        _print(entry, in_full=why is not None)


def _entry(plugin: Plugin) -> dict[str, Any]:
    brings = {hook.removeprefix("dsim_"): _names(items) for hook, items in plugin.declared.items()}
    return {
        "name": plugin.name,
        "dist": plugin.dist,
        "version": plugin.version,
        "status": "in use",
        "module": plugin.target,
        "import_seconds": round(plugin.seconds, 3),
        "brings": brings,
    }


def _names(items: Any) -> list[str]:
    from dsim.registry import name_of

    return [name_of(item) for item in items]


def _failure(failure: PluginFailure) -> dict[str, Any]:
    return {
        "name": failure.name,
        "dist": failure.dist,
        "version": failure.version,
        "status": "not in use",
        "phase": failure.phase,
        "cause": failure.error,
        "fix": failure.hint or "report it to its authors",
    }


def _problems(plugin: Plugin | None) -> list[dict[str, str]]:
    """Return the problems of a plugin that is in use: a slow import, and faults found by its last check."""
    if plugin is None:
        return []
    from dsim.testing.installed import kept

    problems = []
    if plugin.seconds > _SLOW:
        cause = f"slow: importing {plugin.target} took {plugin.seconds:.1f} s when it was catalogued"
        fix = f"import heavy libraries where they are used; python -X importtime -c 'import {plugin.target}' shows them"
        problems.append({"cause": cause, "fix": fix})
    checked = kept(plugin)
    if checked is None:
        return [*problems, {"cause": "not checked as it is now", "fix": f"dsim plugin check {plugin.name}"}]
    for part in checked["parts"]:
        for result in part["results"]:
            if result["status"] in ("failed", "unexpected_pass"):
                cause = f"{part['kind']} {part['name']} fails the check {result['name']}: {result['message']}"
                problems.append({"cause": cause, "fix": result["hint"]})
    return problems


def _unknown(name: str, registry: Registry) -> list[dict[str, Any]]:
    from dsim.errors import UnknownNameError

    known = [*registry.plugins, *(failure.name for failure in registry.failures)]
    raise UnknownNameError("plugin", name, known, hint="dsim plugins lists them; is its distribution installed here?")


def _print(entry: dict[str, Any], in_full: bool) -> None:
    from dsim.ui import print_behind

    head = f"{entry['name']}  ({entry['dist']} {entry['version']})  {entry['status']}"
    if entry["status"] == "in use":
        brings = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in entry["brings"].items() if names)
        click.echo(head)
        print_behind("    ", brings)
        if in_full:
            when = "when it was catalogued"
            print_behind("    ", f"module {entry['module']}, imported in {entry['import_seconds']} s {when}")
            for problem in entry["problems"]:
                print_behind("    ", problem["cause"])
                click.echo(f"        fix: {problem['fix']}")
        return
    click.echo(head)
    print_behind("    ", f"{entry['phase']}: {entry['cause']}")
    if in_full:
        click.echo(f"    fix: {entry['fix']}")


#: As in ``dsim.scaffold``, which only the command itself imports: --help stays quick.
_KINDS = ("measure", "extractor", "trainer", "reader", "command")
_LICENCES = ("MIT", "BSD-3-Clause", "Apache-2.0", "GPL-3.0-or-later")


@click.group()
def plugin() -> None:
    """Write your own plugin, or check an installed one. To list plugins: dsim plugins."""


@plugin.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(_KINDS), default="measure", show_default=True, help="What it adds to dsim.")
@click.option("--licence", type=click.Choice(_LICENCES), default="MIT", show_default=True)
@click.option("--author", default="", help="For metadata and licence. Default: the authors of dsim-NAME.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where to make the folder dsim-NAME. Default: here.",
)
def new(name: str, kind: str, licence: str, author: str, out: Path) -> None:
    """Write a plugin that works: a whole distribution, in the new folder dsim-NAME."""
    from dsim.scaffold import KINDS, new_plugin
    from dsim.ui import say

    folder = new_plugin(name, out, kind=kind, licence=licence, author=author)
    say(f"wrote {folder}; next:")
    click.echo(f"pip install -e {shlex.quote(str(folder))}")
    click.echo(f"dsim plugin check {name}")
    click.echo(KINDS[kind].example.format(name=name))


@plugin.command()
@click.argument("name", shell_complete=completion.plugins)
@options.as_json
def check(name: str, as_json: bool) -> int:
    """Run the conformance kit on an installed plugin.

    NAME is a plugin, a distribution, or a measure, extractor, reader or command that one brings. Exit code 0: all that
    it brings keeps the contract; 1: it does not, and each failed check gives a fix.
    """
    from dsim.testing import check_plugin, keep
    from dsim.ui import emit_json, make_runtime

    reports = check_plugin(name, progress=make_runtime().progress)
    for report in reports:
        keep(report)
    if as_json:
        emit_json({"schema": "dsim.plugin-check/1", "plugins": [report.to_dict() for report in reports]})
    else:
        for report in reports:
            _show(report)
    return 0 if all(report.ok for report in reports) else 1


def _show(report: PluginReport) -> None:
    for part in report.parts:
        _table(part)
    failed = [part.name for part in report.parts if not part.ok]
    names = ", ".join(failed or [part.name for part in report.parts])
    verdict = "breaks" if failed else "keeps"
    whole = f"{report.plugin} ({report.dist} {report.version})"
    click.echo(f"{whole}: {names} {verdict} the contract of plugin API {report.api_version}")


def _table(part: Report) -> None:
    """Print all checks of one part; a fix stands below each failure."""
    from dsim.ui import print_table

    rows = []
    for result in part.results:
        text = f"{result.message}\nfix: {result.hint}" if result.hint else result.message
        rows.append([result.status.value.replace("_", " "), result.name, text])
    title = f"{part.kind} {part.name}: {part.summary}"
    print_table(title, ("", "check", "what was seen"), rows, whole=("", "check"), prose=("what was seen",))
