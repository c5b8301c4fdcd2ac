"""``dsim plugin new`` and ``dsim plugin check``: from a name to a plugin that is known to keep the contract."""

from __future__ import annotations

import shlex
from pathlib import Path
from typing import TYPE_CHECKING

import click

from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.testing import PluginReport, Report

#: As in ``dsim.scaffold``, which only the command itself imports: --help stays quick.
_KINDS = ("measure", "extractor", "trainer", "reader", "command")
_LICENCES = ("MIT", "BSD-3-Clause", "Apache-2.0", "GPL-3.0-or-later")


@click.group()
def plugin() -> None:
    """Write a plugin of one's own, and check one. What is installed: dsim plugins."""


@plugin.command()
@click.argument("name")
@click.option("--kind", type=click.Choice(_KINDS), default="measure", show_default=True, help="What it brings.")
@click.option("--licence", type=click.Choice(_LICENCES), default="MIT", show_default=True)
@click.option("--author", default="", help="For metadata and licence. Default: the authors of dsim-NAME.")
@click.option(
    "--out",
    type=click.Path(file_okay=False, path_type=Path),
    default=Path(),
    help="Where the folder dsim-NAME is made. Default: here.",
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
    it brings keeps the contract; 1: it does not, and what to do is told.
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
    """All checks of one thing; what to do stands below what failed."""
    from dsim.ui import print_table

    rows = []
    for result in part.results:
        told = f"{result.message}\nfix: {result.hint}" if result.hint else result.message
        rows.append([result.status.value.replace("_", " "), result.name, told])
    print_table(f"{part.kind} {part.name}: {part.summary}", ("", "check", "what was seen"), rows)
