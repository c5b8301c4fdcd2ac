"""Which images make up a batch, and which of them form triplets.

One forward pass serves all: positives and negatives are drawn among the images of the batch, so that each image passes
the network once, not three times.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import torch
from torch import Tensor

#: Images of one dataset that a batch holds at least, where there are batches enough: a choice of positives.
PER_DATASET = 4


class Triplets(NamedTuple):
    """Indices into a batch, each of shape (triplets,)."""

    anchor: Tensor
    positive: Tensor
    negative: Tensor


def balanced_batches(members: Sequence[Tensor], batch: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Batches of one epoch: indices of images, as many from each dataset drawn.

    ``members`` holds the indices of each dataset's images. An epoch has as many batches as pass about every image once;
    a dataset with fewer images comes round more often. All datasets take turns, in a random order.
    """
    drawn = max(2, min(len(members), batch // PER_DATASET))
    per_dataset = max(2, batch // drawn)
    queues = [_rounds(images, per_dataset, generator) for images in members]
    turns = _rounds(torch.arange(len(members)), drawn, generator)
    total = sum(len(images) for images in members)
    for _ in range(-(-total // (drawn * per_dataset))):
        yield torch.cat([next(queues[dataset]) for dataset in next(turns).tolist()])


def draw_triplets(owners: Tensor, images: Tensor, draws: int, positive: str, generator: torch.Generator) -> Triplets:
    """``draws`` triplets for each image of a batch.

    ``owners`` is the dataset and ``images`` the index of each image, shape (b,). The positive is another image of the
    anchor's dataset (with ``positive="any"``, as in the reference, it can be the anchor), the negative one of another.
    """
    same = owners[:, None] == owners[None, :]
    allowed = same & (images[:, None] != images[None, :]) if positive == "distinct" else same
    anchors = torch.nonzero(allowed.any(dim=1)).flatten()
    positives = _draw(allowed[anchors], draws, generator)
    negatives = _draw(~same[anchors], draws, generator)
    return Triplets(anchors.repeat_interleave(draws), positives, negatives)


def _draw(allowed: Tensor, draws: int, generator: torch.Generator) -> Tensor:
    return torch.multinomial(allowed.float(), draws, replacement=True, generator=generator).flatten()


def _rounds(items: Tensor, size: int, generator: torch.Generator) -> Iterator[Tensor]:
    """Endless draws of ``size`` items, without repetition as long as there are items enough."""
    while True:
        order = items[torch.randperm(len(items), generator=generator)]
        if len(items) < size:
            yield order.repeat(-(-size // len(items)))[:size]
        else:
            yield from order[: len(items) // size * size].view(-1, size)
