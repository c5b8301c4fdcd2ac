"""Views: what each policy promises, on what it depends, and its draws beside torchvision's."""

from __future__ import annotations

import math
from collections.abc import Sequence

import pytest
import torch
from torch import Tensor
from torchvision import transforms
from torchvision.transforms import functional as tv
from torchvision.transforms.functional import InterpolationMode

from dsim.errors import UsageError
from dsim.learning import VIEW_POLICIES, Crops, ViewChange, ViewPolicy, draw_views
from dsim.learning.views import ViewParameters, change_of, draw_parameters

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


@pytest.mark.parametrize("shape", [(3, 20, 20), (2, 0, 20, 20)])
def test_images_of_another_shape_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(UsageError, match=str(shape[-1])):
        draw_views(torch.zeros(shape), CROPS, VIEW_POLICIES["original"], seeded())


# ---- one image at a time, by torchvision ---------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["original", "simclr"])
@pytest.mark.parametrize("channels", [1, 3])
def test_views_are_those_of_torchvisions_functions_on_one_image_with_the_same_parameters(
    name: str, channels: int
) -> None:
    policy, batch, crops = VIEW_POLICIES[name], images(channels=channels), Crops(3, 24, (0.3, 1.0))
    changes = [change_of(policy, 0, view) for view in range(crops.count)]
    drawn = draw_parameters(len(batch), (30, 40), crops, changes, policy, seeded(2))
    (ours,) = draw_views(batch, [crops], policy, seeded(2))
    for row, view in enumerate(ours):
        expected = one_view(batch[row % len(batch)], drawn.at(torch.tensor([row])), 24, math.ceil(6 * 24 / 224))
        torch.testing.assert_close(view, expected, rtol=0, atol=5e-5)


def one_view(image: Tensor, drawn: ViewParameters, size: int, radius: int) -> Tensor:
    """The only view in ``drawn``, step by step."""
    bicubic = InterpolationMode.BICUBIC
    image = tv.resized_crop(image, *drawn.boxes[0].tolist(), [size, size], bicubic, antialias=True).clamp(0, 1)
    image = tv.hflip(image) if drawn.mirrored else image
    image = tv.vflip(image) if drawn.turned_over else image
    operations = [tv.adjust_brightness, tv.adjust_contrast, tv.adjust_saturation, tv.adjust_hue]
    for number in drawn.jitter.order[0].tolist() if drawn.jittered else []:
        if number < 2 or len(image) == 3:
            image = operations[number](image, float(drawn.jitter[number]))
    image = tv.rgb_to_grayscale(image, 3) if drawn.gray and len(image) == 3 else image
    if drawn.deviation > 0:
        image = tv.gaussian_blur(image, [2 * radius + 1] * 2, [float(drawn.deviation)] * 2)
    return tv.solarize(image, 0.5) if drawn.solarised else image


# ---- draws ---------------------------------------------------------------------------------------------------------

MANY = 4000


def drawn_by(name: str, group: int = 0) -> tuple[ViewPolicy, ViewParameters]:
    """Parameters of two views of many images of 90 x 120 pixels, the first of all images first."""
    policy = VIEW_POLICIES[name]
    changes = [change_of(policy, group, view) for view in range(2)]
    return policy, draw_parameters(MANY, (90, 120), Crops(2, 64, (0.1, 0.5)), changes, policy, seeded(4))


def alike(ours: Sequence[float] | Tensor, theirs: Sequence[float] | Tensor) -> bool:
    """Whether two samples are of one distribution, by Kolmogorov and Smirnov."""
    from scipy.stats import ks_2samp

    return bool(ks_2samp(torch.as_tensor(ours).numpy(), torch.as_tensor(theirs).numpy()).pvalue > 1e-3)


def test_crops_are_distributed_as_torchvisions() -> None:
    _, drawn = drawn_by("original")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        image = torch.empty(1, 90, 120)
        theirs = torch.tensor([drawn_box(image) for _ in range(MANY // 4)])
    for part in (lambda b: b[:, 2] * b[:, 3], lambda b: b[:, 3] / b[:, 2], lambda b: b[:, 0], lambda b: b[:, 1]):
        assert alike(part(drawn.boxes.double()), part(theirs.double()))


def drawn_box(image: Tensor) -> tuple[int, int, int, int]:
    return transforms.RandomResizedCrop.get_params(image, [0.1, 0.5], [3 / 4, 4 / 3])


def test_jitter_is_distributed_as_torchvisions() -> None:
    _, drawn = drawn_by("original")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        bounds = (0.6, 1.4), (0.6, 1.4), (0.8, 1.2), (-0.1, 0.1)
        theirs = [transforms.ColorJitter.get_params(*bounds) for _ in range(MANY)]
    for number in range(4):
        assert alike(drawn.jitter[number], [jitter[1 + number] for jitter in theirs])
    orders = torch.unique(drawn.jitter.order, dim=0, return_counts=True)[1]
    assert len(orders) == 24
    assert float(orders.max() / orders.min()) < 1.5


def test_corners_are_distributed_as_torchvisions() -> None:
    _, drawn = drawn_by("paper")
    with torch.random.fork_rng():
        torch.manual_seed(0)
        ends = [transforms.RandomPerspective.get_params(1001, 1001, 0.5)[1][0] for _ in range(MANY)]
    moved = drawn.corners[:MANY][drawn.corners[:MANY].flatten(1).any(dim=1)]
    for axis in range(2):
        assert alike(moved[:, 0, axis], torch.tensor(ends)[:, axis].double() / 1000)
        assert alike(moved[:, 0, axis], moved[:, 2, axis])


#: Shares of what changes in the first view, the second, and small ones: published probabilities.
SHARES = {
    "original": {"deviation": (1, 0.1, 0.5), "solarised": (0, 0.2, 0), "corners": (0, 0, 0), "turned_over": (0, 0, 0)},
    "paper": {
        "deviation": (1, 0.1, 0.5),
        "solarised": (0, 0.2, 0),
        "corners": (0.75, 0.5, 0.5),
        "turned_over": (0.5, 0.5, 0.5),
    },
    "turned": {"deviation": (1, 0.1, 0.5), "solarised": (0, 0.2, 0), "corners": (0, 0, 0), "turned_over": (0.5,) * 3},
    "upright": {"deviation": (1, 0.1, 0.5), "corners": (0.75, 0.5, 0.5), "turned_over": (0, 0, 0)},
    "simclr": {"deviation": (0.5, 0.5, 0.5), "solarised": (0, 0, 0), "corners": (0, 0, 0)},
    "t-simcne": {"deviation": (0, 0, 0), "solarised": (0, 0, 0), "corners": (0, 0, 0), "turned_over": (0, 0, 0)},
    "t-simcne-quarter": {
        "deviation": (0, 0, 0),
        "turned_over": (0.5,) * 3,
        "quarters": (0.5,) * 3,
        "degrees": (0, 0, 0),
    },
    "t-simcne-any": {"deviation": (0, 0, 0), "turned_over": (0.5,) * 3, "quarters": (0.5,) * 3, "degrees": (1, 1, 1)},
    **{
        name: {
            **dict.fromkeys(("mirrored", "turned_over", "quarters", "jittered"), (0.5,) * 3),
            **dict.fromkeys(("solarised", "holes"), (share,) * 3),
            **dict.fromkeys(("gray", "deviation", "corners"), (0, 0, 0)),
            "degrees": (1, 1, 1),
        }
        for name, share in (("simsearch", 0.5), ("simsearch-supervised", 0))
    },
}


@pytest.mark.parametrize("name", NAMES)
def test_changes_have_their_published_probabilities(name: str) -> None:
    (_, large), (_, small) = drawn_by(name), drawn_by(name, group=1)
    common = {"mirrored": (0.5,) * 3, "jittered": (0.8,) * 3, "gray": (0.2,) * 3}
    for field, expected in {**common, **SHARES[name]}.items():
        values = [getattr(large, field)[:MANY], getattr(large, field)[MANY:], getattr(small, field)[:MANY]]
        shares = [
            float((value[..., 2:] if field == "holes" else value).reshape(MANY, -1).any(1).float().mean())
            for value in values
        ]
        assert shares == pytest.approx(expected, abs=0.03)


def test_the_blur_is_that_of_the_published_size_and_shrinks_with_the_view() -> None:
    policy, changes = VIEW_POLICIES["paper"], [ViewChange(blur=1.0, side=224)]
    for size, share in ((224, 1.0), (56, 0.25), (448, 1.0)):
        drawn = draw_parameters(MANY, (90, 120), Crops(1, size, (0.1, 0.5)), changes, policy, seeded())
        assert float(drawn.deviation.min()) == pytest.approx(0.1 * share, abs=0.01)
        assert float(drawn.deviation.max()) == pytest.approx(5.0 * share, abs=0.01)


def test_angles_are_any_or_none() -> None:
    for name in ("paper", "turned"):
        degrees = drawn_by(name)[1].degrees
        assert -180 <= float(degrees.min()) < -178
        assert 178 < float(degrees.max()) <= 180
    assert not drawn_by("upright")[1].degrees.any()


def test_what_is_drawn_is_frozen() -> None:
    """Trainings are repeated from their seed: these numbers may not change."""
    views = draw_views(images(), CROPS, VIEW_POLICIES["paper"], seeded(3))
    assert [float(group.mean()) for group in views] == pytest.approx([0.38185236, 0.45592892], abs=1e-5)
