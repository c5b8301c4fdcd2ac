"""A small U-Net, trained in seconds."""

from __future__ import annotations

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dsim.features import seeded
from dsim.learning import segmentation_loss
from dsim.models import UNet, dice

_LEVELS, _BATCH, _RATE = 4, 8, 5e-3


def train(images: Tensor, masks: NDArray[np.bool_], *, steps: int, width: int, seed: int) -> nn.Module:
    """Return a U-Net after so many steps on images float32 (n, 3, h, w) in [0, 1] with masks (n, h, w).

    Each step sees eight images, turned and flipped at random; the rate falls to zero. One seed gives one network.
    """
    rng = np.random.default_rng(seed)
    with seeded(seed):
        network = UNet([width * 2**level for level in range(_LEVELS)])
    taught = torch.from_numpy(masks.astype(np.float32))
    optimizer = torch.optim.AdamW(network.parameters(), lr=_RATE)
    schedule = torch.optim.lr_scheduler.CosineAnnealingLR(optimizer, steps)
    for _ in range(steps):
        chosen = torch.from_numpy(rng.integers(len(images), size=_BATCH))
        turns, flip = int(rng.integers(4)), bool(rng.integers(2))
        batch, wanted = _turned(images[chosen], turns, flip), _turned(taught[chosen], turns, flip)
        optimizer.zero_grad(set_to_none=True)
        segmentation_loss(network(batch), wanted).backward()  # type: ignore[no-untyped-call]
        optimizer.step()
        schedule.step()
    return network.eval()


def _turned(planes: Tensor, turns: int, flip: bool) -> Tensor:
    turned = planes.rot90(turns, (-2, -1))
    return turned.flip(-1) if flip else turned


def score(network: nn.Module, images: Tensor, masks: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Return the Dice of the network's masks of images (n, 3, h, w) with the true ones (n, h, w), float64 (n,)."""
    with torch.inference_mode():
        found = [part for start in range(0, len(images), _BATCH) for part in network(images[start : start + _BATCH])]
    return np.array([dice((logits > 0).numpy(), mask) for logits, mask in zip(found, masks, strict=True)])
