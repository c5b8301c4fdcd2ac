"""Patches: windows of a dataset's images as a dataset of their own, on a grid or in boxes that are given.

A map, a measure or a training runs on patches as on any dataset. Their masks are cut with them, labels and splits are
those of their images, and patches of one image share a group: they are not independent of each other.

>>> import numpy as np
>>> from dsim.data import from_arrays
>>> slides = from_arrays(np.zeros((2, 64, 96, 3), np.uint8), labels=["a", "b"], name="slides")
>>> patches = cut_grid(slides, 32)
>>> len(patches), patches.ids[1], patches.native(1).shape, patches.groups[:2]
(12, '0@x32-y0-w32-h32', (32, 32, 3), ('0', '0'))
>>> boxes_of(cut_boxes(slides, [("1", 5, 10, 30, 20)]))
(Patch(image='1', x=5, y=10, width=30, height=20),)
"""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, fields
from functools import cached_property
from threading import Lock
from typing import TYPE_CHECKING, NamedTuple

from dsim.data.backings import FilesBacking, Frame
from dsim.data.dataset import Backing, Dataset, Subset
from dsim.errors import DataError, UnknownNameError, UsageError
from dsim.registry import Need

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from dsim.data.formats.pixels import FrameHeader

#: What becomes of the rest of an image into which the grid does not fit: see ``cut_grid``.
EDGES = ("drop", "shift", "part")
#: Decoded images that are held for their next patches; as many as threads that read ahead work on at once.
_HELD = 4


class Patch(NamedTuple):
    """A window (height, width) of an image: its sample id, column and row of its upper left pixel, and its sides."""

    image: str
    x: int
    y: int
    width: int
    height: int

    @property
    def id(self) -> str:
        """The patch's own id, in which its place can be read.

        >>> Patch("liver/017", 128, 64, 32, 32).id
        'liver/017@x128-y64-w32-h32'
        """
        return f"{self.image}@x{self.x}-y{self.y}-w{self.width}-h{self.height}"


def cut_grid(
    dataset: Dataset,
    size: int | tuple[int, int],
    stride: int | tuple[int, int] | None = None,
    *,
    edge: str = "drop",
    name: str | None = None,
) -> Dataset:
    """Return the patches of all images on a grid, row by row.

    Parameters
    ----------
    size : side of a patch in pixels, or (height, width).
    stride : steps between patches, one number or (down, right); default: ``size``, so that patches do not overlap.
    edge : what becomes of the rest of an image beyond the last whole patch: ``drop`` leaves it out (an image that is
        smaller than a patch gives none); ``shift`` adds patches that end at the border, and so overlap others;
        ``part`` adds patches that are cut off at the border. A smaller image is one patch with both.
    name : default: that of the dataset, with ``-patches``.

    Sizes of images are taken from the headers of files; other images are read once now. Raises UsageError for sizes
    below 1, UnknownNameError for another edge rule, DataError where no patch fits, NeedError without images.
    """
    if edge not in EDGES:
        raise UnknownNameError("edge rule", edge, EDGES, hint=f"choose one of: {', '.join(EDGES)}")
    sides, steps = _pair(size, "size"), _pair(size if stride is None else stride, "stride")
    boxes = [
        Patch(dataset.ids[index], left, top, width, height)
        for index, shape in enumerate(read_sizes(dataset, range(len(dataset))))
        for top, height in _runs(shape[0], sides[0], steps[0], edge)
        for left, width in _runs(shape[1], sides[1], steps[1], edge)
    ]
    if not boxes:
        raise DataError(
            f"no image of {dataset.name!r} holds a patch of {sides[0]} x {sides[1]} pixels (height x width)",
            hint="give a smaller size, or edge='part'",
        )
    return _patches(dataset, boxes, name)


def cut_boxes(
    dataset: Dataset,
    boxes: Iterable[Patch | tuple[str, int, int, int, int]],
    *,
    labels: Sequence[str] | None = None,
    name: str | None = None,
) -> Dataset:
    """Return the patches in these boxes, (height, width, c) each, in this order.

    Parameters
    ----------
    boxes : image id, x, y, width and height of each patch, in pixels.
    labels : one per box; default: the labels of the images.
    name : default: that of the dataset, with ``-patches``.

    Raises DataError for an image that the dataset does not have, for a box that leaves its image, for the same box
    twice, and where labels are not one per box; NeedError without images.
    """
    chosen = [Patch(*box) for box in boxes]
    position = {sample: index for index, sample in enumerate(dataset.ids)}
    for box in chosen:
        if box.image not in position:
            raise UnknownNameError(f"image of {dataset.name!r}", box.image, dataset.ids, hint="give ids of its images")
    indices = list(dict.fromkeys(position[box.image] for box in chosen))
    shapes = dict(zip(indices, read_sizes(dataset, indices), strict=True))
    for box in chosen:
        _refuse_outside(box, shapes[position[box.image]])
    return _patches(dataset, chosen, name, labels)


def boxes_of(patches: Dataset) -> tuple[Patch, ...]:
    """Return the box of each patch of a dataset made by ``cut_grid`` or ``cut_boxes``, or of a subset of one.

    Raises DataError for any other dataset.
    """
    backing, indices = below_subsets(patches.backing, range(len(patches)))
    if not isinstance(backing, _PatchesBacking):
        raise DataError(
            f"dataset {patches.name!r} is not made of patches", hint="cut it: dsim.data.cut_grid(dataset, size)"
        )
    return tuple(backing.boxes[index] for index in indices)


# Cutting ----------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class _PatchesBacking:
    """Windows of the images of a dataset; an image is decoded once for patches that follow one another."""

    whole: Dataset
    boxes: tuple[Patch, ...]
    #: The position of each box's image in ``whole``.
    images: tuple[int, ...]

    def image(self, index: int) -> NDArray[Any]:
        """Return pixels as stored, (h, w, C)."""
        return self._cut(index, self._recent_images, self.whole.native)

    def image_digest(self, index: int) -> str:
        """Return the sha256 of the image's digest and the box. Raises NeedError without images."""
        return self._digest(index, self.whole.image_digests[self.images[index]])

    def mask(self, index: int) -> NDArray[Any]:
        """Return integers, (h, w). Raises NeedError where the images have no masks."""
        return self._cut(index, self._recent_masks, self.whole.mask)

    def mask_digest(self, index: int) -> str:
        """Return the sha256 of the mask's digest and the box. Raises NeedError without masks."""
        return self._digest(index, self._mask_digests[self.images[index]])

    def _cut(self, index: int, recent: _Recent, read: Callable[[int], NDArray[Any]]) -> NDArray[Any]:
        box, image = self.boxes[index], self.images[index]
        pixels = recent.get(image, lambda: read(image))
        # A copy: a view would keep the whole image in memory as long as its patch.
        return pixels[box.y : box.y + box.height, box.x : box.x + box.width].copy()

    def _digest(self, index: int, whole: str) -> str:
        _, x, y, width, height = self.boxes[index]
        return hashlib.sha256(f"{whole}@{x},{y},{width},{height}".encode()).hexdigest()

    @cached_property
    def _mask_digests(self) -> dict[int, str]:
        backing = self.whole.backing
        assert backing is not None, "patches are cut of images"
        return {image: backing.mask_digest(image) for image in dict.fromkeys(self.images) if self.whole.has_mask(image)}

    @cached_property
    def _recent_images(self) -> _Recent:
        return _Recent()

    @cached_property
    def _recent_masks(self) -> _Recent:
        return _Recent()

    def __getstate__(self) -> dict[str, Any]:
        # Other processes decode for themselves.
        return {field.name: getattr(self, field.name) for field in fields(self)}


class _Recent:
    """The images that were read last; each is read by one thread, and others wait for it."""

    def __init__(self) -> None:
        self._images: OrderedDict[int, Future[NDArray[Any]]] = OrderedDict()
        self._lock = Lock()

    def get(self, image: int, read: Callable[[], NDArray[Any]]) -> NDArray[Any]:
        with self._lock:
            mine = image not in self._images
            future = self._images.setdefault(image, Future())
            self._images.move_to_end(image)
            while len(self._images) > _HELD:
                self._images.popitem(last=False)
        if mine:
            try:
                future.set_result(read())
            except BaseException as error:
                with self._lock:
                    self._images.pop(image, None)
                future.set_exception(error)
        return future.result()


def _patches(
    dataset: Dataset, boxes: Sequence[Patch], name: str | None, labels: Sequence[str] | None = None
) -> Dataset:
    from dsim.data.treatment import deep_samples

    position = {sample: index for index, sample in enumerate(dataset.ids)}
    images = tuple(position[box.image] for box in boxes)

    def per_patch(values: Sequence[str] | None) -> tuple[str, ...] | None:
        return None if values is None else tuple(values[image] for image in images)

    whole = dataset if dataset.whole is None else dataset.whole
    patches = Dataset(
        name=name or f"{dataset.name}-patches",
        ids=tuple(box.id for box in boxes),
        backing=_PatchesBacking(dataset, tuple(boxes), images),
        labels=per_patch(dataset.labels) if labels is None else tuple(labels),
        groups=per_patch(dataset.ids if dataset.groups is None else dataset.groups),
        splits=per_patch(dataset.splits),
        attributes=dataset.attributes,
        masked=tuple(map(dataset.has_mask, images)),
        dtypes=per_patch(dataset.dtypes),
        location=dataset.location,
        format="patches",
        # Deeper images stay scaled as in their dataset: a patch alone would be stretched to its own range.
        whole=whole if deep_samples(dataset) else None,
        cache=dataset.cache,
    )
    return patches


def _runs(length: int, side: int, step: int, edge: str) -> Iterator[tuple[int, int]]:
    """Start and length of each patch along one side of an image."""
    last = 0
    for start in range(0, length - side + 1, step):
        yield start, side
        last = start + side
    if last < length and edge == "shift":
        yield max(0, length - side), min(side, length)
    if last < length and edge == "part":
        start = 0 if last == 0 else last - side + step
        if start < length:
            yield start, min(side, length - start)


def _pair(value: int | tuple[int, int], what: str) -> tuple[int, int]:
    pair = (value, value) if isinstance(value, int) else value
    if min(pair) < 1:
        raise UsageError(f"{what} of patches cannot be {value}", hint=f"give a {what} of 1 pixel or more")
    return pair


def _refuse_outside(box: Patch, shape: tuple[int, int]) -> None:
    height, width = shape
    inside = box.x >= 0 and box.y >= 0 and box.x + box.width <= width and box.y + box.height <= height
    if not inside or box.width < 1 or box.height < 1:
        raise DataError(
            f"patch {box.id} does not lie inside image {box.image!r}, which has {height} x {width} pixels "
            "(height x width)",
            hint="give boxes as image id, x, y, width, height, in pixels from the upper left corner",
        )


# Sizes of images --------------------------------------------------------------------------------------------------


def read_sizes(dataset: Dataset, indices: Sequence[int]) -> list[tuple[int, int]]:
    """Return height and width of these images (h, w, c): from the headers of files, else from the images themselves.

    Raises NeedError without images.
    """
    dataset.require(Need.IMAGES, "reading sizes")
    backing, positions = below_subsets(dataset.backing, indices)
    headers: dict[Any, tuple[FrameHeader, ...]] = {}
    shapes = []
    for index, position in zip(indices, positions, strict=True):
        place = backing.images[position] if isinstance(backing, FilesBacking) else None
        if isinstance(place, Frame) and isinstance(backing, FilesBacking):
            from dsim.data.formats import decode

            if place.path not in headers:
                headers[place.path] = decode.headers(place.path, backing.max_pixels)
            header = headers[place.path][place.index]
            shapes.append((header.height, header.width))
        else:
            height, width = dataset.native(index).shape[:2]
            shapes.append((height, width))
    return shapes


def below_subsets(backing: Backing | None, indices: Sequence[int]) -> tuple[Backing | None, list[int]]:
    """Return the backing of images (h, w, c) below all subsets, and the positions of these samples in it."""
    chosen = list(indices)
    while isinstance(backing, Subset):
        chosen = [backing.indices[index] for index in chosen]
        backing = backing.whole
    return backing, chosen
