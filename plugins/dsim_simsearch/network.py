"""The early blocks of an extractor's network: images of any size to maps of features, and nothing after the layer."""

from __future__ import annotations

import hashlib
import math
from contextvars import ContextVar
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from dsim.errors import UnknownNameError
from dsim.features import NetworkInput, parse_transform, prepare
from dsim.plugin import UsageError, format_bracketed, parse_bracketed
from dsim_simsearch.receptive_field import Field, measure_fields, refuse_positions

if TYPE_CHECKING:
    from collections.abc import Sequence

    from dsim.features import Transform
    from dsim.plugin import Runtime

#: Joins layers in a reference: [layer=network.blocks.2+network.blocks.4].
PLUS = "+"
_SIDE = 128


class _Reached(Exception):
    """Ends the forward pass once all layers have been seen."""


#: What the layers gave in the forward pass that this thread is in, and how many there are.
_OUTPUTS: ContextVar[tuple[list[Tensor], int]] = ContextVar("outputs of layers")


def _take(module: nn.Module, inputs: Any, output: Tensor) -> None:
    taken, wanted = _OUTPUTS.get()
    taken.append(output)
    if len(taken) == wanted:
        raise _Reached


class EarlyBlocks(nn.Module):
    """Images (b, c, H, W) in [0, 1] to features (b, width, H / stride, W / stride), up to one layer of a network.

    Sides must be multiples of ``stride``: then a cell sees the same whatever lies around its field, and tiles can
    equal the whole. Weights are fixed and the mode is evaluation, until they are changed. Of several layers the finer
    maps are averaged over the cells of the coarsest, and all are joined.

    Parameters
    ----------
    network : any module; what does not run before the last layer ends is dropped from it.
    layer : name of the module whose output is taken, maps (b, d, h, w); several are joined by ``+``.
    mean, std : of the intensities, one for each channel.
    reference : of the extractor, where it was opened by one.

    Raises UsageError as ``open_blocks`` does.
    """

    mean: Tensor
    std: Tensor

    def __init__(
        self, network: nn.Module, layer: str, mean: Sequence[float], std: Sequence[float], reference: str = ""
    ) -> None:
        super().__init__()
        self.network, self.layer, self.channels, self.reference = network, layer, len(mean), reference
        self.register_buffer("mean", torch.tensor(mean)[:, None, None])
        self.register_buffer("std", torch.tensor(std)[:, None, None])
        self._layers = layer.split(PLUS)
        for name in self._layers:
            _submodule(network, name).register_forward_hook(_take)
        self.requires_grad_(False).eval()
        _drop_unused(self)
        self.to(memory_format=torch.channels_last)
        with torch.inference_mode():
            fields = measure_fields(self._outputs, self.channels, self._layers)
        self._averages = _averages(fields)
        self.field = _joined(fields, self._averages)
        with torch.inference_mode():
            refuse_positions(self, self.channels, self.field, layer)

    def forward(self, images: Tensor) -> Tensor:
        outputs = self._outputs(images)
        if len(outputs) == 1:
            return outputs[0]
        return torch.cat([average(maps) for average, maps in zip(self._averages, outputs, strict=True)], dim=1)

    def _outputs(self, images: Tensor) -> list[Tensor]:
        """What each layer gives, in the order in which they run."""
        images = ((images - self.mean) / self.std).contiguous(memory_format=torch.channels_last)
        taken: list[Tensor] = []
        token = _OUTPUTS.set((taken, len(self._layers)))
        try:
            self.network(images)
        except _Reached:
            return taken
        finally:
            _OUTPUTS.reset(token)
        raise UsageError(f"the network does not pass through all of {self.layer!r}", hint="name other layers")

    @property
    def stride(self) -> int:
        """Network pixels from cell to cell."""
        return self.field.stride

    @property
    def width(self) -> int:
        """The number of features."""
        return self.field.width

    @property
    def first(self) -> int:
        """The first network pixel that cell 0 depends on, below 0; that of cell i is ``i * stride`` further."""
        return self.field.first

    @property
    def last(self) -> int:
        """The last network pixel that cell 0 depends on."""
        return self.field.last

    @property
    def offset(self) -> float:
        """Where the centre of cell 0 lies, in network pixels; pixel 0 covers [0, 1)."""
        return self.field.offset

    @property
    def reach(self) -> int:
        """Network pixels of context, to each side of a cell's own ``stride`` pixels, that its features depend on."""
        return max(-self.first, self.last - self.stride + 1, 0)

    @property
    def identity(self) -> str:
        """sha256 of layers, structure and weights as they are now."""
        state = hashlib.sha256(f"{self.layer} {self.field}\n{self.network}".encode())
        for name, value in sorted(self.state_dict().items()):
            state.update(f"{name} {tuple(value.shape)} {value.dtype}".encode())
            state.update(value.detach().cpu().contiguous().numpy().tobytes())
        return state.hexdigest()

    def stages(self) -> list[nn.Module]:
        """Return the parts that have weights, in the order in which they run; the last one is the last layer."""
        found, parent, path = [], self.network, self._layers[-1].split(".")
        while path:
            for name, child in parent.named_children():
                if name == path[0]:
                    break
                found.append(child)
            parent, path = parent.get_submodule(path[0]), path[1:]
        return [stage for stage in (*found, parent) if any(True for _ in stage.parameters())]


def open_blocks(reference: str, channels: int, runtime: Runtime) -> EarlyBlocks:
    """Return the network of an extractor up to the layer that its reference names, on the runtime's device.

    Parameters
    ----------
    reference : of any extractor that is a network, with a layer: ``zoo:lite0.imagenet.r1[layer=network.blocks.2]``,
        ``timm:resnet18.a1_in1k[layer=layer3]``; or several, in the order in which they run:
        ``[layer=network.blocks.2+network.blocks.4]``. With ``init=random:0`` networks of timm have random weights.
    channels : of the images. Where the network takes another number, its first convolution is adapted as timm does:
        summed for one channel, else repeated and scaled.

    Raises UsageError for an extractor that is no network, for a reference without a layer, for a layer that gives no
    maps, and for a network whose features depend on the whole image or on a place's position (attention,
    squeeze-and-excitation): tiles of such would not equal the whole.
    """
    head, options = parse_bracketed(reference)
    if not options.get("layer"):
        raise UsageError(f"{reference} names no layer", hint="add the layer whose maps are used: [layer=NAME]")
    layer = options["layer"]
    blueprint = prepare(format_bracketed(head, {**options, "layer": layer.split(PLUS)[0]}), runtime)
    network = getattr(blueprint.open("cpu"), "module", None)
    if not isinstance(network, nn.Module):
        raise UsageError(f"{reference} is not a network and has no maps", hint="choose another extractor")
    mean, std = _moments(parse_transform(blueprint.recipe.transform))
    if channels != len(mean):
        _adapt_first_convolution(network, len(mean), channels)
        mean, std = _for_channels(mean, channels), _for_channels(std, channels)
    return EarlyBlocks(network, layer, mean, std, reference).to(runtime.resolved_device())


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
    first = next((module for module in network.modules() if isinstance(module, nn.Conv2d)), None)
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


def _submodule(network: nn.Module, name: str) -> nn.Module:
    modules = dict(network.named_modules())
    if not name or name not in modules:
        top = ", ".join(child for child, _ in network.named_children())
        raise UnknownNameError("layer", name, modules, hint=f"outermost are: {top}")
    return network.get_submodule(name)


def _drop_unused(blocks: EarlyBlocks) -> None:
    """Replace all modules that do not run before the last layer ends; nothing of them is stored, hashed or moved."""
    ran: set[str] = set()
    names = {module: name for name, module in blocks.network.named_modules()}
    handles = [module.register_forward_pre_hook(lambda module, inputs: ran.add(names[module])) for module in names]
    try:
        with torch.inference_mode():
            blocks._outputs(torch.zeros(1, blocks.channels, _SIDE, _SIDE))
    except (AssertionError, RuntimeError, ValueError) as error:
        raise UsageError(
            f"the network does not take images of {_SIDE} x {_SIDE} pixels: {str(error).splitlines()[0]}",
            hint="choose a network of convolutions, which take images of any size",
        ) from error
    finally:
        for handle in handles:
            handle.remove()
    for name in names.values():
        parent, _, child = name.rpartition(".")
        if name and name not in ran and (not parent or parent in ran):
            setattr(blocks.network.get_submodule(parent), child, nn.Identity())


# Several layers ---------------------------------------------------------------------------------------------------


class _Average:
    """Finer maps (b, d, h, w) to the coarse grid: means of the cells that a coarse cell covers, by their share of it.

    Parameters
    ----------
    ratio : fine cells per coarse cell. ``centre`` : of coarse cell 0, in fine cells; that of fine cell 0 is 0.
    """

    def __init__(self, ratio: int, centre: float) -> None:
        self.ratio = ratio
        low, high = centre - ratio / 2, centre + ratio / 2
        self.begin = math.floor(low + 0.5)
        taps = range(self.begin, math.ceil(high - 0.5) + 1)
        self.taps = len(taps)
        shares = [max(0.0, min(tap + 0.5, high) - max(tap - 0.5, low)) / ratio for tap in taps]
        self.weights = torch.tensor(shares)

    def __call__(self, maps: Tensor) -> Tensor:
        if self.ratio == self.taps == 1:
            return maps
        before, after = max(0, -self.begin), max(0, self.begin + self.taps - self.ratio)
        padded = functional.pad(maps, (before, after, before, after), mode="replicate")[
            :, :, max(0, self.begin) :, max(0, self.begin) :
        ]
        weights = self.weights.to(maps).expand(maps.shape[1], 1, 1, -1)
        across = functional.conv2d(padded, weights, stride=(1, self.ratio), groups=maps.shape[1])
        return functional.conv2d(across, weights.transpose(2, 3), stride=(self.ratio, 1), groups=maps.shape[1])


def _averages(fields: Sequence[Field]) -> list[_Average]:
    """How the maps of each layer come to the grid of the coarsest."""
    coarsest = max(fields, key=lambda field: field.stride)
    return [
        _Average(coarsest.stride // field.stride, (coarsest.offset - field.offset) / field.stride) for field in fields
    ]


def _joined(fields: Sequence[Field], averages: Sequence[_Average]) -> Field:
    """The field of all layers together, on the grid of the coarsest."""
    ends = [
        (field.first + field.stride * average.begin, field.last + field.stride * (average.begin + average.taps - 1))
        for field, average in zip(fields, averages, strict=True)
    ]
    return Field(
        max(field.stride for field in fields),
        sum(field.width for field in fields),
        min(first for first, _ in ends),
        max(last for _, last in ends),
    )
