"""Actions are checked against the images before they are written: what is named there must be there."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from dsim.annotations import Region
from dsim.errors import UnknownNameError, UsageError
from dsim_simsearch.session import actions as act
from dsim_simsearch.session.actions import Action
from dsim_simsearch.session.state import words

#: (height, width, channels) of an image by its index.
Shape = Callable[[int], tuple[int, int, int]]


def check_action(action: Action, ids: Sequence[str], shape: Shape) -> None:
    """Raise UsageError, which names the culprit, where an action names images, places or channels that are not there.

    ``ids`` : of the session's images; ``shape`` : (height, width, channels) of each.
    """
    if isinstance(action, act.Begin | act.ShowImages):
        for id in action.images:
            index_of(id, ids)
    if isinstance(action, act.Begin | act.ChooseChannels):
        _check_channels(action.channels, shape)
    for region in action.regions_of:
        if isinstance(action, act.AddPrototypes):
            check_prototype(region, ids, shape)
        elif isinstance(action, act.Flag | act.FlagBackground):
            _check_centre(region, ids, shape)


def index_of(id: str, ids: Sequence[str]) -> int:
    """Return the position of an image. Raises UnknownNameError where there is none of that id."""
    if id not in ids:
        raise UnknownNameError("image", id, ids, hint="dsim roi show lists the images of the session")
    return ids.index(id)


def check_prototype(region: Region, ids: Sequence[str], shape: Shape) -> None:
    """Raise UsageError unless a region has a size and lies within its image."""
    height, width, _ = shape(index_of(region.image, ids))
    if not (region.width > 0 and region.height > 0):
        raise UsageError(
            f"prototype {words(region)} has no size",
            hint="draw a box around an object: IMAGE,X,Y,WIDTH,HEIGHT; points get a size by --size WIDTHxHEIGHT",
        )
    inside = region.x >= 0 and region.y >= 0 and region.x + region.width <= width and region.y + region.height <= height
    if not inside:
        raise UsageError(
            f"prototype {words(region)} reaches beyond its image, which is {width} x {height} pixels",
            hint="choose an object that lies whole within the image; a box is IMAGE,X,Y,WIDTH,HEIGHT",
        )


def _check_centre(region: Region, ids: Sequence[str], shape: Shape) -> None:
    """Candidates at a border reach beyond it: only their centres are within."""
    height, width, _ = shape(index_of(region.image, ids))
    x, y = region.centre
    if not (0 <= x <= width and 0 <= y <= height):
        raise UsageError(
            f"{words(region)} has its centre outside its image, which is {width} x {height} pixels",
            hint="flag a candidate: dsim roi suggest lists them",
        )


def _check_channels(channels: Sequence[int], shape: Shape) -> None:
    if not channels:
        return
    count = shape(0)[2]
    for channel in channels:
        if not 0 <= channel < count:
            raise UsageError(
                f"there is no channel {channel}: the images have {count}", hint=f"channels are 0 to {count - 1}"
            )
