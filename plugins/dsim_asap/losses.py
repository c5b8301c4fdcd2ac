"""The four losses and their combination (Eq. 3 to 7)."""

from __future__ import annotations

from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import mse_loss, pairwise_distance

from dsim_asap.grams import Styles
from dsim_asap.model import Passed
from dsim_asap.sampling import Triplets
from dsim_asap.specs import AsapRecipe


class Losses(NamedTuple):
    """The marginal losses of one batch, each a scalar, and their weighted sum."""

    mse: Tensor
    style: Tensor
    triplet: Tensor
    style_triplet: Tensor
    total: Tensor

    def numbers(self) -> dict[str, float]:
        """The values by name."""
        return {name: float(value) for name, value in self._asdict().items()}


def losses(passed: Passed, images: Tensor, triplets: Triplets, recipe: AsapRecipe) -> Losses:
    """All losses of one forward pass over ``images`` (b, 3, H, W), with triplets drawn among them."""
    styles = [Styles.of(maps, recipe.gram_norm) for maps in passed.encoder_maps]
    rebuilt = [Styles.of(maps, recipe.gram_norm) for maps in passed.decoder_maps]
    mse = reconstruction_loss(passed.reconstruction.float(), images, recipe.mse_reduction)
    style = weighted(recipe.w, [style_loss(a, b, recipe.style_reduction) for a, b in zip(styles, rebuilt, strict=True)])
    triplet = latent_triplet_loss(passed.latent.float(), triplets, recipe)
    style_triplet = weighted(recipe.w, [style_triplet_loss(s, triplets, recipe) for s in styles])
    total = combined(mse, style, triplet, style_triplet, recipe.alpha, recipe.beta)
    return Losses(mse, style, triplet, style_triplet, total)


def combined(mse: Tensor, style: Tensor, triplet: Tensor, style_triplet: Tensor, alpha: float, beta: float) -> Tensor:
    """Eq. 7.

    >>> combined(*(torch.tensor(float(v)) for v in (1, 2, 3, 4)), alpha=0.5, beta=0.5).item()
    2.5
    """
    rebuilding = beta * mse + (1 - beta) * style
    contrasting = beta * triplet + (1 - beta) * style_triplet
    return alpha * rebuilding + (1 - alpha) * contrasting


def reconstruction_loss(rebuilt: Tensor, original: Tensor, reduction: str) -> Tensor:
    """Squared differences (Eq. 3): ``sum`` or ``mean`` over an image's entries, then the mean over the batch."""
    total = mse_loss(rebuilt, original, reduction="sum")
    return total / (len(original) if reduction == "sum" else original.numel())


def style_loss(styles: Styles, others: Styles, reduction: str) -> Tensor:
    """One term of Eq. 4: ``sum`` or ``mean`` over the entries of a Gram matrix, then the mean over the batch."""
    total = styles.squared_differences(others).mean()
    return total if reduction == "sum" else total / styles.channels**2


def latent_triplet_loss(latent: Tensor, triplets: Triplets, recipe: AsapRecipe) -> Tensor:
    """Eq. 5 on latent points (b, n_emb); on un-squared distances where the recipe asks for the reference's form."""
    return _direct(latent, triplets, recipe.triplet_distance, recipe.margin)


def style_triplet_loss(styles: Styles, triplets: Triplets, recipe: AsapRecipe) -> Tensor:
    """One term of Eq. 6: of whole Gram matrices, or per row as in the reference."""
    if recipe.style_triplet == "rows" or recipe.triplet_distance == "euclidean":
        points = styles.matrices if recipe.style_triplet == "rows" else styles.matrices.flatten(1)
        return _direct(points, triplets, recipe.triplet_distance, recipe.margin)
    distances = styles.squared_distances()
    near = distances[triplets.anchor, triplets.positive]
    far = distances[triplets.anchor, triplets.negative]
    return hinge(near, far, recipe.margin)


def hinge(near: Tensor, far: Tensor, margin: float) -> Tensor:
    """Mean of max(near - far + margin, 0).

    >>> hinge(torch.tensor([0.0, 2.0]), torch.tensor([3.0, 1.0]), margin=1.0).item()
    1.0
    """
    return torch.relu(near - far + margin).mean()


def weighted(weights: tuple[float, ...], terms: list[Tensor]) -> Tensor:
    """Sum of w_p times the term of map p."""
    return torch.stack([w * term for w, term in zip(weights, terms, strict=True)]).sum()


def _direct(points: Tensor, triplets: Triplets, distance: str, margin: float) -> Tensor:
    """The hinge on distances over the last axis, pair by pair."""
    anchor = points[triplets.anchor]
    near = pairwise_distance(anchor, points[triplets.positive])
    far = pairwise_distance(anchor, points[triplets.negative])
    return hinge(near, far, margin) if distance == "euclidean" else hinge(near.square(), far.square(), margin)
