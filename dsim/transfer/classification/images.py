"""Labelled images, checked, decoded once and kept in memory at the size that the network takes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.errors import DataError
from dsim.registry import Need

if TYPE_CHECKING:
    from torch import Tensor

    from dsim.data.dataset import Dataset


@dataclass(frozen=True)
class LabelledImages:
    """Images uint8 (n, 3, side, side) and the numbers of their classes int64 (n,), among ``classes`` classes."""

    images: Tensor
    labels: Tensor
    classes: int

    def __len__(self) -> int:
        return len(self.labels)

    def chosen(self, indices: Sequence[int]) -> LabelledImages:
        """Return the images of these indices; the classes stay."""
        positions = [*indices]
        return LabelledImages(self.images[positions], self.labels[positions], self.classes)


def check_labels(dataset: Dataset, wanted_by: str) -> None:
    """Check the labels of a dataset.

    Raises NeedError without any, DataError where there is one class only or some image has no label.
    """
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


def gather_images(dataset: Dataset, side: int) -> LabelledImages:
    """Return all images of a dataset, uint8 (n, 3, side, side), with their labels; classes in alphabetical order.

    Raises DataError where an image has other than 1 or 3 channels.
    """
    import torch

    from dsim.learning import build_bank, recall

    number = {name: position for position, name in enumerate(dataset.classes)}
    labels = torch.tensor([number[label] for label in dataset.labels or ()])
    key = ("classification", dataset.images_fingerprint, dataset.order, side)
    bank = recall(key, lambda: build_bank(_decode(dataset, side)))
    return LabelledImages(bank.images, labels, len(number))


def _decode(dataset: Dataset, side: int) -> Iterator[Tensor]:
    """Images scaled to a square whatever their shape: what they show is wanted, not where; gray is repeated."""
    from dsim.models.tiles import as_rgb, resize_planes

    for index in range(len(dataset)):
        image = as_rgb(dataset.pixels(index), f"image {dataset.ids[index]!r} of {dataset.name!r}")
        yield resize_planes(image, (side, side))
