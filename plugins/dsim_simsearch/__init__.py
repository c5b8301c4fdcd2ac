"""SimSearch: regions of interest, found in many images from a few examples (Gupta et al.)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsim.plugin import CommandSpec, hookimpl

if TYPE_CHECKING:
    from dsim_simsearch.session.session import Session

__all__ = ["Session", "dsim_commands"]


@hookimpl
def dsim_commands() -> list[CommandSpec]:
    return [
        CommandSpec(
            name="roi",
            help="Find regions of interest from a few examples.",
            command="dsim_simsearch.commands.group:roi",
        )
    ]


def __getattr__(name: str) -> object:
    if name != "Session":
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    from dsim_simsearch.session.session import Session

    return Session
