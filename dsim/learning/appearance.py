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

#: Numbers of the operations in ``Jitter.order``.
_BRIGHTNESS, _CONTRAST, _SATURATION, _HUE = range(4)
#: Views with a longer side are blurred by shifts on a CPU, others by products with band matrices.
_LONG = 128
#: A blur of so many pixels gives neighbours a weight of 2e-10.
_SHARP = 0.15


def jitter_in_place(views: Tensor, jitter: Jitter, flags: Tensor) -> None:
    """Change brightness, contrast, saturation and hue of views (m, c, h, w) where ``flags`` are set, each in its order.

    Views of one channel have neither saturation nor hue.
    """
    for turn in jitter.order.unbind(1):
        turn = torch.where(flags, turn, -1)
        _blend(views, turn, jitter)
        if views.shape[1] == 3:
            _change_rows(views, turn == _HUE, jitter.hue, _turn_hue)


def gray_in_place(views: Tensor, flags: Tensor) -> None:
    """Make views (m, 3, h, w) gray where ``flags`` are set."""
    _change_rows(views, flags, None, lambda some, _: some.copy_(_gray(some).expand_as(some)))


def solarise_in_place(views: Tensor, flags: Tensor) -> None:
    """Invert what is brighter than one half, of views in [0, 1] where ``flags`` are set."""
    _change_rows(views, flags, None, lambda some, _: torch.minimum(some, 1 - some, out=some))


def blur_in_place(views: Tensor, deviation: Tensor, radius: int) -> None:
    """Blur square views by Gaussians of ``deviation`` (m,), in pixels, cut off at ``radius``, mirrored at the border.

    A deviation of 0 changes nothing, and one below 0.15 no bit of an 8-bit image: it is left out.
    """
    _change_rows(views, deviation > _SHARP, deviation, lambda some, sigma: _blur(some, sigma, radius))


def _change_rows(
    views: Tensor, flags: Tensor, values: Tensor | None, change: Callable[[Tensor, Tensor | None], object]
) -> None:
    """Call ``change`` on the views where ``flags`` are set, and their values; it changes them in place."""
    rows = torch.nonzero(flags).flatten()
    if len(rows) == 0:
        return
    some = None if values is None else values[rows].to(views.device).view(-1, 1, 1, 1)
    if len(rows) == len(views):
        change(views, some)
        return
    rows = rows.to(views.device)
    taken = views[rows]
    change(taken, some)
    views[rows] = taken


def _blend(views: Tensor, turn: Tensor, jitter: Jitter) -> None:
    """The operations of one turn that mix a view with a constant (brightness, contrast) or with gray (saturation)."""
    factor = torch.ones_like(jitter.brightness)
    for number in (_BRIGHTNESS, _CONTRAST, _SATURATION)[: 3 if views.shape[1] == 3 else 2]:
        factor = torch.where(turn == number, jitter[number], factor)
    contrast, saturation = (
        torch.where(turn == number, 1 - factor, 0).to(views.device) for number in (_CONTRAST, _SATURATION)
    )
    if not (factor != 1).any():
        return
    level = _gray(views.mean((2, 3), keepdim=True)) * contrast.view(-1, 1, 1, 1) if contrast.any() else None
    gray = _gray(views).mul_(saturation.view(-1, 1, 1, 1)) if saturation.any() else None
    views.mul_(factor.to(views.device).view(-1, 1, 1, 1))
    for other in (level, gray):
        if other is not None:
            views.add_(other)
    views.clamp_(0, 1)


def _gray(views: Tensor) -> Tensor:
    """Gray views (m, 1, h, w), new memory."""
    if views.shape[1] == 1:
        return views.clone()
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


def _blur(views: Tensor, deviation: Tensor | None, radius: int) -> None:
    """Blur views (m, c, s, s) along rows, then along columns, by deviations (m, 1, 1, 1)."""
    assert deviation is not None
    offsets = torch.arange(-radius, radius + 1, device=views.device)
    kernels = torch.exp(-0.5 * (offsets / deviation.view(-1, 1).clamp_min(1e-2)).square())
    kernels = kernels / kernels.sum(dim=1, keepdim=True)
    if views.shape[-1] > _LONG and views.device.type == "cpu":
        for view, kernel in zip(views, kernels.tolist(), strict=True):
            view.copy_(_filter(_filter(view, kernel, -1), kernel, -2))
        return
    m, c, size, _ = views.shape
    matrices = (kernels @ _taps(size, radius).to(views.device)).view(m, size, size)
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
