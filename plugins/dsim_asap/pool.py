"""The images that a training reads, decoded once and kept as bytes, and their split."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
import torch
from torch import Tensor

from dsim.errors import TooFewSamplesError, UsageError
from dsim.features import Square
from dsim.learning import ImageBank, read_bank
from dsim_asap.specs import AsapRecipe

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime

#: Images are kept this much larger than the network's input, so that crops still hold detail.
MARGIN = 1.25


@dataclass(frozen=True)
class Pool:
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


def stored_side(size: int) -> int:
    """Return the side of the images in memory for a network input of ``size`` pixels."""
    return round(size * MARGIN)


def read_pool(datasets: Sequence[Dataset], recipe: AsapRecipe, seed: int, runtime: Runtime) -> Pool:
    """Return the pool of these datasets, decoded now; the seed draws the split.

    Raises UsageError for fewer than two datasets, TooFewSamplesError where one leaves fewer than two images to train.
    """
    bank, _ = read_bank(datasets, Square(stored_side(recipe.size), channels=3, minmax=recipe.minmax), runtime)
    members = [(dataset.name, dataset.groups or tuple(map(str, range(len(dataset))))) for dataset in datasets]
    return gather(members, bank, recipe.split, torch.Generator().manual_seed(seed))


def gather(
    members: Sequence[tuple[str, Sequence[str]]], bank: ImageBank, split: float, generator: torch.Generator
) -> Pool:
    """Return a pool of datasets whose images lie in the bank one after the other.

    ``members`` are names of datasets with the group of each image; ``split`` of each one's images, in whole
    groups, validate. Raises UsageError for fewer than two datasets, TooFewSamplesError where one keeps fewer than two.
    """
    if len(members) < 2:
        raise UsageError("ASAP trains on two datasets at least", hint="give more --sources, or use asap:fit=zoo")
    validates = torch.cat([_validates(name, own, split, generator) for name, own in members])
    sizes = torch.tensor([len(own) for _, own in members])
    owners = torch.repeat_interleave(torch.arange(len(members)), sizes)
    everything = torch.arange(len(owners))
    return Pool(tuple(name for name, _ in members), bank, owners, everything[~validates], everything[validates])


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
