"""``dsim roi add``, ``threshold``, ``choose``, ``undo`` and ``redo``: one action of a session each."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from dsim.errors import UsageError
from dsim.ui import options
from dsim_simsearch.commands import arguments


@click.command(short_help="Add prototypes to a class, or remove them.")
@arguments.session
@arguments.label
@click.option(
    "--box",
    "boxes",
    cls=options.SeveralValues,
    metavar="IMAGE,X,Y,W,H...",
    help="Prototypes: upper left corner and size in pixels; or IMAGE,X,Y, a centre.",
)
@click.option(
    "--from",
    "file",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Prototypes of a CSV, COCO, QuPath or Fiji file: its regions of this class.",
)
@click.option("--size", metavar="WxH", help="Give all prototypes this size around their centres.")
@click.option("--remove", is_flag=True, help="Remove these prototypes instead.")
@options.as_json
def add(
    session: str,
    images: str | None,
    label: str,
    boxes: Sequence[str],
    file: Path | None,
    size: str | None,
    remove: bool,
    as_json: bool,
) -> None:
    """Mark objects as prototypes of a class; the first of a session fixes the size of all.

    A class begins with its first prototype, and is gone with its last.
    """
    from dsim.ui import make_runtime
    from dsim_simsearch.commands.show import print_state

    if not boxes and file is None:
        raise UsageError("neither --box nor --from was given", hint="--box IMAGE,X,Y,WIDTH,HEIGHT, or --from FILE")
    side = arguments.parse_size(size)
    with arguments.open_session(session, images, make_runtime()) as opened:
        regions = [
            arguments.sized(region, side) for region in arguments.given_regions(opened, boxes, "--box", side)
        ] + ([] if file is None else arguments.regions_from(opened, file, label, side))
        (opened.remove_prototypes if remove else opened.add_prototypes)(label, regions)
        print_state(opened, as_json)


@click.command(short_help="Set the threshold of a class.")
@arguments.session
@arguments.label
@click.argument("value", type=float)
@options.as_json
def threshold(session: str, images: str | None, label: str, value: float, as_json: bool) -> None:
    """Take candidates whose similarity is at least VALUE for objects of a class; dsim roi suggest shows which."""
    from dsim.ui import make_runtime
    from dsim_simsearch.commands.show import print_state

    with arguments.open_session(session, images, make_runtime()) as opened:
        opened.set_threshold(label, value)
        print_state(opened, as_json)


@click.command(short_help="Choose displayed images, channels, suggested background.")
@arguments.session
@options.datasets("--display", help="Images to look for candidates in, by id.", metavar="ID...", shell_complete=None)
@click.option("--channels", metavar="N,N|all", help="Channels to use, from 0 on.")
@click.option("--background", type=int, metavar="N", help="Regions of background that are suggested in each image.")
@options.as_json
def choose(
    session: str,
    images: str | None,
    display: Sequence[str],
    channels: str | None,
    background: int | None,
    as_json: bool,
) -> None:
    """Choose other images to display, other channels, or how much background is suggested."""
    from dsim.ui import make_runtime
    from dsim_simsearch.commands.create import parse_channels
    from dsim_simsearch.commands.show import print_state

    if not (display or channels or background is not None):
        raise UsageError("none of --display, --channels and --background was given", hint="give what to change")
    with arguments.open_session(session, images, make_runtime()) as opened:
        if display:
            opened.show_images(display)
        if channels:
            opened.choose_channels([] if channels == "all" else parse_channels(channels))
        if background is not None:
            opened.set_background(background)
        print_state(opened, as_json)


@click.command(short_help="Undo the last action.")
@arguments.session
@options.as_json
def undo(session: str, images: str | None, as_json: bool) -> None:
    """Return to the state before the last action in force. Every action but the beginning can be undone."""
    _step(session, images, as_json, back=True)


@click.command(short_help="Redo what was undone last.")
@arguments.session
@options.as_json
def redo(session: str, images: str | None, as_json: bool) -> None:
    """Carry out again what was undone last, if nothing else was done since."""
    _step(session, images, as_json, back=False)


def _step(session: str, images: str | None, as_json: bool, *, back: bool) -> None:
    from dsim.ui import make_runtime, say
    from dsim_simsearch.commands.show import print_state

    with arguments.open_session(session, images, make_runtime()) as opened:
        before = opened.state
        (opened.undo if back else opened.redo)()
        say(f"{'undone' if back else 'redone'}: {before.undoable if back else before.redoable}")
        print_state(opened, as_json)
