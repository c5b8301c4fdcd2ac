"""The four losses against literal loops over Eq. 3 to 7, and over the forms of the reference code."""

from __future__ import annotations

from collections.abc import Callable

import pytest
import torch
from torch import Tensor

from dsim.learning.losses import Triplets
from dsim_asap.model import Passed
from dsim_asap.objective import asap_losses
from dsim_asap.specs import AsapRecipe

W = (0.2, 0.2, 0.3, 0.3)
MARGIN = 1.0


@pytest.fixture
def images() -> Tensor:
    return torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0))


@pytest.fixture
def passed() -> Passed:
    generator = torch.Generator().manual_seed(1)
    shapes = [(6, 4, 4), (8, 2, 2), (4, 2, 2), (10, 1, 1)]

    def maps() -> list[Tensor]:
        return [torch.randn(4, *shape, generator=generator) for shape in shapes]

    latent = torch.randn(4, 2, generator=generator)
    return Passed(latent, torch.rand(4, 3, 8, 8, generator=generator), maps(), maps())


TRIPLETS = Triplets(torch.tensor([0, 1, 2, 3]), torch.tensor([1, 0, 3, 2]), torch.tensor([2, 3, 0, 1]))


def literal_gram(content: Tensor) -> Tensor:
    """Eq. 1 for one image, map (K, H, W), divided by H W K."""
    channels = content.shape[0]
    flat = content.flatten(1)
    rows = [[(flat[k] * flat[m]).sum() for m in range(channels)] for k in range(channels)]
    return torch.tensor(rows) / content.numel()


def test_losses_are_equations_3_to_7(passed: Passed, images: Tensor, recipe: Callable[..., AsapRecipe]) -> None:
    mse = style = triplet = style_triplet = 0.0
    for i, (positive, negative) in enumerate(zip(TRIPLETS.positive, TRIPLETS.negative, strict=True)):
        mse += float((passed.reconstruction[i] - images[i]).square().mean())
        z, z_positive, z_negative = (passed.latent[k] for k in (i, positive, negative))
        near, far = float((z - z_positive).norm() ** 2), float((z - z_negative).norm() ** 2)
        triplet += max(near - far + MARGIN, 0)
        for w, encoder, decoder in zip(W, passed.encoder_maps, passed.decoder_maps, strict=True):
            s, s_positive, s_negative = (literal_gram(encoder[k]) for k in (i, positive, negative))
            style += w * float((s - literal_gram(decoder[i])).square().sum())
            near, far = float((s - s_positive).norm() ** 2), float((s - s_negative).norm() ** 2)
            style_triplet += w * max(near - far + MARGIN, 0)
    mse, style, triplet, style_triplet = (value / 4 for value in (mse, style, triplet, style_triplet))
    alpha, beta = 0.5, 0.6
    total = alpha * (beta * mse + (1 - beta) * style) + (1 - alpha) * (beta * triplet + (1 - beta) * style_triplet)
    found = {k: float(v) for k, v in asap_losses(passed, images, TRIPLETS, recipe()).items()}
    expected = {"mse": mse, "style": style, "triplet": triplet, "style_triplet": style_triplet, "total": total}
    assert found == pytest.approx(expected, rel=1e-4)


def test_the_reference_takes_euclidean_distances_and_the_rows_of_grams(
    passed: Passed, images: Tensor, recipe: Callable[..., AsapRecipe]
) -> None:
    chosen = recipe(triplet_distance="euclidean", style_triplet="rows", style_reduction="mean", gram_norm="channels")
    found = asap_losses(passed, images, TRIPLETS, chosen)
    library = torch.nn.TripletMarginLoss(margin=MARGIN)
    latents = [passed.latent[index] for index in TRIPLETS]
    assert found["triplet"].item() == pytest.approx(library(*latents).item(), rel=1e-5)
    style = style_triplet = 0.0
    for w, encoder, decoder in zip(W, passed.encoder_maps, passed.decoder_maps, strict=True):
        grams, rebuilt = (torch.einsum("bkhw,blhw->bkl", m, m) / m.shape[1] for m in (encoder, decoder))
        style += w * torch.nn.functional.mse_loss(rebuilt, grams).item()
        style_triplet += w * library(*(grams[index] for index in TRIPLETS)).item()
    assert found["style"].item() == pytest.approx(style, rel=1e-5)
    assert found["style_triplet"].item() == pytest.approx(style_triplet, rel=1e-5)


def test_whole_grams_at_euclidean_distance_can_be_asked_for(
    passed: Passed, images: Tensor, recipe: Callable[..., AsapRecipe]
) -> None:
    chosen = recipe(triplet_distance="euclidean", style_triplet="matrix", w=(1.0,), gram_norm="none")
    found = asap_losses(
        passed._replace(encoder_maps=passed.encoder_maps[:1], decoder_maps=passed.decoder_maps[:1]),
        images,
        TRIPLETS,
        chosen,
    )
    grams = torch.einsum("bkhw,blhw->bkl", passed.encoder_maps[0], passed.encoder_maps[0])
    near = (grams[TRIPLETS.anchor] - grams[TRIPLETS.positive]).flatten(1).norm(dim=1)
    far = (grams[TRIPLETS.anchor] - grams[TRIPLETS.negative]).flatten(1).norm(dim=1)
    assert found["style_triplet"].item() == pytest.approx(torch.relu(near - far + MARGIN).mean().item(), rel=1e-5)


def test_sums_and_means_differ_by_the_number_of_entries(
    passed: Passed, images: Tensor, recipe: Callable[..., AsapRecipe]
) -> None:
    mean, total = (asap_losses(passed, images, TRIPLETS, recipe(mse_reduction=name))["mse"] for name in ("mean", "sum"))
    assert total.item() == pytest.approx(3 * 8 * 8 * mean.item(), rel=1e-5)
