"""Views of images for self-supervised training: several crops of each image, changed by a named policy.

A policy says how views are changed, ``Crops`` how many there are and of which size. Each view of each image has
parameters of its own, all of which come from one generator on the CPU.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import NamedTuple

import torch
from torch import Tensor

from dsim.errors import UsageError
from dsim.learning.appearance import Appearance
from dsim.learning.augment import Jitter, draw_crops, draw_flags, draw_jitter, draw_symmetric, draw_uniform
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


@dataclass(frozen=True)
class ViewChange:
    """How probable the changes are in which the views of one policy differ.

    Parameters
    ----------
    blur, solarise, perspective : probabilities in [0, 1].
    side : the side, in pixels, for which the policy's blur was published.
    """

    blur: float = 0.0
    solarise: float = 0.0
    perspective: float = 0.0
    side: int = 224


@dataclass(frozen=True)
class ViewPolicy:
    """How views are changed after they were cut out: first geometry, then colours, then blur and solarisation.

    Parameters
    ----------
    name : name of the policy. ``source`` : where it was published.
    large : changes of the views of the first ``Crops``, in order; further views are changed like the last.
    small : changes of the views of all further ``Crops``.
    mirror, turn_over : probabilities of a mirror image, left to right and upside down.
    rotation : rotations are uniform from minus to plus this, in degrees. ``distortion`` : corners of a changed
        perspective move inwards by up to half of this share of the side.
    jitter : largest relative change of brightness, contrast and saturation, and shift of the hue (in turns), as in
        torchvision's ``ColorJitter``; with the probability ``jittered``.
    gray : probability of a gray view.
    deviations : smallest and largest standard deviation of the blur, in pixels of a view of the published size
        (``ViewChange.side``). Smaller views are blurred by fewer pixels, so that as much of the picture is blurred.
    radius : where the blur is cut off, in the same pixels.
    interpolation : of crops that are neither turned nor distorted. Others are bilinear.
    """

    name: str
    source: str
    large: tuple[ViewChange, ...]
    small: ViewChange
    mirror: float = 0.5
    turn_over: float = 0.0
    rotation: float = 0.0
    distortion: float = 0.0
    jitter: tuple[float, float, float, float] = (0.4, 0.4, 0.2, 0.1)
    jittered: float = 0.8
    gray: float = 0.2
    deviations: tuple[float, float] = (0.1, 2.0)
    radius: int = 6
    interpolation: str = "bicubic"

    @property
    def bends(self) -> bool:
        """Whether views are turned or distorted, not only cut out and mirrored."""
        return self.rotation > 0 or self.distortion > 0


_CARON = "Caron et al. 2021, arXiv:2104.14294, the code's DataAugmentationDINO"
_SPARSAM = "the code of the paper on DINO and label efficiency (IPMI-ICNS-UKE/sparsam), DinoAugmentationCropper"
_PAPER_LARGE = (
    ViewChange(blur=1.0, perspective=0.75),
    ViewChange(blur=0.1, perspective=0.5, solarise=0.2),
)
_PAPER_SMALL = ViewChange(blur=0.5, perspective=0.5, side=96)

#: Policies by name.
#:
#: - ``original``: DINO's. Mirror images, colour jitter, gray; blur of every first, each tenth second and each other
#:   small view; a fifth of the second views solarised.
#: - ``paper``: like it, and upside down, turned by any angle, perspective changed; blur of up to 5 pixels of 224.
#: - ``upright``: ``paper`` without turning and without upside down, for images that have an upper side.
#: - ``turned``: ``original``, and upside down and turned by any angle; no change of perspective: shapes stay.
#: - ``simclr``: SimCLR's: stronger colour jitter, half of the views blurred, none solarised; all views alike.
VIEW_POLICIES: Mapping[str, ViewPolicy] = MappingProxyType(
    {
        policy.name: policy
        for policy in (
            ViewPolicy(
                name="original",
                source=_CARON,
                large=(ViewChange(blur=1.0), ViewChange(blur=0.1, solarise=0.2)),
                small=ViewChange(blur=0.5, side=96),
            ),
            ViewPolicy(
                name="paper",
                source=_SPARSAM,
                large=_PAPER_LARGE,
                small=_PAPER_SMALL,
                turn_over=0.5,
                rotation=180.0,
                distortion=0.5,
                deviations=(0.1, 5.0),
                radius=5,
                interpolation="bilinear",
            ),
            ViewPolicy(
                name="upright",
                source=f"{_SPARSAM}, without rotations and without views upside down",
                large=_PAPER_LARGE,
                small=_PAPER_SMALL,
                distortion=0.5,
                deviations=(0.1, 5.0),
                radius=5,
                interpolation="bilinear",
            ),
            ViewPolicy(
                name="turned",
                source=f"{_CARON}, turned by any angle and upside down",
                large=(ViewChange(blur=1.0), ViewChange(blur=0.1, solarise=0.2)),
                small=ViewChange(blur=0.5, side=96),
                turn_over=0.5,
                rotation=180.0,
            ),
            ViewPolicy(
                name="simclr",
                source="Chen et al. 2020, arXiv:2002.05709, appendix A",
                large=(ViewChange(blur=0.5),),
                small=ViewChange(blur=0.5),
                jitter=(0.8, 0.8, 0.8, 0.2),
            ),
        )
    }
)


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
        )


def draw_views(
    images: Tensor,
    crops: Sequence[Crops],
    policy: ViewPolicy,
    generator: torch.Generator,
    rows: slice = slice(None),
) -> list[Tensor]:
    """Return views of images for self-supervised training: one tensor for each entry of ``crops``.

    Parameters
    ----------
    images : float32 (b, c, h, w) in [0, 1], c of 1 or 3, on any device.
    crops : groups of views; the policy's ``large`` changes are those of the first group.
    policy : how views are changed, such as ``VIEW_POLICIES["original"]``.
    generator : on the CPU; nothing else is drawn from. Parameters are drawn for all images, so that the processes of
        one training draw alike.
    rows : the images of which views are computed; their views are those that all images together would give.

    Returns
    -------
    Tensors float32 (count * m, c, size, size) in [0, 1], m the number of ``rows``: the first view of all images, then
    the second, and so on. Colours of images of one channel are changed in brightness and contrast only.

    Raises UsageError for images of another shape.

    >>> views = draw_views(torch.rand(3, 3, 40, 40), [Crops(2, 32, (0.4, 1)), Crops(4, 16, (0.1, 0.4))],
    ...     VIEW_POLICIES["original"], torch.Generator().manual_seed(0))
    >>> [tuple(group.shape) for group in views]
    [(6, 3, 32, 32), (12, 3, 16, 16)]
    """
    if images.ndim != 4 or images.shape[1] not in (1, 3):
        hint = "give images (b, c, h, w) with 1 or 3 channels"
        raise UsageError(f"views cannot be drawn of a tensor of shape {tuple(images.shape)}", hint=hint)
    shape = (images.shape[2], images.shape[3])
    chosen, pyramid = torch.arange(len(images))[rows], Pyramid(images[rows])
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

    ``changes`` has an entry for each view. Everything is drawn, also what a policy does not change: what is drawn
    later does not depend on it.
    """
    total = crops.count * n

    def per_view(values: Sequence[float]) -> Tensor:
        return torch.tensor(values).repeat_interleave(n)

    boxes = draw_crops(total, shape, generator, crops.area)
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
    return ViewParameters(boxes, mirrored, turned_over, degrees, corners, jitter, jittered, gray, deviation, solarised)


def change_views(images: Pyramid, parameters: ViewParameters, policy: ViewPolicy, side: int, out: Tensor) -> None:
    """Write one view of each of m images to ``out`` (m, c, size, size), by parameters already drawn.

    ``side`` is the side for which the blur was published, in pixels.
    """
    size = out.shape[-1]
    cut = _prepare_cut(images, parameters, size, policy)
    appearance = Appearance(
        *parameters[-5:],
        radius=math.ceil(policy.radius * _blur_scale(size, side)),
        device=out.device,
        channels=out.shape[1],
    )
    step = max(1, (_CACHED if out.device.type == "cpu" else _LAUNCHED) // size**2)
    for first in range(0, len(out), step):
        views = out[first : first + step]
        changed = cut(first, first + len(views))
        appearance.apply(changed, first)
        torch.clamp(changed, 0, 1, out=views)


def _prepare_cut(
    images: Pyramid, parameters: ViewParameters, size: int, policy: ViewPolicy
) -> Callable[[int, int], Tensor]:
    """A function of first and last image that cuts, mirrors, turns and distorts them; a new tensor in [0, 1]."""
    boxes, mirrored, over = parameters.boxes, parameters.mirrored, parameters.turned_over
    if not policy.bends:
        return lambda start, end: crop_each(
            images.level(0)[start:end],
            boxes[start:end],
            size,
            mirrored[start:end],
            over[start:end],
            policy.interpolation,
        ).clamp_(0, 1)
    matrices = perspective_matrices(parameters.corners) @ rotation_matrices(parameters.degrees, images.shape)
    matrices = matrices @ crop_matrices(boxes, images.shape, mirrored, over)
    levels = reductions(matrices, images.shape, size)
    return lambda start, end: warp(images, matrices[start:end], levels[start:end], size, start)


def change_of(policy: ViewPolicy, group: int, view: int) -> ViewChange:
    """Return how a view of a group is changed, both counted from 0."""
    return policy.small if group else policy.large[min(view, len(policy.large) - 1)]


def _blur_scale(size: int, side: int) -> float:
    """By which part of the published number of pixels a view of ``size`` is blurred."""
    return min(1.0, size / side)
