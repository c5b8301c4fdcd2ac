"""Files of masks, checked against the files of their images before anything is decoded."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from dsim.data.backings import Frame, Objects
from dsim.data.formats.pixels import PICTURE, FrameHeader, turn_of_mask
from dsim.errors import DataError


def mask_frames(image: Path, images: Sequence[FrameHeader], mask: Path, masks: Sequence[FrameHeader]) -> list[Frame]:
    """Return the mask (h, w) of each image of a file, within the file of its masks.

    Raises DataError where counts, sizes, formats or directions differ.
    """
    # A mask of one time point is that of all.
    slices = sum(header.time == 0 for header in images)
    if len(masks) not in (len(images), slices):
        raise DataError(
            f"{image} holds {len(images)} images but its mask {mask} holds {len(masks)}",
            hint=f"give one mask per image, in one file or in files {image.name.partition('.')[0]}#0.png and so on",
        )
    _refuse_other_grid(image, images[0], mask, masks[0], alone=len(images) == 1)
    turn = turn_of_mask(images[0], masks[0])[0]
    for index, ours in enumerate(images):
        refuse_other_size(image, ours, mask, masks[index % len(masks)], turn)
    return [Frame(mask, i % len(masks), len(masks) == 1, turn) for i in range(len(images))]


def mask_of_objects(
    image: Path, headers: Sequence[FrameHeader], masks: Mapping[Path, Sequence[FrameHeader]]
) -> Objects:
    """Return the mask (h, w) of an image that has one file per object. Raises DataError as ``mask_frames`` does."""
    if len(headers) > 1:
        raise DataError(
            f"{image} holds {len(headers)} images, but each of its {len(masks)} masks marks one object",
            hint="give one mask file that holds one mask per image",
        )
    for file, its in masks.items():
        (frame,) = mask_frames(image, headers, file, its)
        if frame.turn != 1:
            raise DataError(
                f"mask {file} fits the pixels of {image} as they are stored, not the upright image",
                hint="turn the masks of its objects upright, or give one mask file for all of them",
            )
    return Objects(tuple(masks))


def refuse_other_size(image: Path, ours: FrameHeader, mask: Path, its: FrameHeader, turn: int = 1) -> None:
    """Raise DataError where a mask, once turned (1 is upright), is not as large as its image (h, w)."""
    if (ours.height, ours.width) != ((its.height, its.width) if turn < 5 else (its.width, its.height)):
        raise DataError(
            f"mask {mask} is {its.height} x {its.width} pixels (height x width), "
            f"but its image {image} is {ours.height} x {ours.width}",
            hint="resize the mask to its image by nearest neighbour, or find the right mask",
        )


def _refuse_other_grid(image: Path, ours: FrameHeader, mask: Path, its: FrameHeader, alone: bool) -> None:
    """Each format orders slices and rows in its own way, so that voxels of two kinds do not lie on one another.

    Pictures lie on DICOM, whose rows and frames are stored as they are shown, and on a single slice of any kind as it
    is shown here.
    """
    as_shown = its.kind == PICTURE and (alone or ours.kind == "DICOM")
    if ours.kind != its.kind and not as_shown:
        raise DataError(
            f"mask {mask} is a {its.kind}, but its image {image} is a {ours.kind}",
            hint="convert one of them, so that both are stored alike",
        )
    if ours.directions != its.directions and not as_shown:
        named = [header.directions or "not stated" for header in (its, ours)]
        raise DataError(
            f"mask {mask} has the directions {named[0]}, but its image {image} {named[1]}",
            hint="resample the mask to the grid of its image",
        )
