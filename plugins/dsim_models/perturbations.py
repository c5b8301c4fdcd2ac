"""Changes of an image that leave what it shows as it is, and of a network's features; each with the way back."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dsim.models import Segmenter, VoteNetwork

#: At strength 1: exponent of gamma e^1, contrast less by so much, noise of this deviation, blur and dropout.
_GAMMA, _CONTRAST, _NOISE, _BLUR, _DROPOUT = 1.0, 0.6, 0.1, 2.0, 0.4
#: How often features are dropped.
_DRAWS = 8


@dataclass(frozen=True)
class View:
    """A change of an image float32 (3, h, w) in [0, 1], and the way back of its mask (h, w)."""

    name: str
    change: Callable[[Tensor], Tensor]
    undo: Callable[[NDArray[np.bool_]], NDArray[np.bool_]] = lambda mask: mask


def views(strength: float, seed: int) -> list[View]:
    """Return the eight views of an image: three of geometry, and five of intensity, which ``strength`` scales."""
    gamma = math.exp(_GAMMA * strength)
    return [
        View("flip left and right", lambda image: image.flip(2), lambda mask: mask[:, ::-1]),
        View("flip up and down", lambda image: image.flip(1), lambda mask: mask[::-1]),
        View("turn by 90 degrees", lambda image: image.rot90(1, (1, 2)), lambda mask: np.rot90(mask, -1)),
        View("brighter", lambda image: image.clamp(0, 1) ** (1 / gamma)),
        View("darker", lambda image: image.clamp(0, 1) ** gamma),
        View("less contrast", lambda image: _less_contrast(image, 1 - _CONTRAST * strength)),
        View("noise", lambda image: _noisy(image, _NOISE * strength, seed)),
        View("blur", lambda image: _blurred(image, _BLUR * strength)),
    ]


def _less_contrast(image: Tensor, factor: float) -> Tensor:
    mean = image.mean((1, 2), keepdim=True)
    return mean + (image - mean) * factor


def _noisy(image: Tensor, deviation: float, seed: int) -> Tensor:
    drawn = np.random.default_rng(seed).standard_normal(tuple(image.shape), dtype=np.float32)
    return (image + deviation * torch.from_numpy(drawn)).clamp(0, 1)


def _blurred(image: Tensor, sigma: float) -> Tensor:
    from scipy.ndimage import gaussian_filter

    return torch.from_numpy(gaussian_filter(image.numpy(), (0, sigma, sigma), mode="nearest"))


def dropped(segmenter: Segmenter, strength: float, seed: int) -> Iterator[Segmenter]:
    """Yield the segmenter with some channels of its coarsest features set to zero, another draw each time.

    Use each before the next is asked for: they share one network.
    """
    for draw in range(_DRAWS):
        with _dropping(segmenter.network, _DROPOUT * strength, np.random.default_rng([seed, draw])):
            yield replace(segmenter)


@contextmanager
def _dropping(network: nn.Module, rate: float, rng: np.random.Generator) -> Iterator[None]:
    """While it is open, the same channels of the network's coarsest features are missing from every image."""
    known: dict[int, Tensor] = {}

    def drop(module: nn.Module, given: Any, features: Any) -> Any:
        # A plain U-Net's last way down gives one map; an encoder of timm all of them, the coarsest last.
        several = isinstance(features, list | tuple)
        coarsest = features[-1] if several else features
        channels = coarsest.shape[1]
        if channels not in known:
            stays = rng.random(channels) >= rate
            known[channels] = torch.from_numpy(stays.astype(np.float32) / (1 - rate))[None, :, None, None]
        thinned = coarsest * known[channels].to(coarsest.device)
        return [*features[:-1], thinned] if several else thinned

    members = network.members if isinstance(network, VoteNetwork) else [network]
    handles = [_coarsest(member).register_forward_hook(drop) for member in members]
    try:
        yield
    finally:
        for handle in handles:
            handle.remove()


def _coarsest(network: nn.Module) -> nn.Module:
    """The part of a network that gives its coarsest features."""
    parts: Any = network
    module: nn.Module = parts.encoder if hasattr(parts, "encoder") else parts.down[-1]
    return module
