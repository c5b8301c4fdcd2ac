"""Options that several studies share, and what they give."""

from __future__ import annotations

from pathlib import Path

import click

from dsim.ui import options

sources = options.sources("Datasets of the pool.", required=True)
targets = options.targets("Datasets of interest; default: the sources.")
out = click.option(
    "--out", type=click.Path(file_okay=False, path_type=Path), required=True, help="Folder of the study; also to go on."
)
settings = click.option(
    "--set", "settings", multiple=True, metavar="NAME=VALUE", help="A parameter of the training; dsim explain asap."
)
preset = click.option(
    "--preset", type=click.Choice(["paper", "reference"]), help="Whose training; default: dsim's own."
)
