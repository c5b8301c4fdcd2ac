"""``dsim roi new``: begin a session."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from dsim.errors import UsageError
from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim_simsearch.settings import SearchSettings


@click.command(short_help="Begin a session on a set of images.")
@click.argument("name", metavar="SESSION")
@click.argument("images", shell_complete=completion.datasets)
@options.datasets(
    "--display", help="Images to look for candidates in, by id; or how many to draw. [default: 6]", metavar="ID...|N"
)
@click.option("--channels", metavar="N,N", default="", help="Channels to use, from 0 on. Default: all.")
@click.option(
    "--preset",
    type=click.Choice(["default", "paper"]),
    default="default",
    show_default=True,
    help="Settings of the search; paper is slow.",
)
@click.option("--extractor", metavar="NAME", help="Network and layer of the features.")
@click.option("--region", type=click.IntRange(min=1), help="Network pixels that a patch's longer side spans.")
@click.option("--scales", metavar="X,X", help="Sizes of objects to look for; 1 is that of the prototypes.")
@options.seed
@options.as_json
def new(
    name: str,
    images: str,
    display: Sequence[str],
    channels: str,
    preset: str,
    extractor: str | None,
    region: int | None,
    scales: str | None,
    seed: int,
    as_json: bool,
) -> None:
    """Begin the session SESSION (a folder, SESSION.dsimroi) on IMAGES.

    Everything that is chosen and marked in it is written there at once; images are neither copied nor changed, and are
    known again by their content when they were moved or renamed. IMAGES is a folder, an image file, a .csv, .npz or .h5
    file, or phantoms:NAME.
    """
    from dsim.ui import make_runtime
    from dsim_simsearch.commands.show import print_state
    from dsim_simsearch.session.session import Session

    given = {"extractor": extractor, "region": region, "scales": scales}
    settings = _settings(preset, {key: value for key, value in given.items() if value is not None})
    with Session.create(
        name,
        images,
        displayed=_display(display),
        channels=parse_channels(channels),
        seed=seed,
        settings=settings,
        runtime=make_runtime(),
    ) as session:
        print_state(session, as_json)


def _settings(preset: str, given: dict[str, Any]) -> SearchSettings:
    from dsim_simsearch.settings import SearchSettings

    if "scales" in given:
        given["scales"] = _numbers(given["scales"], "--scales")
    return SearchSettings.from_dict({**SearchSettings.preset(preset).to_dict(), **given})


def _numbers(text: str, option: str) -> list[float]:
    try:
        return [float(part) for part in text.split(",")]
    except ValueError:
        raise UsageError(f"{option} {text!r} holds no numbers", hint=f"separate them by commas: {option} 1,2") from None


def _display(given: Sequence[str]) -> int | Sequence[str]:
    """How many images to draw, or their ids; an image may be named by a number."""
    from dsim_simsearch.session.marks import DISPLAYED

    if not given:
        return DISPLAYED
    return int(given[0]) if len(given) == 1 and given[0].isdecimal() else list(given)


def parse_channels(text: str) -> list[int]:
    """Return the numbers of channels in a text; none for an empty one. Raises UsageError for anything else.

    >>> parse_channels("0,2"), parse_channels("")
    ([0, 2], [])
    """
    parts = [part.strip() for part in text.split(",") if part.strip()]
    if not all(part.isdecimal() for part in parts):
        raise UsageError(f"--channels {text!r} holds no numbers", hint="channels are counted from 0: --channels 0,2")
    return [int(part) for part in parts]
