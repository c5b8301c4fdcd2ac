"""What a network's features depend on, measured: how far its cells see, and whether all places are treated alike."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING

import torch

from dsim.plugin import UsageError

if TYPE_CHECKING:
    from collections.abc import Callable

    from torch import Tensor

    Run = Callable[[Tensor], Tensor]

#: Columns of the picture on which a field is measured; a field must be narrower. And its rows, at first.
_COLUMNS, _ROWS = 1024, 64
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


def measure_field(run: Run, channels: int, layer: str) -> Field:
    """Return the field of a layer from what ``run`` gives for images (1, channels, H, W).

    Not-a-number passes through every layer, so that it marks all that depends on a pixel, whatever the weights are.
    Raises UsageError, naming the layer, where it gives no maps, and for a field of 1024 pixels or more.
    """
    stride, width = _stride_and_width(run, channels, layer)

    def clean(left: int, right: int) -> tuple[int, int]:
        return _clean_cells(run, (1, channels, stride, _COLUMNS), left, right, layer)

    left, right = clean(0, 0)
    # With how many more marked columns do these cells become marked too? Their fields begin, and end, right there.
    more_left = bisect_left(range(stride), True, key=lambda step: clean(step, 0)[0] > left)
    more_right = bisect_left(range(stride), True, key=lambda step: clean(0, step)[1] < right)
    return Field(stride, width, more_left - stride * left, _COLUMNS - 1 - more_right - stride * right)


def _stride_and_width(run: Run, channels: int, layer: str) -> tuple[int, int]:
    with torch.inference_mode():
        shape = tuple(run(torch.zeros(1, channels, _ROWS, _COLUMNS)).shape)
    if len(shape) != 4 or not shape[2] or _ROWS % shape[2] or shape[3] * _ROWS != shape[2] * _COLUMNS:
        raise UsageError(
            f"layer {layer!r} gives {shape[1:]} for an image of {_ROWS} x {_COLUMNS} pixels, not maps",
            hint="name a layer of maps (channels, height, width)",
        )
    return _ROWS // shape[2], shape[1]


def _clean_cells(run: Run, shape: tuple[int, ...], left: int, right: int, layer: str) -> tuple[int, int]:
    """The first and the last cell that do not see columns 0 to ``left`` of a picture, nor its last ``right + 1``."""
    images = torch.zeros(shape)
    images[..., : left + 1] = torch.nan
    images[..., shape[3] - right - 1 :] = torch.nan
    with torch.inference_mode():
        clean = run(images)[0, :, 0].isnan().any(0).logical_not().nonzero()[:, 0]
    if not len(clean):
        raise UsageError(
            f"features of layer {layer!r} depend on more than {_COLUMNS} pixels around them",
            hint="name an earlier layer, or a network without attention and squeeze-and-excitation",
        )
    return int(clean[0]), int(clean[-1])


def refuse_positions(run: Run, channels: int, field: Field, layer: str) -> None:
    """Raise UsageError unless a shifted image gives the same features at the shifted place."""
    stride = field.stride
    border = 1 + max(-(field.first // stride), field.last // stride, 0)
    side = (2 * border + 3) * stride
    images = torch.rand((1, channels, side, side), generator=torch.Generator().manual_seed(0))
    with torch.inference_mode():
        whole = run(images)[0, :, border : border + 2, border : border + 2]
        shifted = run(images[:, :, stride:, stride:])[0, :, border - 1 : border + 1, border - 1 : border + 1]
    if not (whole - shifted).abs().max() <= _EQUAL * whole.abs().max():
        raise UsageError(
            f"features of layer {layer!r} depend on where in the image they are",
            hint="choose a network of convolutions, without positions or windows",
        )
