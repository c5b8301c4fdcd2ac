"""The early blocks of an extractor's network: images of any size to maps of features, and nothing after the layer."""

from __future__ import annotations

import copy
import hashlib
from bisect import bisect_left
from typing import TYPE_CHECKING, Any, cast

import torch
from torch import Tensor, nn

from dsim.features import NetworkInput, parse_transform, prepare
from dsim.plugin import UsageError
from dsim_simsearch.folding import fold_batch_norm

if TYPE_CHECKING:
    from dsim.features import Transform
    from dsim.plugin import Runtime

#: Columns of the picture on which the receptive field is measured; a field must be narrower.
_PROBE = 1024
#: Two passes of one network agree this well, relative to the largest value.
_EQUAL = 1e-4


class _Reached(Exception):
    """Carries the layer's output past all that would come after it."""

    def __init__(self, output: Any) -> None:
        super().__init__()
        self.output = output


def _stop(module: nn.Module, inputs: Any, output: Any) -> None:
    raise _Reached(output)


class EarlyBlocks(nn.Module):
    """Images (b, c, H, W) in [0, 1] to features (b, width, H / stride, W / stride), up to one layer of a network.

    Sides must be multiples of ``stride``: then a cell sees the same whatever lies around its field, and tiles can
    equal the whole. In evaluation mode until ``train()`` is called.

    Parameters
    ----------
    network : any module; what does not run before the layer ends is dropped from it.
    layer : name of the module whose output is taken, maps (b, d, h, w).
    mean, std : of the intensities, one for each channel.
    first, last : cell 0 sees network pixels ``first`` to ``last`` (inclusive); cell i those ``i * stride`` further.
    """

    mean: Tensor
    std: Tensor
    #: Of the extractor, where it was opened by one.
    reference: str = ""

    def __init__(self, network: nn.Module, layer: str, mean: tuple[float, ...], std: tuple[float, ...]) -> None:
        super().__init__()
        self.network, self.layer, self.channels = network, layer, len(mean)
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])
        network.get_submodule(layer).register_forward_hook(_stop)
        _drop_unused(self, self.channels)
        self.to(memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.requires_grad_(False).eval()
        self.stride, self.width = _stride_and_width(self)
        self.first, self.last = _field(self)
        _check_equivariance(self)

    def forward(self, images: Tensor) -> Tensor:
        images = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        try:
            self.network(images)
        except _Reached as reached:
            return cast("Tensor", reached.output)
        raise UsageError(f"the network does not pass through its layer {self.layer!r}", hint="name another layer")

    @property
    def reach(self) -> int:
        """Network pixels of context, to each side of a cell's own ``stride`` pixels, that its features depend on."""
        return max(-self.first, self.last - self.stride + 1, 0)

    @property
    def halo(self) -> tuple[int, int]:
        """Cells that must lie before and after a cell in the input, so that it sees all of its field."""
        return max(0, -(self.first // self.stride)), max(0, (self.last // self.stride))

    def folded(self) -> EarlyBlocks:
        """Return a copy for inference alone: batch normalisation is folded into convolutions, which rounds anew."""
        copied = copy.deepcopy(self).requires_grad_(False).eval()
        image = torch.zeros(1, self.channels, 2 * self.stride, 2 * self.stride, device=self.mean.device)
        with torch.inference_mode():
            fold_batch_norm(copied.network, lambda network: copied(image))
        return copied

    @property
    def offset(self) -> float:
        """Where the centre of cell 0 lies, in network pixels; pixel 0 covers [0, 1)."""
        return (self.first + self.last + 1) / 2

    @property
    def identity(self) -> str:
        """sha256 of layer, structure and weights as they are now."""
        state = hashlib.sha256(f"{self.layer} {self.stride} {self.first} {self.last}\n{self.network}".encode())
        for name, value in sorted(self.state_dict().items()):
            state.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            state.update(value.detach().cpu().contiguous().numpy().tobytes())
        return state.hexdigest()

    def stages(self) -> list[nn.Module]:
        """Return the parts that have weights, in the order in which they run; the last one ends in the layer."""
        found, parent, path = [], self.network, self.layer.split(".")
        while True:
            for name, child in parent.named_children():
                if name == path[0]:
                    break
                found.append(child)
            parent, path = parent.get_submodule(path[0]), path[1:]
            if not path:
                return [stage for stage in (*found, parent) if any(True for _ in stage.parameters())]


def open_blocks(reference: str, channels: int, runtime: Runtime) -> EarlyBlocks:
    """Return the network of an extractor up to the layer that its reference names, on the runtime's device.

    Parameters
    ----------
    reference : of any extractor that is a network, with a layer: ``zoo:lite0.imagenet.r1[layer=network.blocks.2]``,
        ``timm:resnet18.a1_in1k[layer=layer3]``; with ``init=random:0`` for random weights.
    channels : of the images. Where the network takes another number, its first convolution is adapted as timm does:
        summed for one channel, else repeated and scaled.

    Raises UsageError for an extractor that is no network, for a reference without a layer, for a layer that gives no
    maps, and for a network whose features depend on the whole image or on a place's position (attention,
    squeeze-and-excitation): tiles of such would not equal the whole.
    """
    blueprint = prepare(reference, runtime)
    if blueprint.recipe.layer == "output":
        raise UsageError(f"{reference} names no layer", hint="add the layer whose maps are used: [layer=NAME]")
    opened = blueprint.open("cpu")
    network = getattr(opened, "module", None)
    if not isinstance(network, nn.Module):
        raise UsageError(f"{reference} is not a network and has no maps", hint="choose another extractor")
    mean, std = _moments(parse_transform(blueprint.recipe.transform))
    if channels != len(mean):
        _adapt_first_convolution(network, len(mean), channels)
        mean, std = _for_channels(mean, channels), _for_channels(std, channels)
    blocks = EarlyBlocks(network, blueprint.recipe.layer, mean, std)
    blocks.reference = reference
    return blocks.to(runtime.resolved_device())


def _moments(transform: Transform) -> tuple[tuple[float, ...], tuple[float, ...]]:
    """Mean and std that the extractor's transform subtracts and divides by, one for each channel that it gives."""
    if isinstance(transform, NetworkInput):
        return transform.mean, transform.std
    channels = int(getattr(transform, "channels", 3))
    return (0.0,) * channels, (1.0,) * channels


def _for_channels(values: tuple[float, ...], channels: int) -> tuple[float, ...]:
    if channels == 1:
        return (sum(values) / len(values),)
    return tuple(values[index % len(values)] for index in range(channels))


def _adapt_first_convolution(network: nn.Module, known: int, channels: int) -> None:
    """Repeat or sum the weights of the first convolution so that it takes ``channels`` instead of ``known``."""
    first = next((m for m in network.modules() if isinstance(m, nn.Conv2d)), None)
    if first is None or first.in_channels != known or first.groups != 1:
        raise UsageError(
            f"the network does not begin with a convolution of {known} channels, so it cannot take {channels}",
            hint="choose another extractor, or channels as it takes",
        )
    weight = first.weight.detach()
    if channels == 1:
        adapted = weight.sum(1, keepdim=True)
    else:
        adapted = weight[:, [index % known for index in range(channels)]] * (known / channels)
    first.weight, first.in_channels = nn.Parameter(adapted), channels


# Measuring a network ----------------------------------------------------------------------------------------------


def _drop_unused(blocks: EarlyBlocks, channels: int) -> None:
    """Replace all modules that do not run before the layer ends; nothing of them is stored, hashed or moved."""
    ran: set[str] = set()
    names = {module: name for name, module in blocks.network.named_modules()}
    handles = [module.register_forward_pre_hook(lambda module, inputs: ran.add(names[module])) for module in names]
    try:
        with torch.inference_mode():
            blocks.eval()(torch.zeros(1, channels, 128, 128))
    finally:
        for handle in handles:
            handle.remove()
    for name in names.values():
        parent, _, child = name.rpartition(".")
        if name and name not in ran and (not parent or parent in ran):
            setattr(blocks.network.get_submodule(parent), child, nn.Identity())


def _stride_and_width(blocks: EarlyBlocks) -> tuple[int, int]:
    with torch.inference_mode():
        output = blocks(torch.zeros(1, blocks.channels, 64, _PROBE))
    shape = tuple(output.shape)
    if len(shape) != 4 or not shape[2] or 64 % shape[2] or shape[3] * 64 != shape[2] * _PROBE:
        raise UsageError(
            f"layer {blocks.layer!r} gives {shape[1:]} for an image of 64 x {_PROBE} pixels, not maps",
            hint="name a layer of maps (channels, height, width)",
        )
    return 64 // shape[2], shape[1]


def _field(blocks: EarlyBlocks) -> tuple[int, int]:
    """First and last pixel that cell 0 would see in an endless image.

    Not-a-number passes through every layer, so that it marks all that depends on a pixel, whatever the weights are.
    """
    stride = blocks.stride
    left, right = _clean_cells(blocks, 0, 0)
    # With how many more marked columns do these cells become marked too? Their fields begin, and end, right there.
    more_left = bisect_left(range(stride), True, key=lambda step: _clean_cells(blocks, step, 0)[0] > left)
    more_right = bisect_left(range(stride), True, key=lambda step: _clean_cells(blocks, 0, step)[1] < right)
    return more_left - stride * left, _PROBE - 1 - more_right - stride * right


def _clean_cells(blocks: EarlyBlocks, left: int, right: int) -> tuple[int, int]:
    """The first and the last cell that do not see columns 0 to ``left`` of a picture, nor its last ``right + 1``."""
    images = torch.zeros(1, blocks.channels, blocks.stride, _PROBE)
    images[:, :, :, : left + 1] = torch.nan
    images[:, :, :, _PROBE - right - 1 :] = torch.nan
    with torch.inference_mode():
        clean = blocks(images)[0, :, 0].isnan().any(0).logical_not().nonzero()[:, 0]
    if not len(clean):
        raise UsageError(
            f"features of layer {blocks.layer!r} depend on more than {_PROBE} pixels around them",
            hint="name an earlier layer, or a network without attention and squeeze-and-excitation",
        )
    return int(clean[0]), int(clean[-1])


def _check_equivariance(blocks: EarlyBlocks) -> None:
    """Raise UsageError unless a shifted image gives the same features at the shifted place."""
    stride = blocks.stride
    border = -(-blocks.reach // stride) + 1
    side = (2 * border + 3) * stride
    images = torch.rand((1, blocks.channels, side, side), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole = blocks(images)[0, :, border : border + 2, border : border + 2]
        shifted = blocks(images[:, :, stride:, stride:])[0, :, border - 1 : border + 1, border - 1 : border + 1]
    if not (whole - shifted).abs().max() <= _EQUAL * whole.abs().max().clamp(min=1):
        raise UsageError(
            f"the features of layer {blocks.layer!r} depend on where in the image they are",
            hint="choose a network of convolutions, without positions or windows",
        )
