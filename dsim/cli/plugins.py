"""``dsim plugins``: what is installed, and why something is not in use."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

if TYPE_CHECKING:
    from dsim.loading import Plugin, PluginFailure
    from dsim.registry import Registry


@click.command()
@click.option("--why", metavar="NAME", help="Tell all about one plugin: what it brings, or why it is not in use.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plugins(why: str | None, as_json: bool) -> None:
    """List plugins and what each brings."""
    from dsim.registry import default

    registry = default()
    entries = [_entry(plugin) for plugin in registry.plugins.values()] + [_failure(f) for f in registry.failures]
    if why is not None:
        entries = [entry for entry in entries if entry["name"] == why] or _unknown(why, registry)
    if as_json:
        from dsim.cli.console import emit_json

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
    return [str(getattr(item, "name", getattr(item, "kind", item))) for item in items]


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
        return
    click.echo(f"{head}\n    {entry['phase']}: {entry['cause']}")
    if in_full:
        click.echo(f"    fix: {entry['fix']}")
