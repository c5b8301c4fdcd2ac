"""Named policies of augmentation: which changes of ``dsim.learning.augment`` a training draws, and how far they go.

A policy draws all parameters of a batch first, then applies them; trainings are repeatable as long as neither the
draws nor their order change. A policy takes images and a ``torch.Generator``, and draws from nothing else.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import torch
from torch import Tensor

from dsim.learning.augment import (
    add_noise,
    blur,
    draw_flags,
    draw_symmetric,
    draw_uniform,
    per_image,
    resample,
    resize,
    scale_about_mean,
    similarity_matrices,
    to_gray,
)

# ---- asap ----------------------------------------------------------------------------------------------------------

#: Sides of a random crop, as a share of the image's side.
_CROP = (0.7, 1.0)
#: Rotation (degrees), shift (share of the side) and scale of the affine part.
_ROTATE, _SHIFT, _SCALE = 45.0, 0.0625, 0.1
_BRIGHTNESS, _CONTRAST = 0.2, 0.2
#: Largest standard deviations of noise (intensity in [0, 1]) and of blur (pixels).
_NOISE, _BLUR = 0.05, 1.0
#: A blur of that many pixels leaves an image as it is.
_NO_BLUR = 0.1


def augment_asap(images: Tensor, size: int, generator: torch.Generator, strength: str = "full") -> Tensor:
    """Return changed images, float32 (b, c, size, size) in [0, 1], of images (b, c, s, s) in [0, 1].

    ``strength`` is ``full`` (flips, crop, rotation, shift, scale, intensity, noise, blur), ``reference`` (flips, crop
    and intensity only) or ``none`` (resized only).
    """
    if strength == "none":
        return resize(images, size)
    n, full = len(images), strength == "full"
    matrices = _asap_matrices(n, full, generator)
    changed = _draw_some(n, generator)
    brightness = per_image(changed * draw_uniform(n, -_BRIGHTNESS, _BRIGHTNESS, generator), images)
    contrast = per_image(1 + changed * draw_uniform(n, -_CONTRAST, _CONTRAST, generator), images)
    moved = scale_about_mean(resample(images, matrices, (size, size)), contrast, shift=brightness)
    if full:
        deviation = _draw_some(n, generator) * draw_uniform(n, 0, _NOISE, generator)
        moved = add_noise(moved, deviation, _draw_noise(moved, generator))
        moved = blur(moved, _NO_BLUR + _draw_some(n, generator) * draw_uniform(n, 0, _BLUR, generator))
    return moved.clamp(0, 1)


def _asap_matrices(n: int, full: bool, generator: torch.Generator) -> Tensor:
    """Flips and random crops, with rotation, shift and scale where ``full``, as matrices (n, 2, 3)."""
    side = draw_uniform(n, *_CROP, generator)
    centre = _draw_places(n, generator) * (1 - side)[:, None]
    angle = torch.zeros(n)
    if full:
        moved = _draw_some(n, generator)
        angle = moved * draw_uniform(n, -_ROTATE, _ROTATE, generator) * math.pi / 180
        side = side * (1 + moved * draw_uniform(n, -_SCALE, _SCALE, generator))
        centre = centre + moved[:, None] * _draw_places(n, generator) * 2 * _SHIFT
    flips = 1 - 2 * (torch.rand(n, 2, generator=generator) < 0.5).float()
    return similarity_matrices(angle, side, centre, flips)


# ---- segmentation --------------------------------------------------------------------------------------------------

#: Degrees of rotation beyond the eight symmetries of the square; logarithm of the zoom; shift, as a share of the side.
_FREE_ROTATION, _ZOOM, _FREE_SHIFT = 30.0, math.log(1.4), 0.1
#: Largest shift of brightness; relative change of contrast; logarithm of gamma; relative change of one colour channel.
_SHIFT_OF_BRIGHTNESS, _GAIN, _GAMMA, _COLOUR = 0.15, 0.3, 0.3, 0.1
#: Largest standard deviation of noise, intensities in [0, 1].
_GRAIN = 0.03


def augment_segmentation(both: Tensor, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return changed images (b, 3, size, size) in [0, 1] and their masks (b, size, size) of 0 and 1, float32.

    ``both`` is (b, 4, w, w): three channels of image in [0, 1], and the mask. Image and mask go through the same
    resampling: the eight symmetries, rotation, zoom and shift; then gamma, contrast, brightness, colour and noise of
    the images.
    """
    moved = resample(both, segmentation_matrices(len(both), size, both.shape[-1], generator), (size, size))
    return _change_intensity(moved[:, :3], generator), (moved[:, 3] > 0.5).float()


def augment_transfer(both: Tensor, size: int, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return images (b, 3, size, size) in [0, 1] and masks as ``augment_segmentation``, changed further.

    For networks that are applied to images of another origin: zoom from 1/2 to 2; stronger gamma, contrast and
    brightness; gains of the colours, colours mixed, or none; blur and noise. Light never becomes dark.
    """
    matrices = segmentation_matrices(len(both), size, both.shape[-1], generator, zoom=_FAR_ZOOM)
    moved = resample(both, matrices, (size, size))
    return _change_appearance(moved[:, :3], generator), (moved[:, 3] > 0.5).float()


def segmentation_matrices(n: int, size: int, window: int, generator: torch.Generator, *, zoom: float = _ZOOM) -> Tensor:
    """Return matrices (n, 2, 3) for ``resample``: symmetries, rotation, zoom and shift of the segmentation policy.

    ``size`` is the side of the result, ``window`` that of the images from which it is taken. ``zoom`` is the logarithm
    of the largest.
    """
    turned = _draw_some(n, generator) * draw_symmetric(n, _FREE_ROTATION, generator) * math.pi / 180
    angle = turned + torch.randint(4, (n,), generator=generator) * (math.pi / 2)
    scale = torch.exp(_draw_some(n, generator) * draw_symmetric(n, zoom, generator)) * size / window
    # As far as the zoomed patch can go inside the window, and a little further.
    room = (1 - scale).clamp(min=0) + 2 * _FREE_SHIFT * size / window
    centre = torch.stack([draw_symmetric(n, 1, generator) * room for _ in range(2)], dim=1)
    return similarity_matrices(angle, scale, centre, _draw_mirrors(n, generator))


def _change_intensity(images: Tensor, generator: torch.Generator) -> Tensor:
    """Gamma, contrast about the mean, brightness, colour and noise; each for about half of the images."""
    n = len(images)

    def draw(most: float, channels: int = 1) -> Tensor:
        values = torch.rand(n, channels, generator=generator) * 2 * most - most
        return (values * _draw_some(n, generator)[:, None])[:, :, None, None].to(images.device)

    gamma, contrast, colour = draw(_GAMMA), draw(_GAIN), draw(_COLOUR, 3)
    brightness = draw(_SHIFT_OF_BRIGHTNESS)
    noise = _draw_noise(images, generator)
    # Above 0: the gradient of a power is infinite there.
    images = images.clamp(1e-6, 1) ** torch.exp(gamma)
    images = scale_about_mean(images, 1 + contrast, 1 + colour, shift=brightness)
    return images.add_(noise.to(images.device) * draw(_GRAIN)).clamp_(0, 1)


# ---- segmentation of images of another origin ------------------------------------------------------------------------

#: Logarithm of the zoom, and of gamma; relative change of contrast; shift of brightness; relative gain of a colour.
_FAR_ZOOM, _FAR_GAMMA, _FAR_CONTRAST, _FAR_BRIGHTNESS, _FAR_COLOUR = math.log(2), math.log(2), 0.5, 0.25, 0.4
#: Largest share of each colour that comes from others; share of images that lose all colour.
_MIXED, _GRAYED = 0.7, 0.2
#: Largest standard deviations of blur (pixels) and of noise (intensity in [0, 1]).
_FAR_BLUR, _FAR_GRAIN = 1.5, 0.08
#: Powers above 1 make a mixture of three colours mostly one of them.
_PEAKED = 4


def _change_appearance(images: Tensor, generator: torch.Generator) -> Tensor:
    """Colours, gamma, contrast, brightness, blur and noise; each of about half of the images."""
    n = len(images)

    def draw(most: float, channels: int = 1) -> Tensor:
        values = torch.rand(n, channels, generator=generator) * 2 * most - most
        return (values * _draw_some(n, generator)[:, None])[:, :, None, None].to(images.device)

    colours = _mixing_matrices(n, generator).to(images.device)
    gray = draw_flags(n, generator, _GRAYED)
    gamma, contrast, gain, brightness = (
        draw(most, channels)
        for most, channels in ((_FAR_GAMMA, 1), (_FAR_CONTRAST, 1), (_FAR_COLOUR, 3), (_FAR_BRIGHTNESS, 1))
    )
    softness = _draw_some(n, generator) * draw_uniform(n, 0, _FAR_BLUR, generator)
    grain = _draw_some(n, generator) * draw_uniform(n, 0, _FAR_GRAIN, generator)
    noise = _draw_noise(images, generator)
    images = to_gray(torch.einsum("nij,njhw->nihw", colours, images), gray)
    # Above 0: the gradient of a power is infinite there.
    images = images.clamp(1e-6, 1) ** torch.exp(gamma)
    images = scale_about_mean(images * (1 + gain), 1 + contrast, shift=brightness)
    return add_noise(blur(images, softness), grain, noise).clamp_(0, 1)


def _mixing_matrices(n: int, generator: torch.Generator) -> Tensor:
    """Matrices (n, 3, 3) that mix the colours of about half of the images; rows add up to 1: gray stays gray."""
    others = torch.rand(n, 3, 3, generator=generator) ** _PEAKED
    others = others / others.sum(dim=2, keepdim=True)
    share = (_draw_some(n, generator) * draw_uniform(n, 0, _MIXED, generator))[:, None, None]
    return (1 - share) * torch.eye(3) + share * others


# ---- classification ------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Extent:
    """How far images that are classified are changed, at most.

    Parameters
    ----------
    turn : degrees. ``zoom`` : logarithm. ``shift`` : share of the side. Half of the images are mirrored left to right.
    brightness : shift of intensities in [0, 1]. ``contrast`` : relative change.
    """

    turn: float
    shift: float
    zoom: float = 0.0
    brightness: float = 0.0
    contrast: float = 0.0


#: ``small`` is that of van den Brandt et al. 2021. Upside down is left out of both: organs have an upper side.
EXTENTS = {
    "small": Extent(turn=10, shift=0.1),
    "usual": Extent(turn=15, shift=0.1, zoom=math.log(1.15), brightness=0.1, contrast=0.2),
}


def augment_classification(images: Tensor, generator: torch.Generator, strength: str = "usual") -> Tensor:
    """Return changed images (b, c, s, s) in [0, 1]; ``strength`` is a name in ``EXTENTS``, or ``none``, else KeyError.

    Images are mirrored, turned, zoomed and shifted, then changed in contrast and brightness.
    """
    if strength == "none":
        return images
    extent, n = EXTENTS[strength], len(images)
    matrices = _classification_matrices(n, extent, generator)
    moved = resample(images, matrices, (images.shape[-1], images.shape[-1]))
    if not extent.brightness and not extent.contrast:
        return moved
    contrast, brightness = (
        per_image(draw_symmetric(n, most, generator), images) for most in (extent.contrast, extent.brightness)
    )
    return scale_about_mean(moved, 1 + contrast, shift=brightness).clamp_(0, 1)


def _classification_matrices(n: int, extent: Extent, generator: torch.Generator) -> Tensor:
    angle = draw_symmetric(n, math.radians(extent.turn), generator)
    scale = torch.exp(draw_symmetric(n, extent.zoom, generator))
    # Sides run from -1 to 1.
    shift = torch.stack([draw_symmetric(n, 2 * extent.shift, generator) for _ in range(2)], dim=1)
    return similarity_matrices(angle, scale, shift, _draw_mirrors(n, generator))


# ---- draws that several policies share -----------------------------------------------------------------------------


def _draw_some(n: int, generator: torch.Generator) -> Tensor:
    """1 for about half of the images, else 0; float32 (n,)."""
    return draw_flags(n, generator).float()


def _draw_places(n: int, generator: torch.Generator) -> Tensor:
    """Points x, y in [-1, 1), float32 (n, 2)."""
    return 2 * torch.rand(n, 2, generator=generator) - 1


def _draw_mirrors(n: int, generator: torch.Generator) -> Tensor:
    """-1 along x for about half of the images, which mirrors them left to right; else 1. Float32 (n, 2)."""
    mirrored = 1 - 2 * _draw_some(n, generator)
    return torch.stack([mirrored, torch.ones_like(mirrored)], dim=1)


def _draw_noise(images: Tensor, generator: torch.Generator) -> Tensor:
    return torch.randn(images.shape, generator=generator)
