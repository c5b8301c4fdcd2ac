"""Squared gradients of a convolution's filters, sample by sample, without keeping any sample's weight gradient."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property

import torch
import torch.nn.functional as F
from torch import Tensor, nn

#: Reading and adding a shifted Gram matrix costs about as much as this many multiplications per entry (measured).
_ADDITION = 20


class ConvolutionSquares:
    """Sums over each filter of the squared weight gradient, for the input of one forward pass.

    The weight gradient of a sample is D'U: output gradients D (places, filters), unfolded input U (places, inputs).
    Only the squared norms of its rows are wanted. Where the map is large they come from the gradient itself, one sample
    at a time; where it is small, from diag(D' (UU') D): UU' is small, and the same for all gradients of one input.

    Parameters
    ----------
    module : the convolution.
    inputs : float (b, C, H, W), what it was given.
    passes : how many output gradients will follow for this input.
    """

    def __init__(self, module: nn.Conv2d, inputs: Tensor, passes: int) -> None:
        self._module, self._inputs, self._passes = module, inputs, passes
        self._weight = module.weight.detach()
        self._padding = _padding(module)

    def __call__(self, gradient: Tensor) -> Tensor:
        """Per sample and filter, float (b, filters), for an output gradient (b, filters, H', W')."""
        return (self._by_gram if self._gram_is_cheaper(gradient) else self._one_by_one)(gradient)

    def _one_by_one(self, gradient: Tensor) -> Tensor:
        module, sums = self._module, gradient.new_empty(gradient.shape[:2])
        for row, (image, output) in enumerate(zip(torch.split(self._inputs, 1), torch.split(gradient, 1), strict=True)):
            geometry = (module.stride, self._padding, module.dilation, False, (0, 0), module.groups)
            found = torch.ops.aten.convolution_backward(
                output, image, self._weight, None, *geometry, (False, True, False)
            )
            sums[row] = found[1].square_().sum((1, 2, 3))
        return sums

    def _by_gram(self, gradient: Tensor) -> Tensor:
        places = gradient.permute(0, 2, 3, 1).reshape(len(gradient), -1, gradient.shape[1])
        return (torch.bmm(self._gram, places) * places).sum(1)

    @cached_property
    def _gram(self) -> Tensor:
        """UU' of each sample, (b, places, places)."""
        return (_shifted_gram if _is_dense(self._module) else _unfolded_gram)(self._inputs, self._module, self._padding)

    def _gram_is_cheaper(self, gradient: Tensor) -> bool:
        module = self._module
        if module.groups > 1:
            return False
        filters, height, width = gradient.shape[1:]
        places, window = height * width, module.kernel_size[0] * module.kernel_size[1]
        patch = window * module.in_channels
        if _is_dense(module):
            padded = (height + module.kernel_size[0] - 1) * (width + module.kernel_size[1] - 1)
            gram = padded**2 * module.in_channels + _ADDITION * window * places**2
        else:
            gram = places**2 * patch + _ADDITION * places * patch
        return gram + self._passes * filters * places**2 < self._passes * filters * places * patch


def affine_squares(inputs: Tensor, module: nn.BatchNorm2d) -> Callable[[Tensor], Tensor]:
    """The function from an output gradient (b, C, H, W) to each sample's squared gradient of the weights, (b, C)."""
    mean, variance = module.running_mean, module.running_var
    assert mean is not None, "that there are statistics is checked when the probe is opened"
    assert variance is not None
    shift, spread = mean[:, None, None], (variance + module.eps).sqrt()[:, None, None]
    return lambda gradient: (gradient * ((inputs - shift) / spread)).sum((2, 3)).square_()


def is_supported(module: nn.Conv2d) -> bool:
    """Whether the gradients of this kind of convolution are computed here: zero padding, alike on opposite sides."""
    sides_alike = module.padding != "same" or all(reach % 2 == 0 for reach in _reach(module))
    return type(module).forward is nn.Conv2d.forward and module.padding_mode == "zeros" and sides_alike


def _padding(module: nn.Conv2d) -> tuple[int, int]:
    if module.padding == "valid":
        return 0, 0
    if module.padding == "same":
        down, right = _reach(module)
        return down // 2, right // 2
    return int(module.padding[0]), int(module.padding[1])


def _reach(module: nn.Conv2d) -> tuple[int, int]:
    """How far a filter's window reaches down and to the right."""
    return module.dilation[0] * (module.kernel_size[0] - 1), module.dilation[1] * (module.kernel_size[1] - 1)


def _is_dense(module: nn.Conv2d) -> bool:
    """Whether a filter's windows start at every place and have no holes."""
    return set(module.stride) == {1} and set(module.dilation) == {1}


def _unfolded_gram(inputs: Tensor, module: nn.Conv2d, padding: tuple[int, int]) -> Tensor:
    patches = F.unfold(inputs, module.kernel_size, padding=padding, stride=module.stride, dilation=module.dilation)
    return torch.bmm(patches.transpose(1, 2), patches)


def _shifted_gram(inputs: Tensor, module: nn.Conv2d, padding: tuple[int, int]) -> Tensor:
    """Sum over the window of the Gram matrix of pixels, shifted: each inner product of pixels is computed once."""
    rows, columns = module.kernel_size
    pixels = F.pad(inputs, (padding[1], padding[1], padding[0], padding[0])).permute(0, 2, 3, 1)
    batch, height, width, channels = pixels.shape
    flat = pixels.reshape(batch, height * width, channels)
    products = torch.bmm(flat, flat.transpose(1, 2)).view(batch, height, width, height, width)
    high, wide = height - rows + 1, width - columns + 1
    total = inputs.new_zeros(batch, high, wide, high, wide)
    for i in range(rows):
        for j in range(columns):
            total += products[:, i : i + high, j : j + wide, i : i + high, j : j + wide]
    return total.view(batch, high * wide, high * wide)
