"""U-Nets (Ronneberger 2015, arXiv:1505.04597): a plain one, and one whose encoder is a network of timm."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

#: Channels that share one mean and spread. GroupNorm, so that no statistics of the source's images are carried to a
#: target, and no image depends on its batch.
GROUP = 8
#: Slope below zero. With none, some trainings on small objects end with features that are all dead within the objects.
LEAK = 0.1
#: By which intensities in [0, 1] are centred and scaled where the network does not say it itself.
MEAN, SPREAD = (0.5,), (0.25,)


class UNet(nn.Module):
    """Images (n, c, h, w) in [0, 1] to logits (n, h, w); h and w are multiples of ``stride``.

    Parameters
    ----------
    widths : channels from full resolution down; each level halves the sides.
    channels : of the images.

    >>> count_parameters(UNet((16, 32, 64, 128, 256)))
    1942577
    """

    def __init__(self, widths: Sequence[int], channels: int = 3) -> None:
        super().__init__()
        self.stride = 2 ** (len(widths) - 1)
        self.enter = build_block(channels, widths[0])
        self.down = nn.ModuleList(build_block(fine, coarse) for fine, coarse in pairwise(widths))
        self.up = Decoder(widths)
        self.head = nn.Conv2d(widths[0], 1, 1)

    def forward(self, images: Tensor) -> Tensor:
        found = [self.enter((images - MEAN[0]) / SPREAD[0])]
        for down in self.down:
            found.append(down(nn.functional.max_pool2d(found[-1], 2)))
        logits: Tensor = self.head(self.up(found))[:, 0]
        return logits


class EncoderUNet(nn.Module):
    """A U-Net whose way down is a network of timm, fed as it was trained; the way up is that of the plain one.

    Parameters
    ----------
    encoder : of ``timm.create_model(..., features_only=True)``, or alike: images to a list of maps, fine to coarse.
    widths, reductions : channels of its maps, and by how much their sides are smaller.
    mean, std : of the channels of its input.
    """

    def __init__(
        self,
        encoder: nn.Module,
        widths: Sequence[int],
        reductions: Sequence[int],
        mean: Sequence[float] = MEAN,
        std: Sequence[float] = SPREAD,
        channels: int = 3,
    ) -> None:
        super().__init__()
        self.stride = max(reductions)
        # Encoders begin at half the resolution or less: thin objects need the full one beside it.
        self.fine = build_block(channels, max(GROUP, widths[0] // 2))
        self.encoder = encoder
        self.up = Decoder([max(GROUP, widths[0] // 2), *widths], [1, *reductions])
        self.head = nn.Conv2d(max(GROUP, widths[0] // 2), 1, 1)
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        entering = (images - self.mean) / self.std  # type: ignore[operator]
        logits: Tensor = self.head(self.up([self.fine(entering), *self.encoder(entering)]))[:, 0]
        return logits


class Decoder(nn.Module):
    """Maps from fine to coarse, joined from the coarsest up; gives one of the finest's width and size."""

    def __init__(self, widths: Sequence[int], reductions: Sequence[int] = ()) -> None:
        super().__init__()
        steps = [coarse // fine for fine, coarse in pairwise(reductions)] or [2] * (len(widths) - 1)
        pairs = list(zip(pairwise(widths), steps, strict=True))[::-1]
        self.grow = nn.ModuleList(nn.ConvTranspose2d(coarse, fine, by, stride=by) for (fine, coarse), by in pairs)
        self.join = nn.ModuleList(build_block(2 * fine, fine) for (fine, _), _ in pairs)

    def forward(self, maps: Sequence[Tensor]) -> Tensor:
        found, waiting = maps[-1], list(maps[:-1])
        for grow, join in zip(self.grow, self.join, strict=True):
            found = join(torch.cat([grow(found), waiting.pop()], dim=1))
        return found


def build_block(given: int, made: int) -> nn.Sequential:
    """Return two 3 x 3 convolutions, each with GroupNorm and LeakyReLU."""
    layers: list[nn.Module] = []
    for entering in (given, made):
        groups = made // GROUP if made % GROUP == 0 else 1
        layers += [nn.Conv2d(entering, made, 3, padding=1, bias=False), nn.GroupNorm(groups, made)]
        layers += [nn.LeakyReLU(LEAK, inplace=True)]
    return nn.Sequential(*layers)


def timm_encoder(name: str, channels: int = 3) -> tuple[nn.Module, dict[str, Any]]:
    """Return a network of timm as an encoder, with random weights, and what ``EncoderUNet`` must know of it.

    Raises RuntimeError or AttributeError of timm's where the network gives no maps.
    """
    import timm

    encoder = timm.create_model(name, features_only=True, pretrained=False, in_chans=channels)
    information: Any = encoder.feature_info
    config: Any = timm.get_pretrained_cfg(name)
    known = config is not None and channels == len(config.mean)
    return encoder, {
        "widths": list(information.channels()),
        "reductions": list(information.reduction()),
        "mean": tuple(config.mean) if known else MEAN * channels,
        "std": tuple(config.std) if known else SPREAD * channels,
    }


def count_parameters(network: nn.Module) -> int:
    """Return the number of its parameters."""
    return sum(each.numel() for each in network.parameters())
