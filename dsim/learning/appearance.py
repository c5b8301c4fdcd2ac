"""Colours and sharpness of views, changed in place: many views in few passes over memory that the cache holds.

They equal the functions of ``dsim.learning.augment`` within rounding. There each operation is one line of arithmetic on
a whole batch; here those that blend with gray share their passes, and only views that change are touched.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import lru_cache

import torch
from torch import Tensor
from torch.nn.functional import pad

from dsim.learning.augment import LUMA, Jitter
from dsim.learning.stains import change_stains

#: Numbers of the operations in ``Jitter.order``.
_BRIGHTNESS, _CONTRAST, _SATURATION, _HUE = range(4)
#: Views with a longer side are blurred by shifts on a CPU, others by products with band matrices.
_LONG = 128
#: A blur of so many pixels gives neighbours a weight of 2e-10.
_SHARP = 0.15


class Appearance:
    """How colours and sharpness of n views of one size change; ``apply`` changes some of them at a time.

    Parameters
    ----------
    jitter : parameters of n views; ``jittered``, bool (n,), says where they apply. Only views of three channels have
        saturation and hue.
    gray, solarised : bool (n,). Solarised views are inverted where they are brighter than one half.
    stain : (n, 2, 3), relative changes and shifts of three stains, before all others (``change_stains``); None: none.
        Only views of three channels have stains.
    deviation : (n,), of the blur in pixels. 0 changes nothing, and below 0.15 no bit of an 8-bit image would change: it
        is left out. ``radius`` : where the blur is cut off, smaller than the view; the border is mirrored.
    device, channels : of the views. Gray is the luma of three channels, and the mean of any other number.
    """

    def __init__(
        self,
        jitter: Jitter,
        jittered: Tensor,
        gray: Tensor,
        deviation: Tensor,
        solarised: Tensor,
        *,
        stain: Tensor | None = None,
        radius: int,
        device: torch.device,
        channels: int,
    ) -> None:
        order = torch.where(jittered, jitter.order.T, -1)
        if channels != 3:
            order = torch.where(order >= _SATURATION, -1, order)
        amounts = torch.stack([jitter.brightness, jitter.contrast, jitter.saturation, torch.ones_like(jitter.hue)])
        factors = torch.where(order < 0, 1, amounts.gather(0, order.clamp_min(0)))
        self._operations: list[list[int]] = order.tolist()
        self._factors = factors.to(device)[..., None, None, None]
        self._others = (1 - factors).to(device)[..., None, None, None]
        self._is_contrast = (order == _CONTRAST).to(device)[..., None, None, None]
        self._is_saturation = (order == _SATURATION).to(device)[..., None, None, None]
        self._hue = jitter.hue.to(device)[:, None, None, None]
        self._gray: list[bool] = (gray & (channels == 3)).tolist()
        self._solarised: list[bool] = solarised.tolist()
        self._blurred: list[bool] = (deviation > _SHARP).tolist()
        self._kernels = _gaussians(deviation, radius).to(device)
        self._stain = stain if channels == 3 else None

    def apply(self, views: Tensor, first: int) -> None:
        """Change views (m, c, s, s) in [0, 1] in place: the views from number ``first`` on."""
        end = first + len(views)
        if self._stain is not None:
            factors, shifts = self._stain[first:end].unbind(1)
            views.copy_(change_stains(views, 1 + factors, shifts))
        for turn, numbers in enumerate(self._operations):
            operations = numbers[first:end]
            self._blend(views, turn, first, set(operations))
            _change_some(views, [number == _HUE for number in operations], self._hue[first:end], _turn_hue)
        _change_some(views, self._gray[first:end], None, lambda some, _: some.copy_(_gray(some).expand_as(some)))
        _change_some(views, self._blurred[first:end], self._kernels[first:end], _blur)
        _change_some(views, self._solarised[first:end], None, lambda some, _: torch.minimum(some, 1 - some, out=some))

    def _blend(self, views: Tensor, turn: int, first: int, operations: set[int]) -> None:
        """The operations of one turn that mix a view with a constant (brightness, contrast) or gray (saturation)."""
        if operations <= {-1, _HUE}:
            return
        rows = slice(first, first + len(views))
        other, level, gray = self._others[turn, rows], None, None
        if _CONTRAST in operations:
            level = _gray(views.mean((2, 3), keepdim=True)).mul_(other * self._is_contrast[turn, rows])
        if _SATURATION in operations:
            gray = _gray(views).mul_(other * self._is_saturation[turn, rows])
        views.mul_(self._factors[turn, rows])
        for part in (level, gray):
            if part is not None:
                views.add_(part)
        views.clamp_(0, 1)


def _change_some(
    views: Tensor, flags: list[bool], values: Tensor | None, change: Callable[[Tensor, Tensor | None], object]
) -> None:
    """Call ``change`` on the views where ``flags`` are set, and their values; it changes them in place."""
    if not any(flags):
        return
    if all(flags):
        change(views, values)
        return
    rows = torch.tensor([row for row, flag in enumerate(flags) if flag]).to(views.device)
    some = views[rows]
    change(some, None if values is None else values[rows])
    views[rows] = some


def _gray(views: Tensor) -> Tensor:
    """Gray views (m, 1, h, w), new memory."""
    if views.shape[1] != 3:
        return views.mean(dim=1, keepdim=True)
    red, green, blue = views.chunk(3, dim=1)
    return (red * LUMA[0]).add_(green, alpha=LUMA[1]).add_(blue, alpha=LUMA[2])


def _turn_hue(views: Tensor, shift: Tensor | None) -> None:
    """Turn the hue of views (m, 3, h, w) by ``shift`` (m, 1, 1, 1), in turns.

    Without a branch: with channels scaled to minimum 0 and maximum 1, the hue, in sixths of a turn, is
    1 + green + blue - red where green is at least blue, and minus that elsewhere.
    """
    red, green, blue = views.chunk(3, dim=1)
    high, low = (extreme(extreme(red, green), blue) for extreme in (torch.maximum, torch.minimum))
    spread = high - low
    sixths = (green + blue).sub_(red).add_(high.sub_(low, alpha=2)).div_(spread.clamp_min(1e-12))
    turns = torch.copysign(sixths, green - blue).mul_(1 / 6)
    turns = turns if shift is None else turns.add_(shift)
    # Each channel is the lowest plus a share of the spread that goes up, stays, goes down and stays along the circle;
    # 2 is added to stay positive.
    places = views.new_tensor([2.0, 2 + 2 / 3, 2 + 1 / 3]).view(1, 3, 1, 1)
    torch.add(turns, places, out=views).frac_().sub_(0.5).abs_().mul_(6).sub_(1).clamp_(0, 1)
    views.mul_(spread).add_(low)


def _gaussians(deviation: Tensor, radius: int) -> Tensor:
    """Kernels (n, 2 radius + 1) that add up to 1."""
    offsets = torch.arange(-radius, radius + 1)
    kernels = torch.exp(-0.5 * (offsets / deviation[:, None].clamp_min(1e-2)).square())
    return kernels / kernels.sum(dim=1, keepdim=True)


def _blur(views: Tensor, kernels: Tensor | None) -> None:
    """Filter views (m, c, s, s) along rows, then along columns, by kernels (m, taps)."""
    assert kernels is not None
    if views.shape[-1] > _LONG and views.device.type == "cpu":
        for view, kernel in zip(views, kernels.tolist(), strict=True):
            view.copy_(_filter(_filter(view, kernel, -1), kernel, -2))
        return
    m, c, size, _ = views.shape
    matrices = (kernels @ _taps(size, kernels.shape[1] // 2).to(views.device)).view(m, size, size)
    across = (views.reshape(m, c * size, size) @ matrices).view(m, c, size, size)
    views.copy_(matrices.mT[:, None] @ across)


@lru_cache(maxsize=8)
def _taps(size: int, radius: int) -> Tensor:
    """For each tap of a kernel the matrix (size * size) that puts it where it belongs, with the border mirrored."""
    mirrored = pad(torch.eye(size)[None, None], [radius, radius, 0, 0], mode="reflect")[0, 0]
    return torch.stack([mirrored[:, tap : tap + size].flatten() for tap in range(2 * radius + 1)])


def _filter(view: Tensor, kernel: list[float], axis: int) -> Tensor:
    """A view (c, h, w) filtered along an axis: for long ones sums of shifted copies are faster than matrices."""
    radius, size = len(kernel) // 2, view.shape[axis]
    before, after = view.narrow(axis, 1, radius), view.narrow(axis, size - radius - 1, radius)
    padded = torch.cat([before.flip(axis), view, after.flip(axis)], dim=axis)
    result = padded.narrow(axis, radius, size) * kernel[radius]
    for tap in range(radius):
        result.add_(padded.narrow(axis, tap, size), alpha=kernel[tap])
        result.add_(padded.narrow(axis, 2 * radius - tap, size), alpha=kernel[tap])
    return result
