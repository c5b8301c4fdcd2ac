"""What a network's features depend on, measured: how far its cells see, and whether all places are treated alike."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from dsim.plugin import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from torch import Tensor

    Run = Callable[[Tensor], Sequence[Tensor]]

#: Columns of the picture on which a field is measured; a field must be narrower.
_COLUMNS = 1024
#: Height and width of the picture by which strides are known.
_SMALL = 64, 256
#: Two passes of one network agree this well, relative to the largest value.
_EQUAL = 1e-4


@dataclass(frozen=True)
class Field:
    """The network pixels that cells depend on.

    Parameters
    ----------
    stride : pixels from cell to cell. ``width`` : features of a cell.
    first, last : cell 0 sees pixels ``first`` to ``last`` (inclusive) of an endless image; cell i those
        ``i * stride`` further.
    """

    stride: int
    width: int
    first: int
    last: int

    @property
    def offset(self) -> float:
        """Where the centre of cell 0 lies; pixel 0 covers [0, 1)."""
        return (self.first + self.last + 1) / 2


def measure_fields(run: Run, channels: int, layers: Sequence[str]) -> list[Field]:
    """Return the field of each layer from what ``run`` gives for images (n, channels, H, W): one tensor per layer.

    Not-a-number passes through every layer, so that it marks all that depends on a pixel, whatever the weights are.
    Raises UsageError, naming the layer, where it gives no maps, and for a field of 1024 pixels or more.
    """
    shapes = [_stride_and_width(*pair) for pair in zip(run(torch.zeros(1, channels, *_SMALL)), layers, strict=True)]
    most = max(stride for stride, _ in shapes)
    images = torch.zeros(most, channels, most, _COLUMNS)
    for step in range(most):
        images[step, ..., : step + 1] = torch.nan
        images[step, ..., _COLUMNS - step - 1 :] = torch.nan
    marked = [output.isnan().any(1).any(1) for output in run(images)]
    found = zip(shapes, marked, layers, strict=True)
    return [Field(stride, width, *_ends(seen, layer, stride)) for (stride, width), seen, layer in found]


def _stride_and_width(output: Tensor, layer: str) -> tuple[int, int]:
    shape = tuple(output.shape)
    if len(shape) != 4 or not shape[2] or _SMALL[0] % shape[2] or shape[3] * _SMALL[0] != shape[2] * _SMALL[1]:
        raise UsageError(
            f"layer {layer!r} gives {shape[1:]} for an image of {_SMALL[0]} x {_SMALL[1]} pixels, not maps",
            hint="name a layer of maps (channels, height, width)",
        )
    return _SMALL[0] // shape[2], shape[1]


def _ends(marked: Tensor, layer: str, stride: int) -> tuple[int, int]:
    """First and last pixel of the field of cell 0, from the cells (n, cols) that see marked pixels.

    In picture i these are the pixels up to i, and as many at the other end. A cell c sees none of the first ones if
    ``first + c * stride > i``: the first such cell says where its field begins to within a stride, and over ``stride``
    pictures, one of them says it exactly.
    """
    clean = [row.logical_not().nonzero()[:, 0] for row in marked[:stride]]
    if any(not len(cells) for cells in clean):
        raise UsageError(
            f"features of layer {layer!r} depend on more than {_COLUMNS} pixels around them",
            hint="name an earlier layer, or a network without attention and squeeze-and-excitation",
        )
    first = min(step - stride * (int(cells[0]) - 1) for step, cells in enumerate(clean))
    last = max(_COLUMNS - 1 - step - stride * (int(cells[-1]) + 1) for step, cells in enumerate(clean))
    return first, last


def refuse_positions(run: Callable[[Tensor], Tensor], channels: int, field: Field, layer: str) -> None:
    """Raise UsageError unless a shifted image gives the same features at the shifted place, down and across."""
    stride = field.stride
    border = 1 + max(-(field.first // stride), field.last // stride, 0)
    strip = torch.rand((1, channels, 2 * stride, (2 * border + 3) * stride), generator=torch.Generator().manual_seed(0))
    for turn in (False, True):
        images = strip.transpose(2, 3) if turn else strip
        shifted = images[:, :, stride:] if turn else images[..., stride:]
        whole, other = (run(some).transpose(2, 3) if turn else run(some) for some in (images, shifted))
        whole, other = whole[..., border : border + 2], other[..., border - 1 : border + 1]
        if not (whole - other).abs().max() <= _EQUAL * whole.abs().max():
            raise UsageError(
                f"features of layer {layer!r} depend on where in the image they are",
                hint="choose a network of convolutions, without positions or windows",
            )
