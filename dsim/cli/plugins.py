"""``dsim plugins``: what is installed, and why something is not in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.registry import Plugin, PluginFailure, Registry


#: Seconds of import above which a plugin is told to be slow. Every command pays them once, when it is catalogued.
_SLOW = 0.5


@click.command()
@click.option(
    "--why",
    shell_complete=completion.plugins,
    metavar="NAME",
    help="Tell all about one plugin: what it brings, or why it is not in use.",
)
@options.as_json
def plugins(why: str | None, as_json: bool) -> None:
    """List plugins and what each brings. To write or check one: dsim plugin."""
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
        "fix": failure.hint or "tell its authors",
    }


def _problems(plugin: Plugin | None) -> list[dict[str, str]]:
    """What is wrong with a plugin that is in use: a slow import, and what its last check found."""
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
    head = f"{entry['name']}  ({entry['dist']} {entry['version']})  {entry['status']}"
    if entry["status"] == "in use":
        brings = "; ".join(f"{kind}: {', '.join(names)}" for kind, names in entry["brings"].items() if names)
        click.echo(f"{head}\n    {brings}")
        if in_full:
            click.echo(f"    module {entry['module']}, imported in {entry['import_seconds']} s when it was catalogued")
            for problem in entry["problems"]:
                click.echo(f"    {problem['cause']}\n        fix: {problem['fix']}")
        return
    click.echo(f"{head}\n    {entry['phase']}: {entry['cause']}")
    if in_full:
        click.echo(f"    fix: {entry['fix']}")
