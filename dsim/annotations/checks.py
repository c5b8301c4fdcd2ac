"""Regions checked against a dataset: whose image they are of, and whether they lie in it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from dsim.annotations.regions import Region, tidy
from dsim.data.file_list import name_some, stem
from dsim.errors import DataError, did_you_mean


def match_images(regions: Sequence[Region], ids: Sequence[str]) -> list[Region]:
    """Return the regions with the ids of a dataset as their images, in their order.

    A name that a file gives may have a suffix, and either of name and id may have more folders before it; other folders
    are other images. Raises DataError that lists the names of no image, or a name that may be of several.

    >>> [found] = match_images([Region("slides/train/a.jpg", 1, 2, 3, 4)], ["train/a", "train/b"])
    >>> found.image
    'train/a'
    """
    by_end: dict[str, list[str]] = {}
    for id in ids:
        by_end.setdefault(id.rpartition("/")[2], []).append(id)
    exact = set(ids)
    found = {name: _matches(name, exact, by_end) for name in dict.fromkeys(region.image for region in regions)}
    lost = [name for name, matches in found.items() if not matches]
    if lost:
        images = "image" if len(lost) == 1 else "images"
        near = did_you_mean(lost[0], ids)
        raise DataError(
            f"the dataset has no {images} {name_some(lost)}.{near}", hint="give the images that the annotations are of"
        )
    for name, matches in found.items():
        if len(matches) > 1:
            raise DataError(
                f"annotations of {name!r} may be of several images: {name_some(matches)}", hint="name its folder too"
            )
    return [region._replace(image=found[region.image][0]) for region in regions]


def _matches(name: str, exact: set[str], by_end: Mapping[str, list[str]]) -> list[str]:
    """The ids that a name may mean; the name as it is comes before the name without suffix."""
    plain = name.replace("\\", "/")
    folder, slash, last = plain.rpartition("/")
    bare = f"{folder}{slash}{stem(Path(last))}"
    for wanted in (plain, bare):
        if wanted in exact:
            return [wanted]
    for wanted in (plain, bare):
        same = by_end.get(wanted.rpartition("/")[2], [])
        if matches := [id for id in same if _ends_alike(wanted, id)]:
            return matches
    return []


def _ends_alike(first: str, second: str) -> bool:
    """Whether one path is the end of the other."""
    short, long = sorted((first.strip("/"), second), key=len)
    return long == short or long.endswith(f"/{short}")


def faults_of(
    regions: Sequence[Region], sizes: Mapping[str, tuple[int, int]], points: bool | None = None
) -> list[tuple[Region, str]]:
    """Return the regions that cannot be used, each with the reason, in their order.

    That are regions without area, or that reach beyond their image; a point must lie in it.

    Parameters
    ----------
    sizes : (height, width) by id, of all images that the regions are of.
    points : whether points are allowed; None allows them where all regions are points: a box of no size among others
        is a fault of whoever drew it.

    >>> faults_of([Region("a", 5, 5, 0, 0), Region("a", 1, 1, 9, 4)], {"a": (8, 8)})[0][1]
    'it has no area: 0 x 0 pixels'
    """
    allowed = all(region.is_point for region in regions) if points is None else points
    found = ((region, _fault(region, sizes[region.image], allowed)) for region in regions)
    return [(region, reason) for region, reason in found if reason]


def _fault(region: Region, size: tuple[int, int], points: bool) -> str:
    height, width = size
    if not all(map(math.isfinite, region[1:5])):
        return "its place is not a number"
    if not (region.is_point and points) and (region.width <= 0 or region.height <= 0):
        return f"it has no area: {tidy(region.width)} x {tidy(region.height)} pixels"
    right, bottom = region.x + region.width, region.y + region.height
    beyond = region.x < 0 or region.y < 0 or right > width or bottom > height
    if beyond or (region.is_point and (region.x == width or region.y == height)):
        outside = region.x >= width or region.y >= height or right <= 0 or bottom <= 0
        return f"it {'lies outside' if outside else 'reaches beyond'} the image of {width} x {height} pixels"
    return ""


def refuse_faulty(regions: Sequence[Region], sizes: Mapping[str, tuple[int, int]], points: bool | None = None) -> None:
    """Raise DataError that names the first three regions that cannot be used; see ``faults_of``."""
    faults = faults_of(regions, sizes, points)
    if not faults:
        return
    texts = [f"{describe(region)}: {reason}" for region, reason in faults]
    number = "one region" if len(faults) == 1 else f"{len(faults)} regions"
    raise DataError(
        f"{number} of {len(regions)} cannot be used: {'; '.join(texts[:3])}{'; ...' if len(texts) > 3 else ''}",
        hint="mend or remove them, in pixels of the image as it is stored",
    )


def describe(region: Region) -> str:
    """Return a region as messages name it.

    >>> describe(Region("a", 1, 2, 3.5, 4, "cell"))
    'a (cell) at 1, 2 of 3.5 x 4'
    """
    label = f" ({region.label})" if region.label else ""
    x, y, width, height = (tidy(value) if math.isfinite(value) else value for value in region[1:5])
    return f"{region.image}{label} at {x}, {y}" + ("" if region.is_point else f" of {width} x {height}")
