"""Contrastive learning: the InfoNCE loss of two views of each image, by angles (SimCLR) or distances (t-SimCNE)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from dsim.errors import UsageError

#: Up to so many dimensions differences of points are written out, which keeps close points far from the origin apart.
_FEW = 4


def info_nce(points: Tensor, temperature: float = 0.5, similarity: str = "cosine") -> Tensor:
    """Return how badly each point finds the other view of its image among all others: a scalar >= 0, in nats.

    The mean, over the 2 b points, of minus the logarithm of the positive pair's share in all similarities of the point.

    Parameters
    ----------
    points : (2, b, d): two views of b images, b >= 2. float64 stays float64; all else is computed in float32, also
        under autocast.
    temperature : positive.
    similarity : ``cosine``: exp(cos(x, y) / temperature), NT-Xent (Chen et al. 2020, arXiv:2002.05709). ``cauchy``:
        1 / (1 + 2 temperature |x - y|^2), which at 0.5 is that of t-SimCNE (Böhm et al. 2023, arXiv:2210.09879).

    Raises UsageError for other shapes or similarities, or a temperature that is not positive.

    >>> round(float(info_nce(torch.ones(2, 2, 3), similarity="cauchy")), 4)  # log 3
    1.0986
    """
    if points.ndim != 3 or points.shape[0] != 2 or points.shape[1] < 2:
        hint = "give two views of at least two images: (2, images, dimensions)"
        raise UsageError(f"points of shape {tuple(points.shape)} cannot be contrasted", hint=hint)
    if similarity not in _LOGARITHMS:
        raise UsageError(f"there is no similarity {similarity!r}", hint=f"use {' or '.join(_LOGARITHMS)}")
    if not temperature > 0:
        raise UsageError(f"the temperature is {temperature:g}", hint="use a positive temperature, such as 0.5")
    with torch.autocast(points.device.type, enabled=False):
        flat = (points if points.dtype == torch.float64 else points.float()).flatten(0, 1)
        n = len(flat)
        itself = torch.eye(n, dtype=torch.bool, device=flat.device)
        logits = _LOGARITHMS[similarity](flat, temperature).masked_fill(itself, -torch.inf)
        return cross_entropy(logits, torch.arange(n, device=flat.device).roll(n // 2))


def _log_cosine(points: Tensor, temperature: float) -> Tensor:
    directions = normalize(points, dim=1)
    return directions @ directions.T / temperature


def _log_cauchy(points: Tensor, temperature: float) -> Tensor:
    return -torch.log1p(2 * temperature * _squared_distances(points))


def _squared_distances(points: Tensor) -> Tensor:
    """Squared distances (n, n), never by a product of matrices: that loses close points far from the origin."""
    if points.shape[1] > _FEW:
        return torch.cdist(points, points, compute_mode="donot_use_mm_for_euclid_dist").square()
    squares = [(column[:, None] - column[None]).square() for column in points.unbind(1)]
    return torch.stack(squares).sum(dim=0) if len(squares) > 1 else squares[0]


_LOGARITHMS: dict[str, Callable[[Tensor, float], Tensor]] = {"cosine": _log_cosine, "cauchy": _log_cauchy}
