"""Classifiers: a body that gives features, shared by all tasks, and a head of each task's own."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from dsim.models.unet import GROUP, MEAN, SPREAD

if TYPE_CHECKING:
    from dsim.features import Network


class Classifier(nn.Module):
    """Images (n, 3, h, w) in [0, 1] to logits (n, classes).

    Parameters
    ----------
    body : images, centred and scaled, to features (n, width). ``dropout`` : share of features dropped before the head.
    mean, std : of the channels, as the body takes them.
    """

    def __init__(
        self,
        body: nn.Module,
        width: int,
        classes: int,
        dropout: float = 0.0,
        mean: Sequence[float] = MEAN,
        std: Sequence[float] = SPREAD,
    ) -> None:
        super().__init__()
        self.body = body
        self.dropout = nn.Dropout(dropout)
        self.head = nn.Linear(width, classes)
        self.register_buffer("mean", torch.tensor(mean).view(1, -1, 1, 1), persistent=False)
        self.register_buffer("std", torch.tensor(std).view(1, -1, 1, 1), persistent=False)

    def forward(self, images: Tensor) -> Tensor:
        features = self.body((images - self.mean) / self.std)  # type: ignore[operator]
        logits: Tensor = self.head(self.dropout(features))
        return logits


class ExtractorBody(nn.Module):
    """The network of an extractor with weights that can be trained: transformed images (n, C, H, W) to features (n, d).

    A layer and a pooling that the extractor names are kept.
    """

    def __init__(self, network: Network) -> None:
        super().__init__()
        self.module = network.module.requires_grad_(True)
        self._features = network.traced

    def forward(self, images: Tensor) -> Tensor:
        return self._features(images)


class PlainBody(nn.Module):
    """A small residual network (He 2016, arXiv:1512.03385) with GroupNorm; features (n, widths[-1]).

    Half the resolution at the entrance, then one block of two convolutions for each of ``widths``, each but the first
    halving the sides; the mean over the image at the end. GroupNorm, so that no statistics of the source's images are
    carried to a target.

    >>> sum(each.numel() for each in PlainBody((16, 32, 64, 128)).parameters())
    307088
    """

    def __init__(self, widths: Sequence[int], channels: int = 3) -> None:
        super().__init__()
        first = widths[0]
        self.enter = nn.Sequential(nn.Conv2d(channels, first, 3, stride=2, padding=1, bias=False), build_norm(first))
        steps = [(first, first, 1), *((fine, coarse, 2) for fine, coarse in pairwise(widths))]
        self.blocks = nn.Sequential(*(Residual(*step) for step in steps))

    def forward(self, images: Tensor) -> Tensor:
        maps: Tensor = self.blocks(self.enter(images).relu())
        return maps.mean((2, 3))


class Residual(nn.Module):
    """Two 3 x 3 convolutions beside a shortcut; ``stride`` 2 halves the sides."""

    def __init__(self, given: int, made: int, stride: int) -> None:
        super().__init__()
        self.inner = nn.Sequential(
            nn.Conv2d(given, made, 3, stride=stride, padding=1, bias=False),
            build_norm(made),
            nn.ReLU(inplace=True),
            nn.Conv2d(made, made, 3, padding=1, bias=False),
            build_norm(made),
        )
        same = given == made and stride == 1
        # oneDNN's backward pass of a strided 1 x 1 convolution writes past its buffer where the channels that come in
        # are not a multiple of 8 (torch 2.15, AVX2): there the pixels are picked before it, which is the same.
        self.picked = stride if given % 8 else 1
        self.shortcut = nn.Identity() if same else nn.Conv2d(given, made, 1, stride=stride // self.picked, bias=False)

    def forward(self, maps: Tensor) -> Tensor:
        picked = maps[..., :: self.picked, :: self.picked] if self.picked > 1 else maps
        joined: Tensor = self.inner(maps) + self.shortcut(picked)
        return joined.relu()


def build_norm(channels: int) -> nn.GroupNorm:
    """Return a GroupNorm of GROUP channels each; of all together where they do not divide."""
    return nn.GroupNorm(channels // GROUP if channels % GROUP == 0 else 1, channels)


def timm_body(name: str) -> tuple[nn.Module, dict[str, Any]]:
    """Return a network of timm without its head, with random weights, and what ``Classifier`` must know of it.

    Raises RuntimeError or ValueError of timm's where the network cannot be built so.
    """
    import timm

    body: Any = timm.create_model(name, pretrained=False, num_classes=0)
    config: Any = timm.get_pretrained_cfg(name)
    known = config is not None and len(config.mean) == len(config.std) == 3
    return body, {
        "width": int(body.num_features),
        "mean": tuple(config.mean) if known else MEAN,
        "std": tuple(config.std) if known else SPREAD,
    }
