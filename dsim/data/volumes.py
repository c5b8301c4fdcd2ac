"""From the images of files to volumes, and from volumes to the samples of a dataset."""

from __future__ import annotations

import hashlib
import statistics
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import pairwise
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

from dsim.data.file_list import name_some
from dsim.data.formats.nifti import KEPT
from dsim.data.formats.pixels import PICTURE, FrameHeader, Slot
from dsim.data.options import Cut
from dsim.errors import DataError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from dsim.data.backings import Place


@dataclass(frozen=True)
class _Resliced:
    """One slice along ``y`` (rows become images) or ``x`` (columns do) through images (h, w, c), first to last.

    The last image becomes the top row: scans are stored from the feet to the head. All images are read for the first
    slice, and kept for the next ones.
    """

    images: tuple[Place, ...]
    axis: str
    index: int

    @property
    def path(self) -> Path:
        """The file of the first image."""
        return self.images[0].path

    @property
    def alone(self) -> bool:
        """False: the file holds other slices."""
        return False

    @property
    def files(self) -> tuple[Path, ...]:
        """All files that are read."""
        return tuple(dict.fromkeys(file for image in self.images for file in image.files))

    def read(self, max_pixels: int) -> NDArray[Any]:
        """Return pixels, (n, width or height, channels) of n images. Raises DataError where their shapes differ."""
        return self._slice("image", lambda image: image.read(max_pixels))

    def read_mask(self, max_pixels: int) -> NDArray[Any]:
        """Return an integer mask, (n, width or height) of n images. Raises DataError where their shapes differ."""
        return self._slice("mask", lambda image: image.read_mask(max_pixels))

    def digest(self, of_file: Mapping[Path, str]) -> str:
        """Return the sha256 of the files' digests, the axis and the position."""
        held = ",".join(image.digest(of_file) for image in self.images)
        return hashlib.sha256(f"{held}#{self.axis}{self.index}".encode()).hexdigest()

    def _slice(self, what: str, read: Callable[[Place], NDArray[Any]]) -> NDArray[Any]:
        import numpy as np

        def load() -> NDArray[Any]:
            images = [read(image) for image in self.images]
            if len({(image.shape, image.dtype) for image in images}) > 1:
                raise DataError(f"the slices of {self.path} have unequal shapes or types", hint="cut it along z")
            return np.stack(images[::-1])

        stamps = tuple((str(file), file.stat().st_mtime_ns, file.stat().st_size) for file in self.files)
        volume = KEPT.get((what, self.images, stamps), load)
        slice_: NDArray[Any] = volume[:, self.index] if self.axis == "y" else volume[:, :, self.index]
        return np.ascontiguousarray(slice_)


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
    """Return the order by ImagePositionPatient along the normal of ImageOrientationPatient, else by InstanceNumber.

    Raises DataError where neither gives the order, or where places have different numbers of images.

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
            f"series {what} has {min(counts)} to {max(counts)} images at one place: it is not a volume",
            hint="put each acquisition, echo or time point into a separate folder",
        )
    # Within a place the numbers show which time came first, whatever rounding has done to the heights.
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
            hint="export it again with these tags, or give each image a different SeriesInstanceUID",
        )
    order = sorted(range(len(slots)), key=lambda index: numbers[index])
    return Order(tuple(order), missing=max(numbers) - min(numbers) + 1 - len(numbers))


def _gaps(heights: Sequence[float]) -> int:
    """Slices that lack, by the median distance of neighbours."""
    steps = [high - low for low, high in pairwise(heights)]
    usual = statistics.median(steps) if steps else 0.0
    return sum(round(step / usual) - 1 for step in steps if step > usual)


#: The id of a series that lies in the dataset's own folder: the folder's name is not part of ids.
_ALONE = "volume"


@dataclass(frozen=True)
class Item:
    """One image file that was found, with what is known of it; each of its frames (h, w, c) becomes a sample.

    ``mask`` is a file; or, as a tuple, the files that each mark one object of the image, as few as they are.
    """

    id: str
    path: Path
    mask: Path | tuple[Path, ...] | None = None
    label: str | None = None
    group: str | None = None
    split: str | None = None

    @property
    def mask_files(self) -> tuple[Path, ...]:
        """All files of the mask; none where there is no mask."""
        return (self.mask,) if isinstance(self.mask, Path) else self.mask or ()


@dataclass(frozen=True)
class Piece:
    """One image (h, w, c) of a file, or one slice through a volume, with what is known of it."""

    item: Item
    header: FrameHeader
    image: Place
    mask: Place | None


@dataclass(frozen=True)
class Volume:
    """Images (h, w, c) that lie one upon the other, in order, ``times`` times; a file of one image is one of itself."""

    id: str
    pieces: tuple[Piece, ...]
    times: int = 1
    missing: int = 0

    @property
    def kind(self) -> str:
        """``picture``, ``NIfTI`` or ``DICOM``."""
        return self.pieces[0].header.kind


def volumes_of(files: Sequence[tuple[Item, Sequence[Piece]]]) -> list[Volume]:
    """Return one volume per file; DICOM files of one image that share folder and series are one volume.

    Raises DataError where the slices of a series differ in shape, or where their order is unknown.
    """
    found: list[Volume] = []
    series: dict[tuple[Path, str], list[Piece]] = defaultdict(list)
    for item, pieces in files:
        slot = pieces[0].header.slot
        if slot is not None and slot.series and len(pieces) == 1:
            series[item.path.parent, slot.series].append(pieces[0])
        else:
            found.append(Volume(item.id, tuple(pieces), 1 + max(piece.header.time for piece in pieces)))
    per_folder = Counter(folder for folder, _ in series)
    for (folder, uid), pieces in series.items():
        if _are_stills([piece.header for piece in pieces]):
            found += [Volume(piece.item.id, (piece,)) for piece in pieces]
        else:
            found.append(_of_series(pieces, uid, alone=per_folder[folder] == 1))
    return found


def _are_stills(headers: Sequence[FrameHeader]) -> bool:
    """Whether images of a series are views, not slices: none states its place, and kind or sizes say that none has one.

    So are stills of ultrasound and views of a chest; slices of CT and MR may lack their places, too.
    """
    slots = [header.slot for header in headers if header.slot is not None]
    if any(slot.position is not None for slot in slots):
        return False
    return len({(header.height, header.width) for header in headers}) > 1 or not all(slot.sliced for slot in slots)


def samples(volume: Volume, cut: Cut) -> Iterator[tuple[str, Piece]]:
    """Yield ids and images (h, w, c), still unread, of the slices that are wanted.

    Raises DataError where the volume has several time points and none is chosen, or where it has not the one wanted.
    """
    if len(volume.pieces) == 1 and cut.axis == "z":
        _refuse_times(volume, cut)
        yield volume.id, volume.pieces[0]
        return
    digits = len(str(len(volume.pieces) - 1))
    for stack in _time_points(volume, cut):
        if cut.axis == "z":
            for position in cut.positions(len(stack)):
                number, piece = stack[position]
                yield f"{volume.id}#{number:0{digits}d}", piece
        else:
            yield from _resliced(volume, [piece for _, piece in stack], cut)


def describe(volumes: Sequence[Volume], cut: Cut) -> list[str]:
    """Return notes for the user on the volumes and their slices."""
    several = [volume for volume in volumes if len(volume.pieces) > 1]
    notes = [
        f"series {volume.id}: {volume.missing} slices seem to be missing between its {len(volume.pieces)}"
        for volume in several
        if volume.missing
    ]
    if cut.options and several:
        chosen = {"all": "all slices", "central": "the central slice"}.get(str(cut.slices), f"{cut.slices} slices")
        time = "" if cut.time is None else f", time point {cut.time}"
        notes.append(f"{chosen} of each of {len(several)} volumes, along {cut.axis}{time}")
    return [*notes, *_crossed(several, cut)]


def _crossed(volumes: Sequence[Volume], cut: Cut) -> list[str]:
    """A note on volumes with masks of some slices only: through those, slices along another axis have no whole mask."""
    if cut.axis == "z":
        return []
    counts = {volume.id: sum(piece.mask is not None for piece in volume.pieces) for volume in volumes}
    partly = [volume.id for volume in volumes if 0 < counts[volume.id] < len(volume.pieces)]
    if not partly:
        return []
    return [f"masks of {name_some(partly)} not used along {cut.axis}: only some of the stored slices have one"]


def refuse_mixed(volumes: Iterable[Volume], location: Path) -> None:
    """Raise DataError where pictures, NIfTI and DICOM are mixed: such are previews or copies, rarely a dataset."""
    first: dict[str, Volume] = {}
    for volume in volumes:
        first.setdefault(volume.kind, volume)
    if len(first) > 1:
        named = " and ".join(f"{volume.pieces[0].item.path.name} ({kind})" for kind, volume in sorted(first.items()))
        raise DataError(
            f"{location} mixes pictures and volumes, or volumes of two formats: {named}",
            hint="put each kind into a separate folder, and open that",
        )


# Series -----------------------------------------------------------------------------------------------------------


def _of_series(pieces: Sequence[Piece], uid: str, alone: bool) -> Volume:
    if len(pieces) == 1:
        return Volume(pieces[0].item.id, tuple(pieces))
    folder = PurePosixPath(pieces[0].item.id).parent.as_posix()
    parts = [part for part in (folder if folder != "." else "", "" if alone else uid) if part]
    what = pieces[0].item.path.parent if alone else f"{uid} in {pieces[0].item.path.parent}"
    shapes = sorted({(piece.header.height, piece.header.width) for piece in pieces})
    if len(shapes) > 1:
        raise DataError(
            f"series {what} has slices of unequal shapes (height x width): "
            + ", ".join(f"{height} x {width}" for height, width in shapes),
            hint="take out the images that do not belong to the volume, such as localizers",
        )
    order = ordered([piece.header.slot for piece in pieces if piece.header.slot is not None], what)
    sorted_ = tuple(
        replace(pieces[index], header=replace(pieces[index].header, time=place * order.times // len(pieces)))
        for place, index in enumerate(order.indices)
    )
    return Volume("/".join(parts) or _ALONE, sorted_, order.times, order.missing)


# Slices -----------------------------------------------------------------------------------------------------------


def _refuse_times(volume: Volume, cut: Cut) -> None:
    path, times = volume.pieces[0].item.path, volume.times
    if cut.time is not None and cut.time >= times:
        raise DataError(
            f"{path} has {times} time points, and no number {cut.time}", hint=f"choose one of 0 to {times - 1}"
        )
    # Every page of a picture is a separate image; the fourth axis of a scan may be anything.
    if cut.time is None and times > 1 and (volume.kind != PICTURE or cut.axis != "z"):
        raise DataError(
            f"{path} has {times} time points (or echoes, or channels): which is meant is not known",
            hint="choose one, counted from 0: PATH[time=0], in Python open_dataset(..., time=0)",
        )


def _time_points(volume: Volume, cut: Cut) -> Iterator[list[tuple[int, Piece]]]:
    """The numbered images of each time point that is wanted."""
    _refuse_times(volume, cut)
    wanted = range(volume.times) if cut.time is None else [cut.time]
    for time in wanted:
        yield [(number, piece) for number, piece in enumerate(volume.pieces) if piece.header.time == time]


def _resliced(volume: Volume, pieces: Sequence[Piece], cut: Cut) -> Iterator[tuple[str, Piece]]:
    """Slices down the rows or along the columns: the last of the stored slices becomes the top row."""
    first = pieces[0]
    _refuse_unequal(volume, pieces)
    height, width = first.header.height, first.header.width
    depth, across = (height, width) if cut.axis == "y" else (width, height)
    images = tuple(piece.image for piece in pieces)
    masks = tuple(piece.mask for piece in pieces if piece.mask is not None)
    if len(masks) < len(pieces):
        masks = ()  # a slice through masks of some images only would have gaps
    header = replace(first.header, height=len(pieces), width=across)
    for position in cut.positions(depth):
        image = _Resliced(images, cut.axis, position)
        mask = _Resliced(masks, cut.axis, position) if masks else None
        number = f"{position:0{len(str(depth - 1))}d}"
        yield f"{volume.id}#{cut.axis}{number}", Piece(first.item, header, image, mask)


def _refuse_unequal(volume: Volume, pieces: Sequence[Piece]) -> None:
    facts = {(piece.header.height, piece.header.width, piece.header.dtype) for piece in pieces}
    said = {(piece.item.label, piece.item.group, piece.item.split) for piece in pieces}
    if len(facts) > 1:
        raise DataError(
            f"{pieces[0].item.path} has slices of unequal shapes or types, and cannot be cut along another axis",
            hint="cut it along z",
        )
    if len(said) > 1:
        raise DataError(
            f"the slices of volume {volume.id!r} have different labels, groups or splits, which a cut along another "
            "axis would mix",
            hint="cut it along z, or label whole volumes",
        )
