"""Batch normalisation folded into the convolutions before it: the same numbers in fewer passes over memory."""

from __future__ import annotations

import copy
from typing import Any

import torch
from torch import Tensor, nn


def folded(module: nn.Module, image: Tensor) -> nn.Module:
    """Return a copy for inference, with batch normalisation folded where it directly follows a convolution.

    ``image`` passes through once, in evaluation mode, to see which does. What is left of a normalisation with an
    activation of its own (timm's) is the activation. Results differ by rounding.
    """
    copied = copy.deepcopy(module).requires_grad_(False).eval()
    names = {part: name for name, part in copied.named_modules()}
    for convolution, norm in _pairs(copied, image):
        _fold(convolution, norm)
        parent, _, child = names[norm].rpartition(".")
        own: list[Any] = [norm.drop, norm.act] if hasattr(norm, "act") else []
        setattr(copied.get_submodule(parent), child, nn.Sequential(*own))
    for name, part in [*copied.named_modules()]:
        if type(part).__name__ == "Conv2dSame" and _is_halving(part):
            parent, _, child = name.rpartition(".")
            setattr(copied.get_submodule(parent), child, _evenly_padded(part))
    return copied


def _is_halving(convolution: Any) -> bool:
    plain = convolution.stride == (2, 2) and convolution.dilation == (1, 1)
    return plain and all(side % 2 == 1 and side > 1 for side in convolution.kernel_size)


def _evenly_padded(convolution: Any) -> nn.Conv2d:
    """A convolution that pads images of even sides as TensorFlow does: one more pixel after them than before.

    With a zero before its weights the padding is the same on both sides, and the image need not be copied for it.
    """
    height, width = (side + 1 for side in convolution.kernel_size)
    even = nn.Conv2d(
        convolution.in_channels,
        convolution.out_channels,
        (height, width),
        stride=2,
        padding=(height // 2 - 1, width // 2 - 1),
        groups=convolution.groups,
        bias=convolution.bias is not None,
    )
    weight = nn.functional.pad(convolution.weight.detach(), (1, 0, 1, 0))
    even.weight = nn.Parameter(weight.contiguous(memory_format=torch.channels_last), requires_grad=False)
    if convolution.bias is not None:
        even.bias = nn.Parameter(convolution.bias.detach(), requires_grad=False)
    return even.eval()


def _pairs(network: nn.Module, image: Tensor) -> list[tuple[nn.Conv2d, nn.BatchNorm2d]]:
    """Convolutions, and the normalisation that each one's output goes to; each of both runs once."""
    outputs: dict[int, tuple[nn.Conv2d, Tensor]] = {}
    found: list[tuple[nn.Conv2d, nn.BatchNorm2d]] = []

    def after(module: nn.Module, inputs: Any, output: Tensor) -> None:
        if isinstance(module, nn.Conv2d):
            outputs[id(output)] = module, output

    def before(module: nn.Module, inputs: tuple[Tensor, ...]) -> None:
        if isinstance(module, nn.BatchNorm2d) and id(inputs[0]) in outputs and module.track_running_stats:
            found.append((outputs[id(inputs[0])][0], module))

    handles = []
    for module in network.modules():
        handles += [module.register_forward_hook(after), module.register_forward_pre_hook(before)]
    try:
        with torch.inference_mode():
            network(image)
    finally:
        for handle in handles:
            handle.remove()
    seen = [module for pair in found for module in pair]
    return [pair for pair in found if all(seen.count(module) == 1 for module in pair)]


def _fold(convolution: nn.Conv2d, norm: nn.BatchNorm2d) -> None:
    """Give the convolution the weights of both, computed in float64."""
    assert norm.running_mean is not None
    assert norm.running_var is not None
    with torch.no_grad():
        gain = (norm.running_var.double() + norm.eps).rsqrt()
        shift = -norm.running_mean.double() * gain
        if norm.affine:
            shift, gain = shift * norm.weight.double() + norm.bias.double(), gain * norm.weight.double()
        if convolution.bias is not None:
            shift = shift + convolution.bias.double() * gain
        folded = convolution.weight.double() * gain[:, None, None, None]
        weight = folded.to(convolution.weight).contiguous(memory_format=torch.channels_last)
        convolution.weight = nn.Parameter(weight, requires_grad=False)
        convolution.bias = nn.Parameter(shift.to(convolution.weight), requires_grad=False)
