"""Contrastive learning: losses of two views of each image (SimCLR, t-SimCNE), and of images with labels."""

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


def supervised_contrastive(
    points: Tensor,
    labels: Tensor,
    temperature: float = 0.07,
    negatives: Tensor | None = None,
    negative_of: Tensor | None = None,
) -> Tensor:
    """Return how badly points find those of their own label among all others: a scalar, in nats.

    The mean, over the n points, of the mean over the other points of the same label of minus the logarithm of their
    share in all similarities exp(cos(x, y) / temperature) of the point (Khosla et al. 2020, arXiv:2004.11362, the loss
    with the sum outside of the logarithm). A point alone with its label adds 0. Where each label is that of the two
    views of one image it is ``info_nce``.

    Parameters
    ----------
    points : (n, d), n >= 2; several views of an image are several points. float64 stays float64; all else is computed
        in float32, also under autocast. ``labels`` : int (n,). ``temperature`` : positive.
    negatives : (m, d), examples that someone marked as not of a class. ``negative_of`` : int (m,), that class. The
        denominator of each point also sums over all negatives of its class; they are no anchors and nobody's positives
        (Gupta et al., SimSearch, Eq. 3 and 4). None: the loss of Khosla et al., whose code also multiplies it by the
        temperature over 0.07.

    Raises UsageError for other shapes, a temperature that is not positive, or negatives of no class.

    >>> points = torch.tensor([[1.0, 0.0], [1.0, 0.0], [0.0, 1.0]])
    >>> round(float(supervised_contrastive(points, torch.tensor([0, 0, 1]), 1.0)), 4)  # 2 log(1 + 1 / e) / 3
    0.2088
    >>> negative = torch.tensor([[0.0, 1.0]])  # 2 log(1 + 2 / e) / 3
    >>> round(float(supervised_contrastive(points, torch.tensor([0, 0, 1]), 1.0, negative, torch.tensor([0]))), 4)
    0.3676
    """
    _refuse_points(points, labels, temperature)
    if (negatives is None) != (negative_of is None):
        missing = "negatives" if negatives is None else "negative_of"
        raise UsageError(
            f"{missing} of the contrastive loss is missing", hint="give negatives and negative_of, or none"
        )
    with torch.autocast(points.device.type, enabled=False):
        dtype = torch.float64 if points.dtype == torch.float64 else torch.float32
        labels = labels.to(points.device)
        directions = normalize(points.to(dtype), dim=1)
        itself = torch.eye(len(points), dtype=torch.bool, device=points.device)
        logits = directions @ directions.T / temperature
        others = logits.masked_fill(itself, -torch.inf)
        if negatives is not None and negative_of is not None:
            _refuse_negatives(points, negatives, negative_of)
            marked = directions @ normalize(negatives.to(directions), dim=1).T / temperature
            foreign = labels[:, None] != negative_of.to(labels)[None]
            others = torch.cat([others, marked.masked_fill(foreign, -torch.inf)], dim=1)
        same = (labels[:, None] == labels[None]) & ~itself
        surprise = others.logsumexp(dim=1, keepdim=True) - logits
        return (surprise.masked_fill(~same, 0).sum(dim=1) / same.sum(dim=1).clamp_min(1)).mean()


def _refuse_points(points: Tensor, labels: Tensor, temperature: float) -> None:
    if points.ndim != 2 or len(points) < 2:
        hint = "give at least two points: (points, dimensions)"
        raise UsageError(f"points of shape {tuple(points.shape)} cannot be contrasted", hint=hint)
    if labels.shape != points.shape[:1]:
        raise UsageError(f"{tuple(labels.shape)} labels are not those of {len(points)} points", hint="give (n,)")
    if not temperature > 0:
        raise UsageError(f"the temperature is {temperature:g}", hint="use a positive temperature, such as 0.07")


def _refuse_negatives(points: Tensor, negatives: Tensor, negative_of: Tensor) -> None:
    if negatives.ndim != 2 or negatives.shape[1] != points.shape[1] or negative_of.shape != negatives.shape[:1]:
        given = f"{tuple(negatives.shape)} negatives of {tuple(negative_of.shape)} classes"
        message = f"{given} do not belong to points of {points.shape[1]} dimensions"
        raise UsageError(message, hint="give (m, d) and (m,)")


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
