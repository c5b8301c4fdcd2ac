"""Views of images for self-supervised training: several crops of each image, changed by a named policy.

A policy says how views are changed, ``Crops`` how many there are and of which size. Each view of each image has
parameters of its own, all of which come from one generator on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import torch
from torch import Tensor

from dsim.errors import UsageError
from dsim.learning.appearance import Appearance
from dsim.learning.augment import (
    Jitter,
    cut_out,
    draw_crops,
    draw_flags,
    draw_jitter,
    draw_symmetric,
    draw_uniform,
    rotate_quarters,
)
from dsim.learning.view_policies import ViewChange, ViewPolicy
from dsim.learning.warps import (
    Pyramid,
    crop_each,
    crop_matrices,
    perspective_matrices,
    reductions,
    rotation_matrices,
    warp,
)

#: Smallest side of a view in pixels.
SMALLEST_VIEW = 8
#: Pixels that are changed at a time: on a CPU so few that they stay in its cache, elsewhere so many that it has work.
_CACHED, _LAUNCHED = 224**2, 2**24


@dataclass(frozen=True)
class Crops:
    """A group of views of one size, cut at random from each image.

    Parameters
    ----------
    count : views of each image. ``size`` : their side in pixels, at least 8.
    area : smallest and largest share of the image's area, in (0, 1].

    Raises UsageError for values beyond these bounds.

    >>> Crops(2, 64, (0.4, 1.0)).size
    64
    """

    count: int
    size: int
    area: tuple[float, float]

    def __post_init__(self) -> None:
        if self.count < 1:
            raise UsageError(f"a group of crops has {self.count} views", hint="use at least 1")
        if self.size < SMALLEST_VIEW:
            hint = f"use a size of at least {SMALLEST_VIEW} pixels"
            raise UsageError(f"crops of {self.size} pixels are too small", hint=hint)
        if not 0 < self.area[0] <= self.area[1] <= 1:
            hint = "use two shares of an image's area, the smaller first, such as 0.4 and 1"
            raise UsageError(f"crops cannot have areas from {self.area[0]:g} to {self.area[1]:g}", hint=hint)


class ViewParameters(NamedTuple):
    """What was drawn for n views: one entry or row each, on the CPU."""

    boxes: Tensor  # int64 (n, 4): top, left, height and width in pixels
    mirrored: Tensor  # bool (n,)
    turned_over: Tensor  # bool (n,)
    degrees: Tensor  # (n,), counter-clockwise
    corners: Tensor  # (n, 4, 2), shares of the sides; 0 where the perspective is not changed
    jitter: Jitter
    jittered: Tensor  # bool (n,)
    gray: Tensor  # bool (n,)
    deviation: Tensor  # (n,), pixels; 0: not blurred
    solarised: Tensor  # bool (n,)
    quarters: Tensor  # int64 (n,), quarter turns counter-clockwise
    stain: Tensor  # (n, 2, 3): relative changes and shifts of three stains
    holes: Tensor  # int64 (n, k, 4): top, left, height and width in pixels of the view; of height 0 without dropout

    def at(self, rows: Tensor) -> ViewParameters:
        """Return the parameters of these views, int64 (m,)."""
        jitter = Jitter(*(values[rows] for values in self.jitter))
        return ViewParameters(
            boxes=self.boxes[rows],
            mirrored=self.mirrored[rows],
            turned_over=self.turned_over[rows],
            degrees=self.degrees[rows],
            corners=self.corners[rows],
            jitter=jitter,
            jittered=self.jittered[rows],
            gray=self.gray[rows],
            deviation=self.deviation[rows],
            solarised=self.solarised[rows],
            quarters=self.quarters[rows],
            stain=self.stain[rows],
            holes=self.holes[rows],
        )


def draw_views(
    images: Tensor,
    crops: Sequence[Crops],
    policy: ViewPolicy,
    generator: torch.Generator,
    rows: slice = slice(None),
    fill: Tensor | None = None,
) -> list[Tensor]:
    """Return views of images for self-supervised training: one tensor for each entry of ``crops``.

    Parameters
    ----------
    images : float32 (b, c, h, w) in [0, 1], on any device.
    crops : groups of views; the policy's ``large`` changes are those of the first group.
    policy : how views are changed, such as ``VIEW_POLICIES["original"]``.
    generator : on the CPU; nothing else is drawn from. Parameters are drawn for all images, so that the processes of
        one training draw alike.
    fill : what lies beyond a rotated image: a colour (c,) in [0, 1], or one for each image, (b, c); None: black.
    rows : the images of which views are computed; their views are those that all images together would give.

    Returns
    -------
    Tensors float32 (count * m, c, size, size) in [0, 1], m the number of ``rows``: the first view of all images, then
    the second, and so on. Images that do not have three channels are changed in brightness and contrast only.

    Raises UsageError for images of another shape.

    >>> from dsim.learning import VIEW_POLICIES
    >>> views = draw_views(torch.rand(3, 3, 40, 40), [Crops(2, 32, (0.4, 1)), Crops(4, 16, (0.1, 0.4))],
    ...     VIEW_POLICIES["original"], torch.Generator().manual_seed(0))
    >>> [tuple(group.shape) for group in views]
    [(6, 3, 32, 32), (12, 3, 16, 16)]
    """
    if images.ndim != 4 or not images.shape[1]:
        hint = "give images (b, c, h, w)"
        raise UsageError(f"views cannot be drawn of a tensor of shape {tuple(images.shape)}", hint=hint)
    shape = (images.shape[2], images.shape[3])
    chosen, beyond = torch.arange(len(images))[rows], fill[rows] if fill is not None and fill.ndim == 2 else fill
    pyramid = Pyramid(images[rows], beyond if policy.bends else None)
    result = []
    for number, group in enumerate(crops):
        changes = [change_of(policy, number, view) for view in range(group.count)]
        parameters = draw_parameters(len(images), shape, group, changes, policy, generator)
        views = images.new_empty(group.count, len(chosen), images.shape[1], group.size, group.size)
        for view, change in enumerate(changes):
            of_view = parameters.at(view * len(images) + chosen)
            change_views(pyramid, of_view, policy, change.side, out=views[view])
        result.append(views.flatten(0, 1))
    return result


def draw_parameters(
    n: int,
    shape: tuple[int, int],
    crops: Crops,
    changes: Sequence[ViewChange],
    policy: ViewPolicy,
    generator: torch.Generator,
) -> ViewParameters:
    """Return parameters of ``crops.count`` views of n images of ``shape``: the first view of all images comes first.

    ``changes`` has an entry for each view. All but quarter turns, stains and holes is drawn, also what a policy does
    not change: what is drawn later does not depend on it. These three come last, and only for policies that have them.
    """
    total = crops.count * n

    def per_view(values: Sequence[float]) -> Tensor:
        return torch.tensor(values).repeat_interleave(n)

    boxes = _draw_boxes(total, shape, crops, policy, generator)
    mirrored = draw_flags(total, generator, policy.mirror)
    turned_over = draw_flags(total, generator, policy.turn_over)
    degrees = draw_symmetric(total, policy.rotation, generator)
    bent = torch.rand(total, generator=generator) < per_view([change.perspective for change in changes])
    corners = torch.rand(total, 4, 2, generator=generator) * (policy.distortion / 2) * bent[:, None, None]
    jittered = draw_flags(total, generator, policy.jittered)
    jitter = draw_jitter(total, generator, *policy.jitter)
    gray = draw_flags(total, generator, policy.gray)
    blurred = torch.rand(total, generator=generator) < per_view([change.blur for change in changes])
    deviation = draw_uniform(total, *policy.deviations, generator) * blurred
    deviation = deviation * per_view([_blur_scale(crops.size, change.side) for change in changes])
    solarised = torch.rand(total, generator=generator) < per_view([change.solarise for change in changes])
    dropped = per_view([change.dropout for change in changes])
    quarters, stain, holes = _draw_last(dropped, crops.size, policy, generator)
    return ViewParameters(
        boxes,
        mirrored,
        turned_over,
        degrees,
        corners,
        jitter,
        jittered,
        gray,
        deviation,
        solarised,
        quarters,
        stain,
        holes,
    )


def _draw_boxes(
    total: int, shape: tuple[int, int], crops: Crops, policy: ViewPolicy, generator: torch.Generator
) -> Tensor:
    """Boxes of views, int64 (n, 4). They are drawn also where the policy takes the middle: see ``draw_parameters``."""
    boxes = draw_crops(total, shape, generator, crops.area)
    if policy.central or not policy.crops:
        return _middle(shape, crops.area[1] if policy.crops else 1.0).expand(total, 4)
    return boxes


def _middle(shape: tuple[int, int], area: float) -> Tensor:
    """The box in the middle of images with this share of their area, int64 (4,)."""
    height, width = (max(1, round(side * math.sqrt(area))) for side in shape)
    return torch.tensor([(shape[0] - height) // 2, (shape[1] - width) // 2, height, width])


def _draw_last(
    dropout: Tensor, size: int, policy: ViewPolicy, generator: torch.Generator
) -> tuple[Tensor, Tensor, Tensor]:
    """Quarter turns (n,), stains (n, 2, 3) and holes (n, holes, 4) of n views with these probabilities of dropout.

    Nothing is drawn of what the policy does not change.
    """
    total = len(dropout)
    quarters, stain = torch.zeros(total, dtype=torch.int64), torch.zeros(total, 2, 3)
    if policy.quarters > 1:
        quarters = torch.randint(policy.quarters, (total,), generator=generator)
    if policy.stain > 0:
        stain = draw_symmetric(6 * total, policy.stain, generator).view(total, 2, 3)
    if not bool(dropout.any()):
        return quarters, stain, torch.zeros(total, 0, 4, dtype=torch.int64)
    return quarters, stain, _draw_holes(dropout, size, policy, generator)


def _draw_holes(probabilities: Tensor, size: int, policy: ViewPolicy, generator: torch.Generator) -> Tensor:
    """Boxes of the holes of n views, int64 (n, holes, 4), of height and width 0 in views without dropout."""
    side = max(1, round(policy.hole * size))
    dropped = torch.rand(len(probabilities), generator=generator) < probabilities
    corners = torch.randint(size - side + 1, (len(probabilities), policy.holes, 2), generator=generator)
    sides = (side * dropped.long())[:, None, None].expand(-1, policy.holes, 2)
    return torch.cat([corners, sides], dim=2)


def change_views(images: Pyramid, parameters: ViewParameters, policy: ViewPolicy, side: int, out: Tensor) -> None:
    """Write one view of each of m images to ``out`` (m, c, size, size), by parameters already drawn.

    ``side`` is the side for which the blur was published, in pixels.
    """
    size = out.shape[-1]
    cut = _prepare_cut(images, parameters, size, policy)
    appearance = Appearance(
        parameters.jitter,
        parameters.jittered,
        parameters.gray,
        parameters.deviation,
        parameters.solarised,
        stain=parameters.stain if policy.stain > 0 else None,
        radius=math.ceil(policy.radius * _blur_scale(size, side)),
        device=out.device,
        channels=out.shape[1],
    )
    step = max(1, (_CACHED if out.device.type == "cpu" else _LAUNCHED) // size**2)
    for first in range(0, len(out), step):
        views = out[first : first + step]
        changed = cut(first, first + len(views))
        appearance.apply(changed, first)
        for boxes in parameters.holes[first : first + len(views)].unbind(1):
            changed = cut_out(changed, boxes)
        torch.clamp(changed, 0, 1, out=views)


def _prepare_cut(
    images: Pyramid, parameters: ViewParameters, size: int, policy: ViewPolicy
) -> Callable[[int, int], Tensor]:
    """A function of first and last image that cuts, mirrors, turns and distorts them; a new tensor in [0, 1]."""
    boxes, mirrored, over = parameters.boxes, parameters.mirrored, parameters.turned_over
    if not policy.bends:
        turns = torch.where(mirrored ^ over, -parameters.quarters, parameters.quarters) if policy.quarters > 1 else None
        return lambda start, end: _turn(
            crop_each(
                images.level(0)[start:end],
                boxes[start:end],
                size,
                mirrored[start:end],
                over[start:end],
                policy.interpolation,
            ).clamp_(0, 1),
            None if turns is None else turns[start:end],
        )
    degrees = parameters.degrees + 90 * parameters.quarters
    matrices = perspective_matrices(parameters.corners) @ rotation_matrices(degrees, images.shape)
    matrices = matrices @ crop_matrices(boxes, images.shape, mirrored, over)
    levels = reductions(matrices, images.shape, size)
    return lambda start, end: warp(images, matrices[start:end], levels[start:end], size, start)


def _turn(views: Tensor, turns: Tensor | None) -> Tensor:
    """Views by quarter turns (m,). They come after the flips here, before them to a reader: one flip reverses them."""
    return views if turns is None else rotate_quarters(views, turns)


def change_of(policy: ViewPolicy, group: int, view: int) -> ViewChange:
    """Return how a view of a group is changed, both counted from 0."""
    return policy.small if group else policy.large[min(view, len(policy.large) - 1)]


def _blur_scale(size: int, side: int) -> float:
    """By which part of the published number of pixels a view of ``size`` is blurred."""
    return min(1.0, size / side)
