"""``dsim roi``. Its commands are imported when they are called."""

from __future__ import annotations

import click

from dsim.ui import LazyGroup

#: Name, help, and the function below dsim_simsearch.commands; one line for each.
_COMMANDS: dict[str, tuple[str, str]] = {}


@click.group(
    cls=LazyGroup, lazy={name: (text, f"dsim_simsearch.commands.{at}") for name, (text, at) in _COMMANDS.items()}
)
def roi() -> None:
    """Find regions of interest in many images from a few examples, with a person in the loop."""
