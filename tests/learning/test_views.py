"""Views: what each policy promises, on what it depends, and its draws beside torchvision's."""

from __future__ import annotations

import pytest
import torch
from torch import Tensor

from dsim.errors import UsageError
from dsim.learning import VIEW_POLICIES, Crops, ViewPolicy, draw_views

CROPS = [Crops(2, 24, (0.4, 1.0)), Crops(3, 16, (0.1, 0.4))]
POLICIES = list(VIEW_POLICIES.values())
NAMES = list(VIEW_POLICIES)


def seeded(seed: int = 0) -> torch.Generator:
    return torch.Generator().manual_seed(seed)


def images(n: int = 5, channels: int = 3, height: int = 30, width: int = 40) -> Tensor:
    return torch.rand(n, channels, height, width, generator=seeded(9))


@pytest.mark.parametrize("policy", POLICIES, ids=NAMES)
@pytest.mark.parametrize("channels", [1, 3])
def test_views_come_first_by_view_then_by_image_in_range(policy: ViewPolicy, channels: int) -> None:
    large, small = draw_views(images(channels=channels), CROPS, policy, seeded())
    assert large.shape == (2 * 5, channels, 24, 24)
    assert small.shape == (3 * 5, channels, 16, 16)
    for views in (large, small):
        assert views.dtype == torch.float32
        assert 0 <= float(views.min()) < float(views.max()) <= 1


@pytest.mark.parametrize("policy", POLICIES, ids=NAMES)
def test_the_same_generator_gives_the_same_views_and_images_stay_as_they_are(policy: ViewPolicy) -> None:
    batch = images()
    before = batch.clone()
    first, again = (draw_views(batch, CROPS, policy, seeded()) for _ in range(2))
    other = draw_views(batch, CROPS, policy, seeded(1))
    for views, same, different in zip(first, again, other, strict=True):
        assert torch.equal(views, same)
        assert not torch.equal(views, different)
    assert torch.equal(batch, before)


@pytest.mark.parametrize("policy", POLICIES, ids=NAMES)
@pytest.mark.parametrize("rows", [slice(0, 3), slice(3, 5), slice(1, 2), slice(1, None, 2), slice(2, 2)])
def test_rows_are_those_of_the_whole_and_use_up_the_same_draws(policy: ViewPolicy, rows: slice) -> None:
    generators = seeded(), seeded()
    whole = draw_views(images(), CROPS, policy, generators[0])
    share = draw_views(images(), CROPS, policy, generators[1], rows)
    for crops, views, some in zip(CROPS, whole, share, strict=True):
        expected = views.view(crops.count, 5, *views.shape[1:])[:, rows].flatten(0, 1)
        torch.testing.assert_close(some, expected, rtol=0, atol=1e-6)
    assert torch.equal(generators[0].get_state(), generators[1].get_state())


@pytest.mark.parametrize("policy", POLICIES, ids=NAMES)
@pytest.mark.parametrize("value", [0.0, 0.5, 1.0])
def test_constant_images_give_no_nan(policy: ViewPolicy, value: float) -> None:
    for views in draw_views(torch.full((8, 3, 20, 20), value), CROPS, policy, seeded()):
        assert bool(torch.isfinite(views).all())


def test_crops_larger_than_the_image_are_enlarged() -> None:
    for policy in POLICIES:
        (views,) = draw_views(images(height=5, width=4), [Crops(1, 32, (0.4, 1.0))], policy, seeded())
        assert views.shape == (5, 3, 32, 32)
        assert bool(torch.isfinite(views).all())


def test_gray_images_of_three_channels_stay_gray() -> None:
    for policy in POLICIES:
        gray = images(channels=1).expand(-1, 3, -1, -1)
        for views in draw_views(gray, CROPS, policy, seeded()):
            assert float((views - views.mean(dim=1, keepdim=True)).abs().max()) < 1e-5


@pytest.mark.parametrize(
    "values", [(0, 24, (0.4, 1.0)), (2, 7, (0.4, 1.0)), (2, 24, (0.5, 0.4)), (2, 24, (0.0, 1.0)), (2, 24, (0.5, 1.1))]
)
def test_impossible_crops_are_refused(values: tuple[int, int, tuple[float, float]]) -> None:
    with pytest.raises(UsageError) as caught:
        Crops(*values)
    assert caught.value.hint


@pytest.mark.parametrize("shape", [(3, 20, 20), (2, 4, 20, 20)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=str(shape[-1])):
        draw_views(torch.zeros(shape), CROPS, VIEW_POLICIES["original"], seeded())
