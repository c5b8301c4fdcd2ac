"""``dsim doctor``: checks of the installation, each with a fix."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from dsim.ui import options

if TYPE_CHECKING:
    from dsim.doctor import Finding


@click.command()
@options.as_json
@click.option(
    "--online", is_flag=True, help="Also check whether weights can be downloaded; otherwise no network is used."
)
def doctor(as_json: bool, online: bool) -> int:
    """Check versions, device, memory, cache, weights and plugins.

    Each line is ok, a note (nothing is wrong), or broken; a fix follows where there is one. Exit code 1 if something
    is broken.
    """
    from dsim.doctor import Status, examine

    found = []
    for finding in examine(online=online):
        found.append(finding)
        if not as_json:
            _print(finding)
    if as_json:
        from dsim.runtime import VERSION
        from dsim.ui import emit_json

        findings = [finding.to_dict() for finding in found]
        emit_json({"schema": "dsim.doctor/1", "dsim": VERSION, "findings": findings})
    return 1 if any(finding.status is Status.BROKEN for finding in found) else 0


def _print(finding: Finding) -> None:
    """Print status and topic in columns, then the text; the fix on the next line."""
    from dsim.ui import print_behind

    print_behind(f"{finding.status:<8}{finding.topic:<10}", finding.text)
    if finding.help:
        # Not folded: it holds commands that are copied.
        click.echo(f"{'':<18}fix: {finding.help}")
