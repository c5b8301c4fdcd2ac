"""Losses against literal loops, against torch's own, and both ways to the distances of Gram matrices."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor
from torch.nn.functional import binary_cross_entropy_with_logits, mse_loss

from dsim.learning.losses import (
    NORMS,
    GramMatrices,
    Triplets,
    draw_triplets,
    gram,
    hinge,
    reconstruction_loss,
    segmentation_loss,
    soft_dice,
    squared_distances,
    style_loss,
    style_triplet_loss,
    triplet_loss,
    weighted_sum,
)

DIVISORS = {"none": 1, "channels": 5, "size": 5 * 3 * 4}
TRIPLETS = Triplets(torch.tensor([0, 1, 2, 3]), torch.tensor([1, 0, 3, 2]), torch.tensor([2, 3, 0, 1]))
SHAPES = [(5, 3, 4), (12, 1, 3), (9, 1, 3)]
WAYS = ["by matrices", "by positions", "the border"]


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def maps(*shape: int, seed: int = 0) -> Tensor:
    return torch.randn(*shape, generator=seeded(seed))


# ---- segmentation


def test_the_segmentation_loss_is_cross_entropy_and_one_minus_dice() -> None:
    logits, masks = maps(3, 6, 7), (maps(3, 6, 7, seed=1) > 0).float()
    dice = 0.0
    for chances, mask in zip(logits.sigmoid(), masks, strict=True):
        dice += float((2 * (chances * mask).sum() + 1) / (chances.sum() + mask.sum() + 1)) / 3
    expected = float(binary_cross_entropy_with_logits(logits, masks)) + 1 - dice
    assert float(segmentation_loss(logits, masks)) == pytest.approx(expected, rel=1e-6)


def test_an_empty_image_that_is_predicted_empty_has_a_dice_of_one_and_finite_gradients() -> None:
    empty = torch.zeros(2, 4, 4)
    assert soft_dice(empty, empty).tolist() == [1.0, 1.0]
    logits = torch.full((2, 4, 4), -30.0, requires_grad=True)
    segmentation_loss(logits, empty).backward()  # type: ignore[no-untyped-call]
    assert logits.grad is not None
    assert bool(logits.grad.isfinite().all())


# ---- triplets


@pytest.mark.parametrize("squared", [True, False])
def test_triplet_loss_is_a_loop_over_triplets(squared: bool) -> None:
    points, total = maps(4, 3), 0.0
    for a, p, n in zip(*TRIPLETS, strict=True):
        near, far = float((points[a] - points[p]).norm()), float((points[a] - points[n]).norm())
        total += max((near**2 - far**2 if squared else near - far) + 0.7, 0) / 4
    assert float(triplet_loss(points, TRIPLETS, 0.7, squared)) == pytest.approx(total, rel=1e-5)


def test_euclidean_triplets_are_torchs() -> None:
    points = maps(4, 5, 3)
    expected = torch.nn.TripletMarginLoss(margin=1.0)(*(points[index] for index in TRIPLETS))
    assert float(triplet_loss(points, TRIPLETS, squared=False)) == pytest.approx(float(expected), rel=1e-5)


def test_a_hinge_of_far_negatives_is_zero() -> None:
    assert float(hinge(torch.zeros(3), torch.full((3,), 9.0), 1.0)) == 0


OWNERS = torch.repeat_interleave(torch.arange(4), torch.tensor([12, 8, 10, 3]))


@pytest.mark.parametrize("draws", [1, 16])
def test_triplets_never_pick_the_anchor_and_come_from_the_right_dataset(draws: int) -> None:
    generator = seeded()
    for _ in range(20):
        images = torch.randperm(len(OWNERS), generator=generator)[:20]
        owners = OWNERS[images]
        triplets = draw_triplets(owners, images, draws, generator)
        assert torch.all(images[triplets.anchor] != images[triplets.positive])
        assert torch.all(owners[triplets.anchor] == owners[triplets.positive])
        assert torch.all(owners[triplets.anchor] != owners[triplets.negative])


def test_a_second_copy_of_the_anchor_is_not_a_positive() -> None:
    images = torch.tensor([0, 0, 1, 5, 6])
    triplets = draw_triplets(torch.tensor([0, 0, 0, 1, 1]), images, 50, seeded())
    assert torch.all(images[triplets.anchor] != images[triplets.positive])


def test_positives_can_be_the_anchor_itself_where_asked_for() -> None:
    owners, images = torch.tensor([0, 0, 1, 1]), torch.arange(4)
    triplets = draw_triplets(owners, images, 50, seeded(), distinct=False)
    assert torch.any(triplets.anchor == triplets.positive)
    assert torch.all(owners[triplets.anchor] == owners[triplets.positive])


def test_an_image_alone_is_not_an_anchor_but_can_be_a_negative() -> None:
    triplets = draw_triplets(torch.tensor([0, 0, 1]), torch.arange(3), 4, seeded())
    assert set(triplets.anchor.tolist()) == {0, 1}
    assert set(triplets.negative.tolist()) == {2}


# ---- style


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gram_is_the_sum_over_positions(norm: str, layout: torch.memory_format) -> None:
    batch = maps(2, 5, 3, 4)
    expected = torch.einsum("bkhw,blhw->bkl", batch, batch) / DIVISORS[norm]
    torch.testing.assert_close(gram(batch.to(memory_format=layout), norm), expected)


def test_gram_is_float32_even_inside_a_bfloat16_pass() -> None:
    """Squared differences of Gram matrices in bfloat16 would lose the differences."""
    batch = maps(2, 5, 3, 4)
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(gram(batch), gram(batch.clone()))
        assert gram(batch).dtype == torch.float32
    torch.testing.assert_close(gram(batch.bfloat16()), gram(batch.bfloat16().float()))


def test_squared_distances_are_those_of_each_pair() -> None:
    points = maps(6, 4, 4)
    expected = torch.stack([torch.stack([(p - q).square().sum() for q in points]) for p in points])
    torch.testing.assert_close(squared_distances(points), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", SHAPES, ids=WAYS)
def test_both_ways_to_distances_are_those_of_the_matrices(shape: tuple[int, int, int]) -> None:
    """Deep maps have fewer positions than channels: distances do not need their Gram matrices."""
    styles, others = (GramMatrices.from_maps(maps(6, *shape, seed=seed)) for seed in (0, 1))
    torch.testing.assert_close(styles.squared_distances(), squared_distances(styles.matrices), rtol=1e-4, atol=1e-6)
    expected = (styles.matrices - others.matrices).square().sum(dim=(1, 2))
    torch.testing.assert_close(styles.squared_differences(others), expected, rtol=1e-4, atol=1e-6)


def test_deep_maps_never_write_their_gram_matrices_down() -> None:
    styles, others = (GramMatrices.from_maps(maps(4, 64, 2, 2, seed=seed)) for seed in (0, 1))
    style_loss(styles, others)
    style_triplet_loss(styles, TRIPLETS)
    assert "matrices" not in vars(styles)


def test_styles_of_some_images_are_those_of_these_images() -> None:
    batch, chosen = maps(6, 12, 1, 3), torch.tensor([True, False, True, False, False, False])
    torch.testing.assert_close(GramMatrices.from_maps(batch)[chosen].matrices, gram(batch[chosen]))


@pytest.mark.parametrize("shape", SHAPES, ids=WAYS)
@pytest.mark.parametrize("reduction", ["sum", "mean"])
def test_style_loss_is_the_squared_difference_of_grams(shape: tuple[int, int, int], reduction: str) -> None:
    batch, rebuilt = maps(4, *shape), maps(4, *shape, seed=1)
    expected = mse_loss(gram(rebuilt), gram(batch), reduction="sum") / 4
    found = style_loss(GramMatrices.from_maps(batch), GramMatrices.from_maps(rebuilt), reduction)
    torch.testing.assert_close(found, expected if reduction == "sum" else expected / shape[0] ** 2, rtol=1e-4, atol=0)


@pytest.mark.parametrize("shape", SHAPES, ids=WAYS)
@pytest.mark.parametrize("squared", [True, False])
@pytest.mark.parametrize("by_rows", [True, False])
def test_style_triplets_are_triplets_of_grams(shape: tuple[int, int, int], squared: bool, by_rows: bool) -> None:
    batch = maps(4, *shape)
    matrices = gram(batch) if by_rows else gram(batch).flatten(1)
    expected = triplet_loss(matrices, TRIPLETS, squared=squared)
    found = style_triplet_loss(GramMatrices.from_maps(batch), TRIPLETS, squared=squared, by_rows=by_rows)
    torch.testing.assert_close(found, expected, rtol=1e-4, atol=1e-5)


# ---- sums


def test_sums_and_means_differ_by_the_number_of_entries() -> None:
    rebuilt, original = maps(4, 3, 8, 8), maps(4, 3, 8, 8, seed=1)
    mean, total = (reconstruction_loss(rebuilt, original, reduction) for reduction in ("mean", "sum"))
    assert float(mean) == pytest.approx(float(mse_loss(rebuilt, original)), rel=1e-6)
    assert float(total) == pytest.approx(3 * 8 * 8 * float(mean), rel=1e-5)


def test_a_weight_without_a_term_is_refused() -> None:
    with pytest.raises(ValueError, match="shorter"):
        weighted_sum((1.0, 2.0), [torch.tensor(1.0)])
