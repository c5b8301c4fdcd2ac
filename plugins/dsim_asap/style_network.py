"""Style as a vector: sketches of Gram matrices, or moments of channels, of the maps that style losses compare."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from dsim.random import stream
from dsim_asap.model import Encoder

if TYPE_CHECKING:
    from dsim_asap.style import Style


class StyleOf(nn.Module):
    """Images float32 (b, 3, side, side) in [0, 1] to their style, float32 (b, d)."""

    def __init__(self, encoder: Encoder, style: Style) -> None:
        super().__init__()
        self.encoder, self.style = encoder, style
        architecture, available = encoder.architecture, len(encoder.channels)
        first = 0 if architecture.maps == "stem" else available - architecture.n_maps
        self._chosen = slice(first, first + architecture.n_maps)
        self._signs: list[tuple[str, str]] = []
        for number, channels in enumerate(encoder.channels[self._chosen] if style.dims else ()):
            names = (f"left{number}", f"right{number}")
            for name in names:
                self.register_buffer(name, signs(channels, style.dims, name), persistent=False)
            self._signs.append(names)

    def forward(self, images: Tensor) -> Tensor:
        maps = self.encoder.embed(images)[1][self._chosen]
        parts = [self._part(number, one.float()) for number, one in enumerate(maps)]
        weighted = zip(self.style.weights, parts, strict=True)
        return torch.cat([math.sqrt(weight) * part for weight, part in weighted], dim=1)

    def _part(self, number: int, maps: Tensor) -> Tensor:
        if self.style.form == "moments":
            return moments(maps)
        left, right = (self.get_buffer(name) for name in self._signs[number])
        return sketch(maps, left, right, self.style.norm)


def signs(channels: int, dims: int, purpose: str) -> Tensor:
    """Random signs, float32 (channels, dims), that depend on nothing but these arguments."""
    drawn = stream(0, "asap-style", purpose, str(channels), str(dims)).integers(0, 2, (channels, dims))
    return torch.from_numpy(2 * drawn - 1).float()


def sketch(maps: Tensor, left: Tensor, right: Tensor, norm: str) -> Tensor:
    """The numbers a_j' S b_j / sqrt(m), (b, m), of the Gram matrices S of maps (b, K, H, W), m pairs of signs (K, m).

    The mean square of a' D b over independent signs is |D|^2, the squared Frobenius norm, with a variance of at most
    8 |D|^4: distances of sketches estimate those of Gram matrices. No Gram matrix is made: a' S b is the sum over
    positions of the two projections' product. ``norm`` is as for ``gram``.
    """
    channels, positions = maps.shape[1], maps.shape[2] * maps.shape[3]
    divisor = {"size": positions * channels, "channels": channels, "none": 1}[norm]
    flat = maps.permute(0, 2, 3, 1).flatten(1, 2) / math.sqrt(divisor)
    return ((flat @ left) * (flat @ right)).sum(dim=1) / math.sqrt(left.shape[1])


def moments(maps: Tensor) -> Tensor:
    """Mean and standard deviation of each channel of maps (b, K, H, W), divided by sqrt(K): (b, 2 K).

    >>> moments(torch.tensor([[[[1.0, 3.0]]]])).tolist()
    [[2.0, 1.0]]
    """
    flat = maps.flatten(2)
    both = torch.cat([flat.mean(dim=2), flat.std(dim=2, correction=0)], dim=1)
    return both / math.sqrt(maps.shape[1])
