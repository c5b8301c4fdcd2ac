"""Contrastive learning: the InfoNCE loss of two views of each image, by angles (SimCLR) or distances (t-SimCNE)."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor
from torch.nn.functional import cross_entropy, normalize

from dsim.errors import UsageError

#: Up to so many dimensions differences of points are written out, which keeps close points far from the origin apart.
_FEW = 4
#: Other images of a batch with groups that a point may be compared with.
NEGATIVES = ("within", "across")


def info_nce(
    points: Tensor,
    temperature: float = 0.5,
    similarity: str = "cosine",
    groups: Tensor | None = None,
    negatives: str = "within",
) -> Tensor:
    """Return how badly each point finds the other view of its image among all others: a scalar >= 0, in nats.

    The mean, over the 2 b points, of minus the logarithm of the positive pair's share in all similarities of the point.

    Parameters
    ----------
    points : (2, b, d): two views of b images, b >= 2. float64 stays float64; all else is computed in float32, also
        under autocast.
    temperature : positive.
    similarity : ``cosine``: exp(cos(x, y) / temperature), NT-Xent (Chen et al. 2020, arXiv:2002.05709). ``cauchy``:
        1 / (1 + 2 temperature |x - y|^2), which at 0.5 is that of t-SimCNE (Böhm et al. 2023, arXiv:2210.09879).
    groups : int (b,), the group of each image, such as its smear; None: all are of one.
    negatives : other images with which a point is compared: those ``within`` the same group, so that differences of
        groups do not help (Ma et al. 2021, arXiv:2106.02866), or ``across``, those of other groups. A point without any
        adds 0.

    Raises UsageError for other shapes, similarities or negatives, or a temperature that is not positive.

    >>> round(float(info_nce(torch.ones(2, 2, 3), similarity="cauchy")), 4)  # log 3
    1.0986
    """
    if points.ndim != 3 or points.shape[0] != 2 or points.shape[1] < 2:
        hint = "give two views of at least two images: (2, images, dimensions)"
        raise UsageError(f"points of shape {tuple(points.shape)} cannot be contrasted", hint=hint)
    if similarity not in _LOGARITHMS:
        raise UsageError(f"there is no similarity {similarity!r}", hint=f"use {' or '.join(_LOGARITHMS)}")
    if negatives not in NEGATIVES:
        raise UsageError(f"there are no negatives {negatives!r}", hint=f"use {' or '.join(NEGATIVES)}")
    if groups is not None and groups.shape != points.shape[1:2]:
        raise UsageError(f"{tuple(groups.shape)} groups are not those of {points.shape[1]} images", hint="give (b,)")
    if not temperature > 0:
        raise UsageError(f"the temperature is {temperature:g}", hint="use a positive temperature, such as 0.5")
    with torch.autocast(points.device.type, enabled=False):
        flat = (points if points.dtype == torch.float64 else points.float()).flatten(0, 1)
        n = len(flat)
        itself = torch.eye(n, dtype=torch.bool, device=flat.device)
        logits = _LOGARITHMS[similarity](flat, temperature).masked_fill(itself, -torch.inf)
        if groups is not None:
            logits = logits.masked_fill(_left_out(groups.to(flat.device), negatives), -torch.inf)
        return cross_entropy(logits, torch.arange(n, device=flat.device).roll(n // 2))


def _left_out(groups: Tensor, negatives: str) -> Tensor:
    """Which pairs of the 2 b points do not count, bool (2 b, 2 b): never a positive pair."""
    same = (groups[:, None] == groups[None]).repeat(2, 2)
    positive = torch.eye(len(groups), dtype=torch.bool, device=groups.device).repeat(2, 2)
    return (~same if negatives == "within" else same) & ~positive


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
