"""``dsim map``: maps of image datasets. Its commands are imported when they are called."""

from __future__ import annotations

import click

from dsim.ui import LazyGroup

#: Name, help, and the module below dsim.cli with the command; one line for each.
_COMMANDS: dict[str, tuple[str, str]] = {
    "fit": ("Fit a map of datasets, with its page.", "map_fit:fit"),
    "place": ("Place new images on a map.", "map_place:place"),
    "compare": ("Compare methods that map a dataset.", "map_compare:compare"),
    "check": ("List the images that are worth a look.", "map_check:check"),
}


@click.group(cls=LazyGroup, lazy={name: (text, f"dsim.cli.{home}") for name, (text, home) in _COMMANDS.items()})
def map_() -> None:
    """Map every image of datasets in a plane, by a model that learns without labels and can place new images."""
