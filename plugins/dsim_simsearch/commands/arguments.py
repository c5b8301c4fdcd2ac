"""Arguments that the commands of ``dsim roi`` share: a session, regions, sizes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.errors import DataError, UsageError
from dsim.ui import completion, options

if TYPE_CHECKING:
    from dsim.annotations import Region
    from dsim.runtime import Runtime
    from dsim_simsearch.session.session import Session

Command = Callable[..., Any]

_moved = click.option(
    "--images", "images", metavar="PATH", shell_complete=completion.datasets, help="Where the images are now."
)


def session(command: Command) -> Command:
    """The argument SESSION, and the option --images for images that were moved."""
    return click.argument("session", metavar="SESSION", shell_complete=completion.completer(completion.files))(
        _moved(command)
    )


label = click.option("--class", "label", required=True, metavar="NAME", help="The class.")
boxes = options.SeveralValues


def open_session(path: str, images: str | None, runtime: Runtime, *, writing: bool = True) -> Session:
    """Open a session, and note what was noticed. Raises what ``Session.open`` raises."""
    from dsim_simsearch.session.session import Session

    opened = Session.open(path, images, writing=writing, runtime=runtime)
    for note in opened.notes:
        runtime.progress.note(note)
    return opened


def parse_size(text: str | None) -> tuple[int, int] | None:
    """Return (height, width) of WIDTHxHEIGHT, or of one number for both. Raises UsageError for anything else.

    >>> parse_size("24x18"), parse_size("24")
    ((18, 24), (24, 24))
    """
    if text is None:
        return None
    width, _, height = text.lower().partition("x")
    height = height or width
    if not (width.isdecimal() and height.isdecimal() and int(width) and int(height)):
        raise UsageError(f"--size {text!r} is no size", hint="give WIDTHxHEIGHT in pixels, as --size 24x24")
    return int(height), int(width)


def parse_region(text: str, option: str, size: tuple[int, int] | None) -> Region:
    """Return the region of IMAGE,X,Y,WIDTH,HEIGHT, or of IMAGE,X,Y: the centre of one of ``size`` (height, width).

    Raises UsageError for anything else.

    >>> parse_region("a,b.png,10,20,8,6", "--box", None)[:5]
    ('a,b.png', 10.0, 20.0, 8.0, 6.0)
    >>> parse_region("a.png,10,20", "--at", (6, 8))[:5]
    ('a.png', 6.0, 17.0, 8, 6)
    """
    from dsim.annotations import Region

    for count in (4, 2):
        image, *numbers = text.rsplit(",", count)
        try:
            place = [float(number) for number in numbers]
        except ValueError:
            continue
        if image and len(place) == 4:
            return Region(image, *place)  # type: ignore[arg-type]
        if image and len(place) == 2:
            return sized(Region(image, place[0], place[1], 0, 0), size)
    raise UsageError(
        f"{option} {text!r} is no place in an image", hint="give IMAGE,X,Y,WIDTH,HEIGHT, or IMAGE,X,Y for a centre"
    )


def sized(region: Region, size: tuple[int, int] | None) -> Region:
    """Return a region of a size (height, width) around the same centre; as it is where there is no size."""
    if size is None:
        return region
    (x, y), (height, width) = region.centre, size
    return region._replace(x=x - width / 2, y=y - height / 2, width=width, height=height)


def given_regions(
    opened: Session, texts: Sequence[str], option: str, size: tuple[int, int] | None = None
) -> list[Region]:
    """Return the regions of a command line, images by their names in the session, with or without suffix.

    A centre gets ``size``, or else that of the session. Raises UsageError and DataError that name the culprit.
    """
    from dsim.annotations import match_images

    usual = size or opened.state.patch
    return match_images([parse_region(text, option, usual) for text in texts], opened.ids)


def regions_from(opened: Session, path: Path, label: str, size: tuple[int, int] | None) -> list[Region]:
    """Return the regions of a class in a file: of that label, or all where the file names no classes.

    Points get ``size`` (height, width), or else that of the session; boxes keep theirs unless ``size`` is given.
    Raises DataError where there is none, or where boxes are degenerate or outside their images.
    """
    from dsim.annotations import match_images, read_regions, refuse_faulty

    every = read_regions(path)
    labels = sorted({one.label for one in every} - {""})
    chosen = [one for one in every if one.label == label or not labels]
    if not chosen:
        raise DataError(
            f"{path} has no region of class {label!r}", hint=f"classes there: {', '.join(labels) or 'none, no region'}"
        )
    matched = match_images(chosen, opened.ids)
    refuse_faulty(matched, _sizes(opened, {one.image for one in matched}))
    return [sized(one, size or (opened.state.patch if one.is_point else None)) for one in matched]


def _sizes(opened: Session, images: Iterable[str]) -> dict[str, tuple[int, int]]:
    return {id: opened.shape(opened.ids.index(id))[:2] for id in images}
