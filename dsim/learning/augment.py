"""Changes of whole batches of images, each image by parameters of its own, and the draws of these parameters.

All operations take images (b, c, h, w), float, in [0, 1], and parameters with one entry per image; they draw nothing.
Each equals torchvision's function on one image within rounding. Functions ``draw_...`` draw parameters, from the given
generator only; ``dsim.learning.policies`` combines both.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn.functional import affine_grid, conv2d, grid_sample, interpolate, pad

from dsim.errors import UsageError

#: A colour: one number for all channels, (c,), or (b, c) with one colour per image.
Colour = float | Tensor
#: Weights of red, green and blue in a gray image (ITU-R 601, as torchvision has them).
LUMA = (0.2989, 0.587, 0.114)


# ---- geometry ------------------------------------------------------------------------------------------------------


def resize(images: Tensor, size: int) -> Tensor:
    """Return images (b, c, size, size), bilinear and antialiased; the same tensor where the width is ``size``."""
    if images.shape[-1] == size:
        return images
    return interpolate(images, size=(size, size), mode="bilinear", antialias=True)


def crop_and_resize(images: Tensor, boxes: Tensor, size: int, interpolation: str = "bilinear") -> Tensor:
    """Return crops (b, c, size, size), antialiased: torchvision's ``resized_crop``, with another box for each image.

    Parameters
    ----------
    boxes : int (b, 4), top, left, height and width in pixels, inside the image.
    interpolation : ``bilinear`` or ``bicubic`` (values can then leave [0, 1] a little).

    Raises UsageError for another interpolation.
    """
    if interpolation not in RESIZING_KERNELS:
        raise UsageError(f"there is no interpolation {interpolation!r}", hint=f"use {' or '.join(RESIZING_KERNELS)}")
    top, left, height, width = boxes.to(images.device).float().unbind(1)
    rows = _resampling_weights(top, height, images.shape[2], size, interpolation).to(images.dtype)
    columns = _resampling_weights(left, width, images.shape[3], size, interpolation).to(images.dtype)
    return rows[:, None] @ images @ columns[:, None].mT


def flip(images: Tensor, horizontal: Tensor, vertical: Tensor | None = None) -> Tensor:
    """Return images mirrored left to right, and upside down, where the flags, bool (b,), are set."""
    images = choose(horizontal, images.flip(-1), images)
    return images if vertical is None else choose(vertical, images.flip(-2), images)


def rotate_quarters(images: Tensor, turns: Tensor) -> Tensor:
    """Return square images (b, c, s, s) turned counter-clockwise by 90 degrees ``turns`` times, int (b,).

    Raises UsageError where images are not square.
    """
    if images.shape[-1] != images.shape[-2]:
        shape = f"{images.shape[-2]} x {images.shape[-1]}"
        raise UsageError(f"images of {shape} pixels cannot be turned by 90 degrees in a batch", hint="crop them first")
    for turn in (1, 2, 3):
        images = choose(turns % 4 == turn, images.rot90(turn, (-2, -1)), images)
    return images


def rotate(images: Tensor, degrees: Tensor, fill: Colour = 0.0) -> Tensor:
    """Return images turned counter-clockwise about their centre by ``degrees`` (b,), bilinear; beyond them ``fill``."""
    return affine(images, -degrees, fill=fill)


def affine(
    images: Tensor,
    degrees: Tensor,
    shift: Tensor | None = None,
    scale: Tensor | None = None,
    shear: Tensor | None = None,
    fill: Colour = 0.0,
) -> Tensor:
    """Return images turned, sheared, scaled and shifted about their centre: torchvision's ``affine``, bilinear.

    Parameters
    ----------
    degrees : (b,), clockwise. ``shift`` : (b, 2), pixels to the right and down. ``scale`` : (b,), above 1 enlarges.
    shear : (b, 2), degrees along x and y. ``fill`` : the colour beyond the image.
    """
    height, width = images.shape[2:]
    angle = torch.deg2rad(degrees)
    across, along = torch.deg2rad(torch.zeros(len(images), 2) if shear is None else shear).unbind(1)
    # Rotation times shear, inverted: grids say where each pixel of the result comes from.
    a, c = torch.cos(angle - along) / torch.cos(along), torch.sin(angle - along) / torch.cos(along)
    b, d = -a * torch.tan(across) - torch.sin(angle), -c * torch.tan(across) + torch.cos(angle)
    inverse = torch.stack([d, -b, -c, a], dim=1).view(-1, 2, 2)
    inverse = inverse if scale is None else inverse / scale[:, None, None]
    moved = torch.zeros(len(images), 2, 1) if shift is None else -(inverse @ shift.to(inverse.dtype)[:, :, None])
    # From pixels to sides that run from -1 to 1.
    halves = torch.tensor([width / 2, height / 2])
    matrices = torch.cat([inverse * halves[None, None, :], moved], dim=2) / halves[None, :, None]
    return resample(images, matrices, (height, width), fill=fill)


def similarity_matrices(angle: Tensor, scale: Tensor, shift: Tensor, flips: Tensor) -> Tensor:
    """Return matrices (b, 2, 3) for ``resample`` that turn, zoom, mirror and shift what is seen.

    Parameters
    ----------
    angle : (b,), radians. ``scale`` : (b,), above 1 shows more. ``shift`` : (b, 2), x and y; sides run from -1 to 1.
    flips : (b, 2), 1 or -1 for x and y.
    """
    cosine, sine = torch.cos(angle) * scale, torch.sin(angle) * scale
    linear = torch.stack([cosine, -sine, sine, cosine], dim=1).view(-1, 2, 2) * flips[:, None, :]
    return torch.cat([linear, shift[:, :, None]], dim=2)


def resample(images: Tensor, matrices: Tensor, shape: tuple[int, int], fill: Colour | None = None) -> Tensor:
    """Return images (b, c, *shape), bilinear, whose pixels come from where ``matrices`` (b, 2, 3) send them.

    Sides run from -1 to 1. Beyond the border the image is mirrored, or of the colour ``fill``.
    """
    grid = affine_grid(matrices.to(images.device), [*images.shape[:2], *shape], align_corners=False)
    if fill is None:
        return grid_sample(images, grid, mode="bilinear", padding_mode="reflection", align_corners=False)
    inside = images.new_ones(len(images), 1, *images.shape[2:])
    both = grid_sample(torch.cat([images, inside], dim=1), grid, padding_mode="zeros", align_corners=False)
    # A pixel across the border is weighted by its share inside twice, as torchvision weights it.
    return both[:, :-1] * both[:, -1:] + (1 - both[:, -1:]) * _planes_of(fill, images)


# ---- intensity and colour ------------------------------------------------------------------------------------------


def scale_about_mean(images: Tensor, *gains: Tensor, shift: Tensor) -> Tensor:
    """Return (image - mean) times all ``gains``, plus mean and ``shift``: contrast about each image's own mean.

    ``gains`` and ``shift`` broadcast against images, such as (b, 1, 1, 1). Values can leave [0, 1].
    """
    mean = images.mean(dim=(1, 2, 3), keepdim=True)
    changed = images - mean
    for gain in gains:
        changed = changed * gain
    return changed + mean + shift


def adjust_brightness(images: Tensor, factor: Tensor) -> Tensor:
    """Return images (b, c, h, w) times ``factor`` (b,), in [0, 1]."""
    return (images * per_image(factor, images)).clamp(0, 1)


def adjust_contrast(images: Tensor, factor: Tensor) -> Tensor:
    """Return images (b, c, h, w) whose contrast about the mean of their gray image is times ``factor`` (b,)."""
    return _blend(images, _gray(images).mean(dim=(1, 2, 3), keepdim=True), factor)


def adjust_saturation(images: Tensor, factor: Tensor) -> Tensor:
    """Return images (b, 3, h, w) whose differences from gray are times ``factor`` (b,); gray images as they are."""
    return images if images.shape[1] == 1 else _blend(images, _gray(images), factor)


def adjust_hue(images: Tensor, shift: Tensor) -> Tensor:
    """Return RGB images (b, 3, h, w) whose hue is turned by ``shift`` (b,), in [-0.5, 0.5]; gray images as they are."""
    if images.shape[1] == 1:
        return images
    hue, saturation, value = _hue_saturation_value(images)
    sector = 6 * ((hue + per_image(shift, images)) % 1)
    ramps = (torch.tensor([5.0, 3.0, 1.0], device=images.device, dtype=images.dtype).view(1, 3, 1, 1) + sector) % 6
    return value - value * saturation * torch.minimum(ramps, 4 - ramps).clamp(0, 1)


class Jitter(NamedTuple):
    """Parameters of ``jitter_colours``: factors and shift of the hue, float (b,), and the order int (b, 4)."""

    brightness: Tensor
    contrast: Tensor
    saturation: Tensor
    hue: Tensor
    order: Tensor


def jitter_colours(images: Tensor, jitter: Jitter) -> Tensor:
    """Return images (b, c, h, w) with other brightness, contrast, saturation and hue, in each image's own order."""
    operations = (adjust_brightness, adjust_contrast, adjust_saturation, adjust_hue)
    images = images.clone()
    for turn in jitter.order.unbind(1):
        for number, (operation, amount) in enumerate(zip(operations, jitter[:4], strict=True)):
            chosen = torch.nonzero(turn == number).flatten()
            if len(chosen):
                target = chosen.to(images.device)
                images[target] = operation(images[target], amount[chosen])
    return images


def to_gray(images: Tensor, flags: Tensor) -> Tensor:
    """Return images (b, c, h, w) that are gray, in all channels alike, where ``flags``, bool (b,), are set."""
    return choose(flags, _gray(images).expand_as(images), images)


def adjust_gamma(images: Tensor, gamma: Tensor) -> Tensor:
    """Return images (b, c, h, w) to the power ``gamma``, (b,) or one that broadcasts, in [0, 1]."""
    return (images ** per_image(gamma, images)).clamp(0, 1)


def solarise(images: Tensor, threshold: Tensor) -> Tensor:
    """Return images (b, c, h, w) whose values from ``threshold`` (b,) up are inverted; above 1 changes nothing."""
    return torch.where(images >= per_image(threshold, images), 1 - images, images)


def add_noise(images: Tensor, deviation: Tensor, noise: Tensor) -> Tensor:
    """Return images plus ``deviation`` (b,) times ``noise`` (b, c, h, w), standard normal; values can leave [0, 1]."""
    return images + per_image(deviation, images) * noise.to(images.device)


def blur(images: Tensor, deviation: Tensor, radius: int = 3) -> Tensor:
    """Return images (b, c, h, w) blurred by Gaussians of ``deviation`` (b,), in pixels, cut off at ``radius``; 0: none.

    Two one-dimensional convolutions, with a group for each channel of each image; mirrored at the border.
    """
    b, c = images.shape[:2]
    offsets = torch.arange(-radius, radius + 1, device=deviation.device)
    kernels = torch.exp(-0.5 * (offsets[None] / deviation.clamp_min(1e-2)[:, None]).square())
    kernels = (kernels / kernels.sum(dim=1, keepdim=True)).repeat_interleave(c, dim=0).to(images.device, images.dtype)
    flat = pad(images.reshape(1, b * c, *images.shape[2:]), [radius] * 4, mode="reflect")
    flat = conv2d(flat, kernels[:, None, None, :], groups=b * c)
    return conv2d(flat, kernels[:, None, :, None], groups=b * c).view_as(images)


def cut_out(images: Tensor, boxes: Tensor, fill: Colour = 0.0) -> Tensor:
    """Return images of the colour ``fill`` inside ``boxes``, int (b, 4): top, left, height and width in pixels.

    A box of height 0 changes nothing.
    """
    top, left, height, width = (edge[:, None] for edge in boxes.to(images.device).unbind(1))
    rows = torch.arange(images.shape[2], device=images.device)[None]
    columns = torch.arange(images.shape[3], device=images.device)[None]
    across, down = (columns >= left) & (columns < left + width), (rows >= top) & (rows < top + height)
    return torch.where((down[:, :, None] & across[:, None, :])[:, None], _planes_of(fill, images), images)


# ---- draws ---------------------------------------------------------------------------------------------------------


def draw_uniform(n: int, low: float, high: float, generator: torch.Generator) -> Tensor:
    """Return draws in [low, high), float32 (n,)."""
    return low + (high - low) * torch.rand(n, generator=generator, device=generator.device)


def draw_symmetric(n: int, most: float, generator: torch.Generator) -> Tensor:
    """Return draws in [-most, most), float32 (n,)."""
    return (2 * torch.rand(n, generator=generator, device=generator.device) - 1) * most


def draw_flags(n: int, generator: torch.Generator, probability: float = 0.5) -> Tensor:
    """Return bool (n,), true with this probability."""
    return torch.rand(n, generator=generator, device=generator.device) < probability


def draw_crops(
    n: int,
    shape: tuple[int, int],
    generator: torch.Generator,
    area: tuple[float, float] = (0.08, 1.0),
    ratio: tuple[float, float] = (3 / 4, 4 / 3),
) -> Tensor:
    """Return boxes, int64 (n, 4): top, left, height and width inside images of ``shape`` (height, width).

    Area (a share of the image) and width / height are drawn as torchvision's ``RandomResizedCrop`` draws them: the
    first of ten draws that fits, else the largest box in the middle whose ratio is allowed.
    """
    draws = torch.rand(n, _TRIALS, 2, generator=generator, device=generator.device)
    place = torch.rand(n, 2, generator=generator, device=generator.device)
    whole = torch.tensor(shape, device=generator.device)
    wanted = (area[0] + (area[1] - area[0]) * draws[..., 0]) * shape[0] * shape[1]
    ratios = torch.exp(math.log(ratio[0]) + math.log(ratio[1] / ratio[0]) * draws[..., 1])
    sides = torch.stack([(wanted / ratios).sqrt(), (wanted * ratios).sqrt()], dim=2).round().long()
    fits = ((sides > 0) & (sides <= whole)).all(dim=2)
    first = sides[torch.arange(n, device=sides.device), fits.int().argmax(dim=1)]
    free = whole - first + 1
    boxes = torch.cat([torch.minimum((place * free).long(), free - 1), first], dim=1)
    return torch.where(fits.any(dim=1)[:, None], boxes, _central_box(shape, ratio).to(boxes.device))


def draw_jitter(
    n: int, generator: torch.Generator, brightness: float, contrast: float, saturation: float, hue: float
) -> Jitter:
    """Return parameters of ``jitter_colours`` for n images: factors in [max(0, 1 - x), 1 + x], hue in [-x, x]."""
    light, range_, colour = (
        draw_uniform(n, max(0.0, 1 - x), 1 + x, generator) for x in (brightness, contrast, saturation)
    )
    shift = draw_symmetric(n, hue, generator)
    order = torch.rand(n, 4, generator=generator, device=generator.device).argsort(dim=1)
    return Jitter(light, range_, colour, shift, order)


# ---- helpers -------------------------------------------------------------------------------------------------------


def choose(flags: Tensor, changed: Tensor, images: Tensor) -> Tensor:
    """Return ``changed`` where ``flags``, bool (b,), are set, else ``images``; both (b, c, h, w)."""
    return torch.where(per_image(flags, images), changed, images)


def per_image(values: Tensor, images: Tensor) -> Tensor:
    """Return values (b,) as (b, 1, 1, 1) on the device of ``images``; values of four axes as they are."""
    return values.to(images.device).view(-1, 1, 1, 1) if values.ndim == 1 else values.to(images.device)


_TRIALS = 10


def _central_box(shape: tuple[int, int], ratio: tuple[float, float]) -> Tensor:
    height, width = shape
    if width / height < ratio[0]:
        height = round(width / ratio[0])
    elif width / height > ratio[1]:
        width = round(height * ratio[1])
    return torch.tensor([(shape[0] - height) // 2, (shape[1] - width) // 2, height, width])


def _planes_of(fill: Colour, images: Tensor) -> Tensor:
    """A colour that broadcasts against ``images``."""
    colour = torch.as_tensor(fill, dtype=images.dtype, device=images.device)
    return colour.view(len(colour) if colour.ndim == 2 else 1, -1, 1, 1)


def _gray(images: Tensor) -> Tensor:
    """Gray images (b, 1, h, w) of images with one or three channels."""
    if images.shape[1] == 1:
        return images
    red, green, blue = images.unbind(1)
    return (LUMA[0] * red + LUMA[1] * green + LUMA[2] * blue)[:, None]


def _blend(images: Tensor, others: Tensor, factor: Tensor) -> Tensor:
    share = per_image(factor, images)
    return (share * images + (1 - share) * others).clamp(0, 1)


def _hue_saturation_value(images: Tensor) -> tuple[Tensor, Tensor, Tensor]:
    """The three of RGB images, each (b, 1, h, w) in [0, 1]."""
    value, low = images.amax(dim=1, keepdim=True), images.amin(dim=1, keepdim=True)
    spread = value - low
    gray = spread == 0
    saturation = spread / torch.where(gray, 1, value)
    red, green, blue = ((value - images) / torch.where(gray, 1, spread)).chunk(3, dim=1)
    is_red, is_green = images[:, :1] == value, images[:, 1:2] == value
    hue = torch.where(is_red, blue - green, torch.where(is_green, 2 + red - blue, 4 + green - red))
    return torch.where(gray, 0, hue / 6) % 1, saturation, value


def _triangle(x: Tensor) -> Tensor:
    return (1 - x.abs()).clamp_min(0)


def _cubic(x: Tensor) -> Tensor:
    """The cubic kernel of antialiased resizing (a = -0.5: Keys 1981, doi:10.1109/TASSP.1981.1163711).

    Written as truncated powers, which takes no branch.
    """
    x = x.abs()
    far, near = (2 - x).clamp_min_(0), (1 - x).clamp_min_(0)
    return (far - 1).mul_(0.5).mul_(far).mul_(far) + (1 - 2 * near).mul_(near).mul_(near)


#: Kernels of resizing by name, functions of the distance in pixels.
RESIZING_KERNELS: dict[str, Callable[[Tensor], Tensor]] = {"bilinear": _triangle, "bicubic": _cubic}


def _resampling_weights(start: Tensor, length: Tensor, pixels: int, size: int, interpolation: str) -> Tensor:
    """Weights (b, size, pixels) of an image's rows or columns in each row or column of the resized crop."""
    step = length / size
    width = step.clamp_min(1)  # the kernel widens where the crop is reduced
    centres = step[:, None] * (torch.arange(size, device=start.device) + 0.5)
    places = torch.arange(pixels, device=start.device)[None] - start[:, None] + 0.5
    weights = RESIZING_KERNELS[interpolation]((places[:, None, :] - centres[:, :, None]) / width[:, None, None])
    inside = (places > 0) & (places < length[:, None])
    weights = weights * inside[:, None, :]
    return weights / weights.sum(dim=2, keepdim=True)
