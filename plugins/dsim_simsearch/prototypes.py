"""Prototypes: examples of a class, all of one size, inside their images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from dsim.annotations import Region
from dsim.errors import UnknownNameError, UsageError

#: Boxes whose sides differ from those of the patch by so many pixels are of its size.
_ROUNDING = 0.5


def patch_of(region: Region) -> tuple[int, int]:
    """Return the patch, height and width in whole pixels, that a first prototype fixes.

    Raises UsageError for a prototype without an area.

    >>> patch_of(Region("a", 3, 4, 47.6, 30))
    (30, 48)
    """
    _check_area(region)
    return max(1, round(region.height)), max(1, round(region.width))


def fit_to_patch(region: Region, patch: tuple[int, int]) -> Region:
    """Return a region of the size of the patch (height, width) about the centre of this region or point.

    >>> fit_to_patch(Region("a", 10, 10, 0, 0, "cell"), (6, 4))[:5]
    ('a', 8.0, 7.0, 4, 6)
    """
    x, y = region.centre
    height, width = patch
    return region._replace(x=x - width / 2, y=y - height / 2, width=width, height=height)


def check_prototypes(
    prototypes: Sequence[Region], patch: tuple[int, int], shapes: Mapping[str, tuple[int, int]]
) -> None:
    """Raise unless every prototype is of the size of the patch and lies in its image.

    Parameters
    ----------
    patch : (height, width). shapes : (height, width) of each image, by id.

    Raises UsageError, which names the prototype, for one without an area, of another size, or beyond its image;
    UnknownNameError for an image that is not there.
    """
    for prototype in prototypes:
        _check_area(prototype)
        if prototype.image not in shapes:
            raise UnknownNameError("image", prototype.image, shapes, hint="a prototype lies in one of the images")
        sides = (prototype.height, prototype.width)
        if any(abs(side - own) > _ROUNDING for side, own in zip(sides, patch, strict=True)):
            raise UsageError(
                f"the {_described(prototype)} is {sides[1]:g} x {sides[0]:g} pixels (width x height), and the first "
                f"prototype fixed {patch[1]} x {patch[0]}",
                hint="draw all prototypes in one size, or start again with another size",
            )
        _check_inside(prototype, shapes[prototype.image])


def _check_area(prototype: Region) -> None:
    if not (prototype.width > 0 and prototype.height > 0):
        raise UsageError(
            f"the {_described(prototype)} is {prototype.width:g} x {prototype.height:g} pixels (width x height)",
            hint="draw a rectangle around the object",
        )


def _check_inside(prototype: Region, shape: tuple[int, int]) -> None:
    ends = (prototype.x + prototype.width, prototype.y + prototype.height)
    slack = _ROUNDING  # a box whose size was rounded
    if not (min(prototype.x, prototype.y) >= -slack and ends[0] <= shape[1] + slack and ends[1] <= shape[0] + slack):
        raise UsageError(
            f"the {_described(prototype)} lies beyond the image, which is {shape[1]} x {shape[0]} pixels "
            "(width x height)",
            hint="choose an object that is whole in the image",
        )


def _described(prototype: Region) -> str:
    of_class = f" of {prototype.label!r}" if prototype.label else ""
    return f"prototype{of_class} at x = {prototype.x:g}, y = {prototype.y:g} of {prototype.image!r}"
