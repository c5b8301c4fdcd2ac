"""Banks of images for training: decoded once, kept as bytes, memory-mapped where they do not fit into memory."""

from __future__ import annotations

import hashlib
import tempfile
from collections import OrderedDict
from collections.abc import Callable, Hashable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from dsim.errors import DataError, TooFewSamplesError, UsageError

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.features import Transform
    from dsim.runtime import Runtime

#: Bytes that a bank holds in memory; a larger one lies in a temporary file that is mapped into memory.
MEMORY_BYTES = 4 << 30
#: Bytes of the banks that ``recall`` keeps for the next training, in all.
RECALLED_BYTES = 1 << 29
#: Images of one dataset that a balanced batch holds at least, where there are images enough.
PER_DATASET = 4
#: Images whose borders are looked at in one piece.
_AT_A_TIME = 4096

_recalled: OrderedDict[Hashable, ImageBank] = OrderedDict()


class ImageBank:
    """Images as bytes, uint8 (c, h, w) each, one after the other in ``flat``, uint8 (total,).

    ``bank[i]`` is an image, a view of ``flat``; do not change it. ``images`` and ``batch`` raise DataError where shapes
    differ.
    """

    def __init__(self, flat: Tensor, shapes: Sequence[tuple[int, int, int]]) -> None:
        self.flat, self.shapes = flat, tuple(shapes)
        self._starts = np.concatenate([[0], np.cumsum([np.prod(shape) for shape in self.shapes])]).astype(np.int64)

    def __len__(self) -> int:
        return len(self.shapes)

    def __getitem__(self, index: int) -> Tensor:
        start, end = self._starts[index % len(self)], self._starts[index % len(self) + 1]
        return self.flat[int(start) : int(end)].view(self.shapes[index])

    def __iter__(self) -> Iterator[Tensor]:
        return (self[index] for index in range(len(self)))

    @property
    def images(self) -> Tensor:
        """All images at once, uint8 (n, c, h, w). Raises DataError where their shapes differ."""
        if len(set(self.shapes)) != 1:
            raise DataError(
                f"{len(self)} images of {len(set(self.shapes))} different shapes cannot be one batch",
                hint="resize them to one shape before they enter the bank",
            )
        return self.flat.view(len(self), *self.shapes[0])

    def batch(self, indices: Tensor | Sequence[int], device: str = "cpu") -> Tensor:
        """Return these images, float32 (b, c, h, w) in [0, 1], on the device; DataError where their shapes differ."""
        return self.images[indices].to(device).float() / 255

    @property
    def fingerprint(self) -> str:
        """sha256 of the shapes and bytes of all images."""
        return hashlib.sha256(repr(self.shapes).encode() + self.flat.numpy().tobytes()).hexdigest()


def build_bank(
    planes: Iterable[Tensor | NDArray[Any]], *, memory: int = MEMORY_BYTES, folder: Path | None = None
) -> ImageBank:
    """Return the bank of images, each (c, h, w), uint8, or floats in [0, 1], which are rounded to bytes.

    ``planes`` may be a generator: one image at a time is held as floats. Images of more than ``memory`` bytes in all
    go to a temporary file in ``folder`` (default: the system's), which disappears with the bank.
    """
    shapes: list[tuple[int, int, int]] = []
    held, file = bytearray(), None
    for image in planes:
        pixels = to_bytes(image)
        shapes.append((pixels.shape[0], pixels.shape[1], pixels.shape[2]))
        held += pixels.numpy().tobytes()
        if len(held) > memory and file is None:
            file = _open_temporary(folder)
        if file is not None:
            file.write(held)
            held.clear()
    if file is None:
        return ImageBank(torch.frombuffer(held, dtype=torch.uint8) if held else torch.empty(0).byte(), shapes)
    with file:
        file.flush()
        # The mapping keeps the file's bytes when the file is closed and its name is gone.
        return ImageBank(torch.from_numpy(np.memmap(file, dtype=np.uint8, mode="r+")), shapes)


def to_bytes(planes: Tensor | NDArray[Any]) -> Tensor:
    """Return planes as uint8 of the same shape: bytes as they are, floats in [0, 1] times 255, rounded."""
    values = torch.from_numpy(planes) if isinstance(planes, np.ndarray) else planes
    return values if values.dtype == torch.uint8 else (values * 255).round().clamp(0, 255).to(torch.uint8)


def read_images(dataset: Dataset, transform: Transform, runtime: Runtime) -> Iterator[NDArray[np.float32]]:
    """Yield the images of a dataset in its order, each float32 (c, h, w) in [0, 1] as ``transform`` makes it.

    Images are decoded ahead in ``runtime.workers`` threads, with progress. Raises what reading raises (DataError).
    """
    from dsim.features import image_batches

    dataset.remember_in(runtime.cache)
    with runtime.progress.task(f"reading {dataset.name}", total=len(dataset), unit="images") as task:
        for batch in image_batches(dataset, transform, runtime.batch, runtime.workers):
            yield from batch
            task.advance(len(batch))


def read_bank(
    datasets: Sequence[Dataset], transform: Transform, runtime: Runtime, *, memory: int = MEMORY_BYTES
) -> tuple[ImageBank, Tensor]:
    """Return the images of all datasets in one bank, and the number of each one's dataset, int64 (n,).

    Raises DataError where an image cannot be read.
    """
    planes = (image for dataset in datasets for image in read_images(dataset, transform, runtime))
    owners = torch.repeat_interleave(torch.arange(len(datasets)), torch.tensor([*map(len, datasets)], dtype=torch.long))
    return build_bank(planes, memory=memory, folder=runtime.cache / "scratch"), owners


def border_colour(images: Tensor) -> Tensor:
    """Return the mean colour of the outermost pixels of all images of a dataset, float32 (c,) in [0, 1].

    Rotated images are filled with it. Corners count once. The reference rounds it down to whole levels of 255, for its
    library takes no others; this does not.

    Parameters
    ----------
    images : uint8 (n, c, h, w).

    Source: Nwabufo et al. 2024, arXiv:2402.14566, section 4.

    >>> border_colour(torch.full((2, 3, 8, 8), 51, dtype=torch.uint8))
    tensor([0.2000, 0.2000, 0.2000])
    """
    total = torch.zeros(images.shape[1], dtype=torch.float64)
    for some in images.split(_AT_A_TIME):  # type: ignore[no-untyped-call]
        rows = some[:, :, :: max(1, some.shape[2] - 1)].flatten(2)
        columns = some[:, :, 1:-1, :: max(1, some.shape[3] - 1)].flatten(2)
        total += torch.cat([rows, columns], dim=2).double().mean(2).sum(0)
    return (total / len(images) / 255).float()


def recall(key: Hashable, build: Callable[[], ImageBank]) -> ImageBank:
    """Return the bank that was built for ``key``, or build it: those used last stay for the next training.

    A key must name everything that the pixels depend on, such as (images fingerprint, order, side).
    """
    if key not in _recalled:
        _recalled[key] = build()
    _recalled.move_to_end(key)
    while len(_recalled) > 1 and sum(bank.flat.numel() for bank in _recalled.values()) > RECALLED_BYTES:
        _recalled.popitem(last=False)
    return _recalled[key]


def balanced_batches(members: Sequence[Tensor], batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Yield the batches of one epoch, indices of images int64 (b,), as many from each dataset drawn.

    ``members`` holds the indices of each dataset's images. An epoch has as many batches as pass about every image once;
    a dataset with fewer images comes round more often. All datasets take turns, in a random order.
    """
    drawn = max(2, min(len(members), batch // PER_DATASET))
    per_dataset = max(2, batch // drawn)
    queues = [_draw_rounds(images, per_dataset, generator) for images in members]
    turns = _draw_rounds(torch.arange(len(members)), drawn, generator)
    total = sum(len(images) for images in members)
    for _ in range(-(-total // (drawn * per_dataset))):
        yield torch.cat([next(queues[dataset]) for dataset in next(turns).tolist()])


def _draw_rounds(items: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Endless draws of ``size`` items, without repetition as long as there are items enough."""
    while True:
        order = items[torch.randperm(len(items), generator=generator)]
        if len(items) < size:
            yield order.repeat(-(-size // len(items)))[:size]
        else:
            yield from order[: len(items) // size * size].view(-1, size)


def _open_temporary(folder: Path | None) -> Any:
    if folder is not None:
        folder.mkdir(parents=True, exist_ok=True)
    return tempfile.TemporaryFile(dir=folder)


@dataclass(frozen=True)
class ImagePool:
    """All images of all datasets, uint8 (n, 3, s, s), the dataset of each, int64 (n,), and which train and validate."""

    names: tuple[str, ...]
    bank: ImageBank
    owners: Tensor
    training: Tensor
    validation: Tensor

    def members(self, part: Tensor) -> list[Tensor]:
        """Return the images of each dataset among those of a part (``training`` or ``validation``), as indices."""
        return [part[self.owners[part] == dataset] for dataset in range(len(self.names))]

    @property
    def fingerprint(self) -> str:
        """sha256 of the images, of their datasets and of the split."""
        parts = (self.owners, self.training, self.validation)
        split = b"".join(part.numpy().tobytes() for part in parts)
        return hashlib.sha256(self.bank.fingerprint.encode() + split).hexdigest()


def read_pool(
    datasets: Sequence[Dataset], transform: Transform, split: float, seed: int, runtime: Runtime
) -> ImagePool:
    """Return the pool of these datasets, decoded now as ``transform`` makes them; the seed draws the split.

    Raises UsageError for fewer than two datasets, TooFewSamplesError where one leaves fewer than two images to train.
    """
    bank, _ = read_bank(datasets, transform, runtime)
    members = [(dataset.name, dataset.groups or tuple(map(str, range(len(dataset))))) for dataset in datasets]
    return gather_pool(members, bank, split, torch.Generator().manual_seed(seed))


def gather_pool(
    members: Sequence[tuple[str, Sequence[str]]], bank: ImageBank, split: float, generator: torch.Generator
) -> ImagePool:
    """Return a pool of datasets whose images lie in the bank one after the other.

    ``members`` are names of datasets with the group of each image; ``split`` of each one's images, in whole
    groups, validate. Raises UsageError for fewer than two datasets, TooFewSamplesError where one keeps fewer than two.
    """
    if len(members) < 2:
        raise UsageError("a training on a pool takes two datasets at least", hint="give more, or use a trained model")
    validates = torch.cat([_validates(name, own, split, generator) for name, own in members])
    sizes = torch.tensor([len(own) for _, own in members])
    owners = torch.repeat_interleave(torch.arange(len(members)), sizes)
    everything = torch.arange(len(owners))
    return ImagePool(tuple(name for name, _ in members), bank, owners, everything[~validates], everything[validates])


def whole_groups(groups: Sequence[str], share: float, generator: torch.Generator) -> Tensor:
    """Return a mask, bool (n,), of about ``share`` of n samples, never more: whole groups, drawn at random."""
    names, group_of, sizes = np.unique(np.array(groups), return_inverse=True, return_counts=True)
    chosen = torch.zeros(len(names), dtype=torch.bool)
    room = round(share * len(groups))
    for group in torch.randperm(len(names), generator=generator).tolist():
        if sizes[group] <= room:
            chosen[group] = True
            room -= int(sizes[group])
    return chosen[torch.from_numpy(group_of)]


def _validates(name: str, groups: Sequence[str], split: float, generator: torch.Generator) -> Tensor:
    chosen = whole_groups(groups, split, generator)
    if len(groups) - int(chosen.sum()) < 2:
        raise TooFewSamplesError(
            f"dataset {name!r} leaves fewer than two images to train on",
            hint="give more images, or leave it out of the pool",
        )
    return chosen
