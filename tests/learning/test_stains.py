"""Stains beside scikit-image's separation of colours, and what a change promises."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import torch
from torch import Tensor

from dsim.learning import VIEW_POLICIES, Crops, draw_views, without
from dsim.learning.stains import change_stains


def images(n: int = 6) -> Tensor:
    """Of colours that stains give: no amount of a stain is negative."""
    from skimage.color import hed2rgb

    amounts = np.random.default_rng(0).uniform(0.01, 0.1, (n, 8, 8, 3))
    return torch.from_numpy(hed2rgb(amounts)).permute(0, 3, 1, 2).float()


def amounts_of(pictures: Tensor) -> Tensor:
    """Amounts of the three stains (n, 3, h, w) by scikit-image, in its unit (natural logarithms over that of 1e-6)."""
    from skimage.color import rgb2hed

    return torch.from_numpy(rgb2hed(pictures.permute(0, 2, 3, 1).double().numpy())).permute(0, 3, 1, 2)


def test_amounts_of_stains_change_by_factor_and_shift_as_scikit_image_separates_them() -> None:
    batch, unit = images(), np.log10(1e6)
    factors = torch.tensor([1.1, 0.95, 1.02]).expand(len(batch), 3)
    shifts = torch.tensor([0.02, 0.0, 0.01]).expand(len(batch), 3)
    changed = amounts_of(change_stains(batch, factors, shifts))
    expected = amounts_of(batch) * factors[..., None, None] + shifts[..., None, None] / unit
    torch.testing.assert_close(changed, expected.double(), rtol=0, atol=3e-4)


def test_factors_of_one_and_no_shift_change_nothing_but_black() -> None:
    batch = torch.rand(4, 3, 8, 8, generator=torch.Generator().manual_seed(0)).clamp_min(1 / 255)
    same = change_stains(batch, torch.ones(4, 3), torch.zeros(4, 3))
    torch.testing.assert_close(same, batch, rtol=0, atol=1e-5)


def test_views_have_stains_of_their_own_within_the_bounds_and_other_draws_stay() -> None:
    policy = without(VIEW_POLICIES["t-simcne-quarter"], ["crops", "jitter", "gray"])
    batch = torch.full((50, 3, 16, 16), 0.6)
    plain, stained = (
        draw_views(batch, [Crops(2, 16, (0.2, 1.0))], each, torch.Generator().manual_seed(1))[0]
        for each in (policy, replace(policy, stain=0.05))
    )
    assert len(stained.flatten(1)[:, ::256].unique(dim=0)) == 100
    assert float((plain - batch[:1]).abs().max()) < 1e-5
    # Density .22 of three stains within 5 % and shifts within .05 each: a factor of light between .65 and 1.5.
    assert 0.6 * 0.65 < float(stained.min()) < float(stained.max()) < 0.6 * 1.5
    (gray,) = draw_views(batch[:, :1], [Crops(2, 16, (0.2, 1.0))], replace(policy, stain=0.05), torch.Generator())
    torch.testing.assert_close(gray, torch.full_like(gray, 0.6), rtol=0, atol=1e-5)
