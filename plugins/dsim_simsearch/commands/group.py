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
    "suggest": ("Show candidates of a class, the most similar first.", "suggest:suggest"),
    "threshold": ("Set the threshold of a class.", "marks:threshold"),
    "flag": ("Flag candidates that are wrong.", "suggest:flag"),
    "train": ("Train a detector on what is marked.", "detections:train"),
    "detect": ("Detect objects in all images of a session.", "detections:detect"),
    "sample": ("Draw a sample of detections to verify.", "verify:sample"),
    "counts": ("Count objects, with intervals from a verified sample.", "verify:counts"),
    "export": ("Write detections for other tools.", "detections:export"),
    "apply": ("Detect objects in other images.", "detections:apply"),
    "undo": ("Undo the last action.", "marks:undo"),
    "study": ("Measure methods on annotated images, with a simulated user.", "study:study"),
    "redo": ("Redo what was undone last.", "marks:redo"),
    "replay": ("Carry a session out again, and compare its detections.", "repeat:replay"),
}


@click.group(
    cls=LazyGroup, lazy={name: (text, f"dsim_simsearch.commands.{at}") for name, (text, at) in _COMMANDS.items()}
)
def roi() -> None:
    """Find regions of interest in many images from a few examples, with a person in the loop."""
