"""A small plain U-Net."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import torch
from torch import Tensor, nn

#: Channels that share one mean and spread. Normalised per image: no batch and no other dataset enters a prediction.
GROUP = 4
#: Slope below zero. With none, some trainings on small objects end with a head whose features are all dead within the
#: objects: a probability of 0.56 wherever there is something, and Dice at 0.5 hangs on a bias.
LEAK = 0.1


def block(given: int, made: int) -> nn.Sequential:
    """Two 3 x 3 convolutions, each with GroupNorm and LeakyReLU."""
    layers: list[nn.Module] = []
    for entering in (given, made):
        layers += [nn.Conv2d(entering, made, 3, padding=1, bias=False), nn.GroupNorm(made // GROUP, made)]
        layers += [nn.LeakyReLU(LEAK)]
    return nn.Sequential(*layers)


class UNet(nn.Module):
    """RGB images (n, 3, side, side) in [0, 1] to logits (n, side, side)."""

    def __init__(self, channels: Sequence[int]) -> None:
        super().__init__()
        pairs = list(pairwise(channels))
        self.enter = block(3, channels[0])
        self.down = nn.ModuleList(block(fine, coarse) for fine, coarse in pairs)
        self.up = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, 2, stride=2) for fine, coarse in reversed(pairs))
        self.join = nn.ModuleList(block(2 * fine, fine) for fine, _ in reversed(pairs))
        self.head = nn.Conv2d(channels[0], 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        passed = [self.enter(images)]
        for down in self.down:
            passed.append(down(nn.functional.max_pool2d(passed[-1], 2)))
        found = passed.pop()
        for up, join in zip(self.up, self.join, strict=True):
            found = join(torch.cat([up(found), passed.pop()], dim=1))
        logits: Tensor = self.head(found)[:, 0]
        return logits


def size(network: nn.Module) -> int:
    """Number of its parameters."""
    return sum(each.numel() for each in network.parameters())
