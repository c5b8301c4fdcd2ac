"""The order of the images of a DICOM series: by where they lie in the patient, else by their numbers."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from dsim.data.pixels import Slot
from dsim.errors import DataError

#: Positions nearer than this, in mm, are one: headers write them with few digits.
_NEAR = 1e-3
#: Cosines of directions that differ less are one direction.
_ALIKE = 1e-3


@dataclass(frozen=True)
class Order:
    """``indices`` of the images, time point after time point, each from the first slice to the last.

    ``times`` is how many images each place has; ``missing`` how many slices seem to be lacking between the others.
    """

    indices: tuple[int, ...]
    times: int = 1
    missing: int = 0


def ordered(slots: Sequence[Slot], what: object) -> Order:
    """Sort by ImagePositionPatient along the normal of ImageOrientationPatient, else by InstanceNumber.

    Raises DataError where neither tells the order, or where places have different numbers of images.

    >>> ordered([Slot("s", number) for number in (4, 1, 2)], "scan")
    Order(indices=(1, 2, 0), times=1, missing=1)
    """
    heights = _heights(slots)
    if heights is None:
        return _by_number(slots, what)
    order = sorted(range(len(slots)), key=lambda index: (heights[index], slots[index].number or 0))
    places = _places(order, heights)
    counts = {len(place) for place in places}
    if len(places) == 1 and len(slots) > 1:
        return _by_number(slots, what)
    if len(counts) > 1:
        raise DataError(
            f"series {what} has {min(counts)} to {max(counts)} images at one place: it is no volume",
            hint="put each acquisition, echo or time point into a folder of its own",
        )
    # Within a place the numbers tell which time came first, whatever rounding has done to the heights.
    places = [sorted(place, key=lambda index: slots[index].number or 0) for place in places]
    times = counts.pop()
    indices = tuple(place[time] for time in range(times) for place in places)
    return Order(indices, times, _gaps([heights[place[0]] for place in places]))


def _heights(slots: Sequence[Slot]) -> list[float] | None:
    """Places along the normal, in mm; None where one is unknown, or where the images are not parallel."""
    first = slots[0].orientation
    if first is None:
        return None
    right, down = first[:3], first[3:]
    normal = tuple(right[i - 2] * down[i - 1] - right[i - 1] * down[i - 2] for i in range(3))
    heights = []
    for slot in slots:
        if slot.position is None or slot.orientation is None:
            return None
        if any(abs(a - b) > _ALIKE for a, b in zip(first, slot.orientation, strict=True)):
            return None
        heights.append(sum(a * b for a, b in zip(normal, slot.position, strict=True)))
    return heights


def _places(order: Sequence[int], heights: Sequence[float]) -> list[list[int]]:
    places: list[list[int]] = []
    for index in order:
        if places and heights[index] - heights[places[-1][0]] < _NEAR:
            places[-1].append(index)
        else:
            places.append([index])
    return places


def _by_number(slots: Sequence[Slot], what: object) -> Order:
    numbers = [slot.number for slot in slots if slot.number is not None]
    if len(set(numbers)) < len(slots):
        raise DataError(
            f"series {what} has neither parallel positions nor an InstanceNumber for each image: its order is unknown",
            hint="export it again with these tags, or give each image a SeriesInstanceUID of its own",
        )
    order = sorted(range(len(slots)), key=lambda index: numbers[index])
    return Order(tuple(order), missing=max(numbers) - min(numbers) + 1 - len(numbers))


def _gaps(heights: Sequence[float]) -> int:
    """Slices that lack, by the median distance of neighbours."""
    steps = [high - low for low, high in pairwise(heights)]
    usual = statistics.median(steps) if steps else 0.0
    return sum(round(step / usual) - 1 for step in steps if step > usual)
