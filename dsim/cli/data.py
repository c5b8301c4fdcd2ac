"""``dsim data``: look at datasets, generate phantoms."""

from __future__ import annotations

import click

from dsim.ui import LazyGroup


@click.group(
    cls=LazyGroup,
    lazy={
        "inspect": ("Show what was understood of a dataset.", "dsim.cli.data_inspect:inspect"),
        "phantoms": ("Write seeded biomedical-like datasets.", "dsim.cli.data_phantoms:phantoms"),
    },
)
def data() -> None:
    """Look at datasets; generate phantoms."""
