"""Labelled images, checked, decoded once and kept in memory at the size that the network takes."""

from __future__ import annotations

from collections import Counter, OrderedDict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.errors import DataError
from dsim.registry import Need

if TYPE_CHECKING:
    from torch import Tensor

    from dsim.data.dataset import Dataset

#: Decoded images that are kept for the next training, bytes in all.
KEPT_BYTES = 1 << 29
_kept: OrderedDict[tuple[str, str, int], Tensor] = OrderedDict()


@dataclass(frozen=True)
class Labelled:
    """Images uint8 (n, 3, side, side) and the numbers of their classes int64 (n,), among ``classes`` classes."""

    images: Tensor
    labels: Tensor
    classes: int

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, indices: Sequence[int]) -> Labelled:
        """Those of these indices; the classes stay."""
        positions = [*indices]
        return Labelled(self.images[positions], self.labels[positions], self.classes)


def check_labels(dataset: Dataset, wanted_by: str) -> None:
    """Raises NeedError without labels; DataError where there is one class only, or no image of some has a label."""
    dataset.require(Need.LABELS, wanted_by)
    dataset.require(Need.IMAGES, wanted_by)
    counts = Counter(dataset.labels)
    if "" in counts:
        first = next(i for i, label in zip(dataset.ids, dataset.labels or (), strict=True) if not label)
        raise DataError(
            f"{counts['']} images of {dataset.name!r} have no label, the first {first!r}",
            hint="label them, or leave them out",
        )
    if len(counts) < 2:
        raise DataError(
            f"all images of {dataset.name!r} are of one class, {next(iter(counts))!r}",
            hint="give a dataset of two classes or more, or leave it out",
        )


def gather(dataset: Dataset, side: int) -> Labelled:
    """All images of a dataset with their labels; classes are numbered in alphabetical order."""
    import torch

    number = {name: position for position, name in enumerate(dataset.classes)}
    labels = torch.tensor([number[label] for label in dataset.labels or ()])
    return Labelled(_images(dataset, side), labels, len(number))


def _images(dataset: Dataset, side: int) -> Tensor:
    """Decoded images; those of the datasets seen last are still there for the next training."""
    key = (dataset.images_fingerprint, dataset.order, side)
    if key not in _kept:
        _kept[key] = _decoded(dataset, side)
    _kept.move_to_end(key)
    while len(_kept) > 1 and sum(map(_bytes, _kept.values())) > KEPT_BYTES:
        _kept.popitem(last=False)
    return _kept[key]


def _decoded(dataset: Dataset, side: int) -> Tensor:
    """Scaled to a square whatever their shape: what they show is wanted, not where; gray is repeated."""
    import torch

    from dsim.models.tiles import as_rgb, resized

    images = torch.empty(len(dataset), 3, side, side, dtype=torch.uint8)
    for index in range(len(dataset)):
        image = as_rgb(dataset.pixels(index), f"image {dataset.ids[index]!r} of {dataset.name!r}")
        images[index] = (resized(image, (side, side)) * 255).round().clamp_(0, 255).to(torch.uint8)
    return images


def _bytes(images: Tensor) -> int:
    return images.numel()
