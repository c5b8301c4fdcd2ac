"""SimSearch: regions of interest, found in many images from a few examples (Gupta et al.)."""

from __future__ import annotations

from dsim.plugin import CommandSpec, hookimpl


@hookimpl
def dsim_commands() -> list[CommandSpec]:
    return [
        CommandSpec(
            name="roi",
            help="Find regions of interest from a few examples.",
            command="dsim_simsearch.commands.group:roi",
        )
    ]
