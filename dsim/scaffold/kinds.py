"""What a new plugin can bring, and what its files say of it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Kind:
    """One kind of plugin.

    Parameters
    ----------
    title : what the example does, for README and metadata.
    module : the module that does the work; ``templates/<kind>`` holds it.
    requires : distributions that its code imports.
    example : a command that uses it; ``{name}`` stands for the plugin's name.
    """

    title: str
    module: str
    requires: tuple[str, ...]
    example: str


KINDS: Mapping[str, Kind] = {
    "measure": Kind("A measure of dataset similarity", "measure", ("dsim", "numpy"), "dsim compare --measure {name}"),
    "extractor": Kind(
        "A feature extractor",
        "extractor",
        ("dsim", "numpy"),
        'dsim compare --measure frechet --extractor "{name}:[bins=16]"',
    ),
    "reader": Kind("A reader of datasets", "reader", ("dsim", "numpy"), "dsim data inspect images.npy"),
    "command": Kind("A command", "command", ("click", "dsim"), "dsim {name} phantoms:fundus"),
}
