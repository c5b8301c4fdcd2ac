"""The images that a training reads, decoded once and kept in memory, and their split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dsim.errors import TooFewSamplesError, UsageError
from dsim.features.extraction import image_batches
from dsim.features.transforms import Square
from dsim_asap.specs import AsapRecipe

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime

#: Images are kept this much larger than the network's input, so that crops still hold detail.
MARGIN = 1.25


def stored_side(size: int) -> int:
    """Side of the images in memory for a network input of ``size`` pixels."""
    return round(size * MARGIN)


@dataclass(frozen=True)
class Pool:
    """All images of all datasets, uint8 (n, 3, s, s), with the dataset of each, and who trains and who validates."""

    names: tuple[str, ...]
    images: Tensor
    owners: Tensor
    training: Tensor
    validation: Tensor

    def members(self, part: Tensor) -> list[Tensor]:
        """The images of each dataset among those of a part (``training`` or ``validation``), as indices."""
        return [part[self.owners[part] == dataset] for dataset in range(len(self.names))]

    @property
    def fingerprint(self) -> str:
        """sha256 of the images, of whom they belong to and of the split."""
        parts = (self.images, self.owners, self.training, self.validation)
        return hashlib.sha256(b"".join(part.numpy().tobytes() for part in parts)).hexdigest()

    def pixels(self, indices: Tensor, device: str) -> Tensor:
        """Images in [0, 1], float32, on the device."""
        return self.images[indices].to(device).float() / 255


@dataclass(frozen=True)
class Member:
    """One dataset as it enters a pool: images in [0, 1], float32 (n, 3, s, s), and their groups where known."""

    name: str
    images: NDArray[np.float32]
    groups: tuple[str, ...] | None = None


def member(dataset: Dataset, recipe: AsapRecipe, runtime: Runtime) -> Member:
    """A dataset as training sees it, decoded now."""
    transform = Square(stored_side(recipe.size), channels=3, minmax=recipe.minmax)
    with runtime.progress.task(f"reading {dataset.name}", total=len(dataset), unit="images") as task:
        batches = []
        for batch in image_batches(dataset, transform, runtime.batch, runtime.workers):
            batches.append(batch)
            task.advance(len(batch))
    return Member(dataset.name, np.concatenate(batches), dataset.groups)


def gather(members: Sequence[Member], split: float, generator: torch.Generator) -> Pool:
    """Put datasets together; ``split`` of each one's images, whole groups of them, are set apart for validation."""
    if len(members) < 2:
        raise UsageError("ASAP trains on two datasets at least", hint="give more --sources, or use asap:fit=zoo")
    images, owners, training, validation = [], [], [], []
    start = 0
    for number, member in enumerate(members):
        validates = _validates(member, split, generator)
        indices = torch.arange(start, start + len(validates))
        training.append(indices[~validates])
        validation.append(indices[validates])
        images.append(torch.from_numpy((member.images * 255).round().astype("uint8")))
        owners.append(torch.full((len(validates),), number))
        start += len(validates)
    return Pool(
        names=tuple(member.name for member in members),
        images=torch.cat(images),
        owners=torch.cat(owners),
        training=torch.cat(training),
        validation=torch.cat(validation),
    )


def whole_groups(groups: Sequence[str], share: float, generator: torch.Generator) -> Tensor:
    """A mask of about ``share`` of the samples, never more: whole groups, in random order, as long as they fit."""
    names, group_of, sizes = np.unique(np.array(groups), return_inverse=True, return_counts=True)
    chosen = torch.zeros(len(names), dtype=torch.bool)
    room = round(share * len(groups))
    for group in torch.randperm(len(names), generator=generator).tolist():
        if sizes[group] <= room:
            chosen[group] = True
            room -= int(sizes[group])
    return chosen[torch.from_numpy(group_of)]


def _validates(member: Member, split: float, generator: torch.Generator) -> Tensor:
    n = len(member.images)
    chosen = whole_groups(member.groups or tuple(map(str, range(n))), split, generator)
    if n - int(chosen.sum()) < 2:
        raise TooFewSamplesError(
            f"dataset {member.name!r} leaves fewer than two images to train on",
            hint="give more images, or leave it out of the pool",
        )
    return chosen
