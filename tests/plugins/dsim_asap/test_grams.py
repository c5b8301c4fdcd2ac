"""Gram matrices and their distances against the sums of Eq. 1 and of the norm."""

from __future__ import annotations

import pytest
import torch

from dsim_asap.grams import NORMS, Styles, gram, squared_distances

DIVISORS = {"none": 1, "channels": 5, "size": 5 * 3 * 4}


@pytest.mark.parametrize("norm", NORMS)
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_gram_is_the_sum_over_positions(norm: str, layout: torch.memory_format) -> None:
    maps = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    expected = torch.einsum("bkhw,blhw->bkl", maps, maps) / DIVISORS[norm]
    torch.testing.assert_close(gram(maps.to(memory_format=layout), norm), expected)


def test_gram_is_float32_even_inside_a_bfloat16_pass() -> None:
    """Squared differences of Gram matrices in bfloat16 would lose the differences."""
    maps = torch.randn(2, 5, 3, 4, generator=torch.Generator().manual_seed(0))
    with torch.autocast("cpu", torch.bfloat16):
        torch.testing.assert_close(gram(maps), gram(maps.clone()))
        assert gram(maps).dtype == torch.float32
    torch.testing.assert_close(gram(maps.bfloat16()), gram(maps.bfloat16().float()))


def test_squared_distances_are_those_of_each_pair() -> None:
    points = torch.randn(6, 4, 4, generator=torch.Generator().manual_seed(0))
    expected = torch.stack([torch.stack([(p - q).square().sum() for q in points]) for p in points])
    torch.testing.assert_close(squared_distances(points), expected, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("shape", [(5, 3, 4), (12, 1, 3), (9, 1, 3)], ids=["by matrices", "by positions", "the border"])
def test_both_ways_to_distances_are_those_of_the_matrices(shape: tuple[int, int, int]) -> None:
    """Deep maps have fewer positions than channels: distances do not need their Gram matrices."""
    generator = torch.Generator().manual_seed(0)
    styles, others = (Styles.of(torch.randn(6, *shape, generator=generator)) for _ in range(2))
    torch.testing.assert_close(styles.squared_distances(), squared_distances(styles.matrices), rtol=1e-4, atol=1e-6)
    expected = (styles.matrices - others.matrices).square().sum(dim=(1, 2))
    torch.testing.assert_close(styles.squared_differences(others), expected, rtol=1e-4, atol=1e-6)


def test_styles_of_some_images_are_those_of_these_images() -> None:
    maps = torch.randn(6, 12, 1, 3, generator=torch.Generator().manual_seed(0))
    chosen = torch.tensor([True, False, True, False, False, False])
    torch.testing.assert_close(Styles.of(maps)[chosen].matrices, gram(maps[chosen]))
