"""``dsim roi``. Its commands are imported when they are called."""

from __future__ import annotations

import click

from dsim.ui import LazyGroup

#: Name, help, and the function below dsim_simsearch.commands; one line for each.
_COMMANDS: dict[str, tuple[str, str]] = {
    "new": ("Begin a session on a set of images.", "create:new"),
    "show": ("Show the state of a session.", "show:show"),
    "choose": ("Choose displayed images, channels, suggested background.", "marks:choose"),
    "add": ("Add prototypes to a class, or remove them.", "marks:add"),
    "threshold": ("Set the threshold of a class.", "marks:threshold"),
    "sample": ("Draw a sample of detections to verify.", "verify:sample"),
    "counts": ("Count objects, with intervals from a verified sample.", "verify:counts"),
    "undo": ("Undo the last action.", "marks:undo"),
    "redo": ("Redo what was undone last.", "marks:redo"),
}


@click.group(
    cls=LazyGroup, lazy={name: (text, f"dsim_simsearch.commands.{at}") for name, (text, at) in _COMMANDS.items()}
)
def roi() -> None:
    """Find regions of interest in many images from a few examples, with a person in the loop."""
