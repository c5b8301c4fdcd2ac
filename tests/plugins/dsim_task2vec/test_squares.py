"""Squared gradients of filters against autograd, one sample at a time, for every kind of convolution."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn

from dsim_task2vec.probe import ConvolutionSquares, affine_squares, is_supported

GEOMETRIES: tuple[dict[str, Any], ...] = (
    {"kernel_size": 3, "padding": 1},
    {"kernel_size": 1},
    {"kernel_size": 3, "stride": 2, "padding": 1},
    {"kernel_size": (3, 5), "padding": (0, 2)},
    {"kernel_size": 3, "padding": 2, "dilation": 2},
    {"kernel_size": 3, "padding": "same", "dilation": 2},
    {"kernel_size": 2, "padding": "valid", "bias": False},
)


def one_by_one(function: Callable[[Tensor], Tensor], weight: Tensor, inputs: Tensor, gradient: Tensor) -> Tensor:
    """Squares of each sample's weight gradient, summed over each filter."""
    rows = []
    for image, output in zip(inputs.split(1), gradient.split(1), strict=True):
        (found,) = torch.autograd.grad(function(image), weight, output)
        rows.append(found.square().reshape(len(found), -1).sum(1))
    return torch.stack(rows)


def batch(module: nn.Conv2d, seed: int = 0, side: int = 9) -> tuple[Tensor, Tensor]:
    generator = torch.Generator().manual_seed(seed)
    inputs = torch.randn(4, module.in_channels, side, side + 1, generator=generator)
    with torch.no_grad():
        output = module(inputs)
    gradient = torch.randn(output.shape, generator=generator)
    return inputs, gradient


def convolution(seed: int = 0, **options: Any) -> nn.Conv2d:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(seed)
        return nn.Conv2d(6, 8, **options)


@pytest.mark.parametrize("geometry", GEOMETRIES, ids=str)
@pytest.mark.parametrize("way", ["_one_by_one", "_by_gram"])
@pytest.mark.parametrize("layout", [torch.contiguous_format, torch.channels_last])
def test_both_ways_equal_autograd(way: str, geometry: dict[str, Any], layout: torch.memory_format) -> None:
    module = convolution(**geometry)
    inputs, gradient = (tensor.contiguous(memory_format=layout) for tensor in batch(module))
    squares = ConvolutionSquares(module, inputs, passes=1)
    expected = one_by_one(module, module.weight, inputs, gradient)
    torch.testing.assert_close(getattr(squares, way)(gradient), expected, rtol=1e-4, atol=1e-4)


@pytest.mark.parametrize("groups", [2, 6])
def test_grouped_convolutions_equal_autograd(groups: int) -> None:
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Conv2d(6, 12, 3, padding=1, groups=groups)
    inputs, gradient = batch(module)
    found = ConvolutionSquares(module, inputs, passes=1)(gradient)
    torch.testing.assert_close(found, one_by_one(module, module.weight, inputs, gradient), rtol=1e-4, atol=1e-4)


def test_one_input_serves_several_gradients() -> None:
    """The Gram matrix is kept between the passes over one batch, and must not remember the gradient."""
    module = convolution(kernel_size=3, padding=1)
    inputs, gradient = batch(module)
    squares = ConvolutionSquares(module, inputs, passes=2)
    first, second = squares(gradient), squares(2 * gradient)
    torch.testing.assert_close(second, 4 * first)


def test_small_maps_go_by_gram_and_large_maps_one_by_one() -> None:
    """What is cheaper is chosen: the ways agree, so that only this test sees which was taken."""
    with torch.random.fork_rng(devices=[]):
        torch.manual_seed(0)
        module = nn.Conv2d(64, 64, 3, padding=1)
    small, large = torch.zeros(1, 64, 4, 4), torch.zeros(1, 64, 56, 56)
    assert ConvolutionSquares(module, small, 1)._gram_is_cheaper(small)
    assert not ConvolutionSquares(module, large, 1)._gram_is_cheaper(large)


def test_squares_of_batchnorm_weights_equal_autograd() -> None:
    module = nn.BatchNorm2d(5).eval()
    generator = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for tensor in (module.weight, module.bias, module.running_mean, module.running_var):
            assert tensor is not None
            tensor.copy_(torch.rand(5, generator=generator) + 0.5)
    inputs, gradient = (torch.randn(3, 5, 4, 4, generator=generator) for _ in range(2))
    found = affine_squares(inputs, module)(gradient)
    torch.testing.assert_close(found, one_by_one(module, module.weight, inputs, gradient), rtol=1e-4, atol=1e-4)


class _Standardised(nn.Conv2d):
    def forward(self, inputs: Tensor) -> Tensor:
        return super().forward(inputs / 2)


@pytest.mark.parametrize(
    "module",
    [
        nn.Conv2d(2, 2, 3, padding=1, padding_mode="reflect"),
        nn.Conv2d(2, 2, 2, padding="same"),
        _Standardised(2, 2, 3),
    ],
    ids=["reflecting", "uneven padding", "own forward"],
)
def test_kinds_whose_gradients_would_be_wrong_are_not_supported(module: nn.Conv2d) -> None:
    assert not is_supported(module)
    assert is_supported(nn.Conv2d(2, 2, 3, padding="same"))
