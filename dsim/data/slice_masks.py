"""Masks of single slices, named as their samples: ``masks/stack#3.png`` is that of the fourth image of ``stack``.

Pre-labels of stacks, volumes and series are written so, and annotation tools take them as single pictures.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace
from pathlib import Path, PurePosixPath
from typing import TypeVar

from dsim.data.backings import Frame, Place
from dsim.data.formats.pixels import FrameHeader
from dsim.data.mask_files import mask_of_objects, refuse_other_size
from dsim.data.options import Cut
from dsim.data.volumes import Piece, Volume
from dsim.errors import DataError, did_you_mean
from dsim.files.sample_names import file_names, safe_name

T = TypeVar("T")

#: The last part is of a sample whose name equals another on some disks.
_OF_SLICE = re.compile(r"(?P<stack>.+)#(?P<axis>[xy]?)(?P<number>\d+)(?:-\d+)?")
_LEADING_ZEROS = re.compile(r"(?<=#)0+(?=\d)|(?<=#[xy])0+(?=\d)")
#: Ids of DICOM series that are not named as their folder: one alone in the dataset, and one of several in a folder.
_SERIES = re.compile(r"volume|[\d.]+")

#: Masks by the names of their samples: the file, and the headers of its images.
SliceMasks = Mapping[str, tuple[Path, Sequence[FrameHeader]]]


def slices_among(masks: Sequence[str], images: Sequence[str]) -> tuple[str, ...]:
    """Return which masks are named as a slice of an image, or of a series; all are places without suffix.

    >>> slices_among(["stack#0", "p1/scan#y12", "a"], ["stack", "a", "p1/scan"]), slices_among(["p1#007"], ["p1/001"])
    (('stack#0', 'p1/scan#y12'), ('p1#007',))
    """
    candidates = {mask: found["stack"] for mask in masks if (found := _OF_SLICE.fullmatch(mask))}
    if not candidates:
        return ()
    known = _with_written(images)
    folders = _with_written({_parent(image) for image in images} - {""})
    homes = {*folders, *("" for image in images if not _parent(image))}

    def is_there(stack: str) -> bool:
        alone = _parent(stack) in homes and _SERIES.fullmatch(PurePosixPath(stack).name)
        return stack in known or stack in folders or bool(alone)

    return tuple(mask for mask, stack in candidates.items() if mask not in known and is_there(stack))


def give_masks(volumes: Sequence[Volume], masks: SliceMasks) -> tuple[list[Volume], SliceMasks]:
    """Return the volumes with masks (h, w) given to their slices (h, w, c), and the masks that are of no stored slice.

    Several masks of an image that is alone mark its objects. Raises DataError for a mask of another size than its
    slice, and for a second one.
    """
    if not masks:
        return list(volumes), masks
    places = _by_name({id: (v, p) for v, volume in enumerate(volumes) for p, id in enumerate(_slice_ids(volume))})
    alone = {volume.id: v for v, volume in enumerate(volumes) if len(volume.pieces) == 1}
    given: dict[tuple[int, int], Place] = {}
    objects: dict[int, list[str]] = defaultdict(list)
    left = {}
    for name, (path, headers) in masks.items():
        stack, place = _parsed(name)["stack"], _find(name, places)
        if place is not None:
            given[place] = _checked(volumes[place[0]].pieces[place[1]], path, headers, given.get(place))
        elif stack in alone:
            objects[alone[stack]].append(name)
        else:
            left[name] = (path, headers)
    for volume, names in objects.items():
        piece = volumes[volume].pieces[0]
        _refuse_second(piece, masks[names[0]][0])
        of_object = {masks[name][0]: masks[name][1] for name in sorted(names, key=lambda n: int(_parsed(n)["number"]))}
        given[volume, 0] = mask_of_objects(piece.image.path, [piece.header], of_object)
    return [_with_masks(volume, v, given) for v, volume in enumerate(volumes)], left


def masks_of_rows(
    pieces: Mapping[str, Piece], masks: SliceMasks, volumes: Sequence[Volume], cut: Cut
) -> tuple[Place | None, ...]:
    """Return the mask (h, w) of each sample, by its piece or, of slices along other axes, by its own name.

    Raises DataError for a mask that is of no slice, or of one along another axis than the cut's.
    """
    if not masks:
        return tuple(piece.mask for piece in pieces.values())
    rows = _by_name({id: id for id in pieces})
    found: dict[str, Place] = {}
    for name, (path, headers) in masks.items():
        row = _find(name, rows)
        if row is not None:
            found[row] = _checked(pieces[row], path, headers, found.get(row))
        else:
            _refuse_unless_cut_away(name, path, volumes, cut)
    return tuple(found.get(id, piece.mask) for id, piece in pieces.items())


def _slice_ids(volume: Volume) -> list[str]:
    count = len(volume.pieces)
    digits = len(str(count - 1))
    return [f"{volume.id}#{number:0{digits}d}" for number in range(count)] if count > 1 else []


def _with_masks(volume: Volume, v: int, given: Mapping[tuple[int, int], Place]) -> Volume:
    pieces = enumerate(volume.pieces)
    return replace(volume, pieces=tuple(replace(each, mask=given.get((v, p), each.mask)) for p, each in pieces))


def _checked(piece: Piece, path: Path, headers: Sequence[FrameHeader], given: Place | None) -> Frame:
    """The mask of one slice. Raises DataError where it is not one mask of its size, or where one is given already."""
    _refuse_second(piece, path, given)
    if len(headers) != 1:
        raise DataError(
            f"mask {path} is named as that of one slice, and holds {len(headers)}",
            hint=f"name it {path.name.rpartition('#')[0]}{path.suffix} if it holds one mask per slice",
        )
    refuse_other_size(piece.image.path, piece.header, path, headers[0])
    return Frame(path)


def _refuse_second(piece: Piece, path: Path, given: Place | None = None) -> None:
    other = given or piece.mask
    if other is not None:
        raise DataError(
            f"{other.path} and {path} are both masks of a slice of {piece.image.path}", hint="keep one of them"
        )


def _refuse_unless_cut_away(name: str, path: Path, volumes: Sequence[Volume], cut: Cut) -> None:
    """A mask of a slice that is there, and was not asked for, may stay."""
    found = _parsed(name)
    stacks = _by_name({volume.id: volume for volume in volumes})
    volume = stacks.get(found["stack"])
    axis, number = found["axis"] or "z", int(found["number"])
    if volume is None:
        hint = f"remove the mask, or add its image.{did_you_mean(found['stack'], stacks)}"
        raise DataError(f"mask {path} has no image: there is no {found['stack']!r}", hint=hint)
    header = volume.pieces[0].header
    depth = {"z": len(volume.pieces), "y": header.height, "x": header.width}[axis]
    if number >= depth:
        hint = "slices are counted from 0; remove the mask, or name it as its slice"
        raise DataError(f"mask {path} has no image: {found['stack']!r} has {depth} slices along {axis}", hint=hint)
    if axis != cut.axis:
        hint = f"open PATH[axis={axis}], or move the mask away"
        raise DataError(f"mask {path} is of a slice along {axis}, and slices run along {cut.axis}", hint=hint)


def _by_name(by_id: Mapping[str, T]) -> dict[str, T]:
    """By the ids of samples, by the names that their files have on disk, and by both without leading zeros."""
    ids = sorted(by_id)
    known = {**{name: by_id[id] for id, name in zip(ids, file_names(ids), strict=True)}, **by_id}
    return {**{_unpadded(name): value for name, value in known.items()}, **known}


def _find(name: str, by_name: Mapping[str, T]) -> T | None:
    """The sample of a mask; whoever names masks by hand may write another number of leading zeros."""
    return by_name.get(name, by_name.get(_unpadded(name)))


def _unpadded(name: str) -> str:
    return _LEADING_ZEROS.sub("", name)


def _with_written(places: Collection[str]) -> set[str]:
    return {*places, *map(safe_name, places)}


def _parsed(name: str) -> re.Match[str]:
    found = _OF_SLICE.fullmatch(name)
    assert found is not None, "only masks that are named as slices come here"
    return found


def _parent(place: str) -> str:
    parent = PurePosixPath(place).parent.as_posix()
    return "" if parent == "." else parent
