"""Heads of self-supervised training: they turn features into what a loss compares, and are thrown away after it."""

from __future__ import annotations

from itertools import pairwise

import torch
from torch import Tensor, nn
from torch.nn.functional import linear, normalize

#: Standard deviation of the first weights of a head's layers, a normal distribution cut at two units.
_SPREAD = 0.02


class NormalisedLinear(nn.Module):
    """Points (n, width) to their products with ``outputs`` weights of unit length, (n, outputs), times a gain each.

    Parameters
    ----------
    norm_last : the gains are 1 and not learnt; where False they are learnt.
    """

    def __init__(self, width: int, outputs: int, norm_last: bool = True) -> None:
        super().__init__()
        # The names are those of torch's weight_norm, which checkpoints of DINO have.
        self.weight_v = nn.Parameter(nn.Linear(width, outputs, bias=False).weight.detach())
        gains = torch.ones(outputs, 1)
        self.weight_g: Tensor
        if norm_last:
            self.register_buffer("weight_g", gains)
        else:
            self.weight_g = nn.Parameter(gains)

    def forward(self, points: Tensor) -> Tensor:
        return linear(points, self.weight_g * normalize(self.weight_v, dim=1))


class DinoHead(nn.Module):
    """Features (n, width) to logits (n, outputs), as DINO has them (Caron et al. 2021, arXiv:2104.14294).

    An MLP with GELU between its layers, division by the length, and a linear layer whose weights have unit length.

    Parameters
    ----------
    hidden_layers : linear layers of the MLP, the one to the bottleneck among them: 3 in the original, 4 in the code of
        Nielsen et al. 2022; at least 1.
    hidden, bottleneck : widths of the MLP's inner layers, and of its result.
    norm_last : whether the last layer's weights keep unit length, or their lengths are learnt.

    >>> head = DinoHead(8, 16, hidden=32, bottleneck=4)
    >>> tuple(head(torch.ones(2, 8)).shape), len([m for m in head.mlp if isinstance(m, nn.Linear)])
    ((2, 16), 3)
    """

    def __init__(
        self,
        width: int,
        outputs: int,
        hidden_layers: int = 3,
        hidden: int = 2048,
        bottleneck: int = 256,
        norm_last: bool = True,
    ) -> None:
        super().__init__()
        self.mlp = _mlp([width, *[hidden] * (hidden_layers - 1), bottleneck], nn.GELU)
        for layer in self.mlp:
            if isinstance(layer, nn.Linear):
                nn.init.trunc_normal_(layer.weight, std=_SPREAD, a=-2.0, b=2.0)
                nn.init.zeros_(layer.bias)
        self.last_layer = NormalisedLinear(bottleneck, outputs, norm_last)

    def forward(self, features: Tensor) -> Tensor:
        logits: Tensor = self.last_layer(normalize(self.mlp(features), dim=-1))
        return logits


class ProjectionHead(nn.Module):
    """Features (n, width) to points (n, outputs) in which views are compared (Chen et al. 2020, arXiv:2002.05709).

    Parameters
    ----------
    hidden : width of the inner layers. ``layers`` : linear layers in all, with ReLU between them.

    >>> tuple(ProjectionHead(8, 32, 4)(torch.ones(2, 8)).shape)
    (2, 4)
    """

    def __init__(self, width: int, hidden: int, outputs: int, layers: int = 2) -> None:
        super().__init__()
        self.mlp = _mlp([width, *[hidden] * (layers - 1), outputs], nn.ReLU)

    def forward(self, features: Tensor) -> Tensor:
        points: Tensor = self.mlp(features)
        return points


def _mlp(widths: list[int], activation: type[nn.Module]) -> nn.Sequential:
    """Linear layers between these widths, with the activation between two of them."""
    layers: list[nn.Module] = []
    for given, made in pairwise(widths):
        layers += [nn.Linear(given, made), activation()]
    return nn.Sequential(*layers[:-1])
