"""Options that several commands share, so that they read and mean the same everywhere."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import click

from dsim.cli import completing

Command = Callable[..., Any]
Option = Callable[[Command], Command]

seed = click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Seed of every draw.")
device = click.option("--device", default="auto", show_default=True, help="auto, cpu, cuda, cuda:1, mps.")
offline = click.option("--offline", is_flag=True, help="Never download anything.")
as_json = click.option("--json", "as_json", is_flag=True, help="Print JSON.")
skip_unreadable = click.option(
    "--skip-unreadable", is_flag=True, help="Pass over images that cannot be read; they are listed."
)
jobs = click.option(
    "--jobs", type=int, default=1, show_default=True, help="Summaries and pairs side by side; -1: all cores."
)
score = click.option(
    "--score", metavar="NAME", help="Which column of a truth's CSV holds the scores, where there are several."
)
bounds = click.option(
    "--bounds",
    nargs=2,
    type=float,
    metavar="LOW HIGH",
    help="Smallest and largest value of a CSV's score that is not DSC, AUC or accuracy.",
)


def _datasets(name: str) -> Callable[..., Option]:
    def option(help: str, **more: Any) -> Option:
        return click.option(
            name, multiple=True, shell_complete=completing.datasets, metavar="PATH...", help=help, **more
        )

    return option


#: ``sources(help)`` and ``targets(help)`` are the options that name datasets, with what they are to a command.
sources, targets = _datasets("--sources"), _datasets("--targets")


def together(*single: Option) -> Option:
    """Several options as one decorator, in the order in which ``--help`` lists them."""

    def decorate(command: Command) -> Command:
        for option in reversed(single):
            command = option(command)
        return command

    return decorate


#: How measures are judged: ``self_pairs``, ``interval`` and ``resamples``.
judging = together(
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
