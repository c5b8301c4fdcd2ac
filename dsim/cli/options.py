"""Options that several commands share, so that they read and mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeVar

import click

Command = TypeVar("Command", bound=Callable[..., Any])

seed = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of every draw.")
device = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
offline = click.option("--offline", is_flag=True, help="Never download anything.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON instead of tables.")

_JUDGING = (
    click.option(
        "--self",
        "self_pairs",
        type=click.Choice(["exclude", "include"]),
        default="exclude",
        show_default=True,
        help="Pairs of a dataset with itself.",
    ),
    click.option(
        "--interval",
        type=click.Choice(["expanded", "percentile"]),
        default="expanded",
        show_default=True,
        help="Bootstrap over targets, widened for few of them; or the plain percentiles.",
    ),
    click.option("--resamples", type=int, default=2000, show_default=True, help="Resamples of the targets."),
)


def judging(command: Command) -> Command:
    """How measures are judged: ``self_pairs``, ``interval`` and ``resamples``."""
    for option in reversed(_JUDGING):
        command = option(command)
    return command
