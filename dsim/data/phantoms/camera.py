"""From a scene to a stored image: one camera for all modalities, whose settings are the style knobs."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsim.data.phantoms.fields import Image, blur, ellipse, grid
from dsim.data.phantoms.knobs import Content, Style
from dsim.data.phantoms.paint import Mask

#: A deep image is stored as a camera would: an offset, and far from the full range, so that it shows whether a reader
#: scales by what is there.
DEEP_OFFSET, DEEP_RANGE = 200, 16_000


@dataclass(frozen=True)
class Sitting:
    """What a modality is asked to draw. Each random stream serves one purpose, so that one knob moves one thing.

    Parameters
    ----------
    size : side of the image, pixels.
    label : the class that must be visible.
    layout : draws what is where. ``surface`` draws texture. ``patient`` is the same for all images of a group.
    """

    size: int
    label: str
    style: Style
    content: Content
    layout: np.random.Generator
    surface: np.random.Generator
    patient: np.random.Generator


@dataclass(frozen=True)
class Scene:
    """What lies before the camera.

    Parameters
    ----------
    pixels : float32 (H, W) or (H, W, 3), about [0, 1].
    mask : uint8 (H, W), 255 within the objects.
    aperture : float32 (H, W) in [0, 1]: what the instrument sees; the rest stays black. None if it sees all.
    """

    pixels: Image
    mask: Mask
    aperture: Image | None = None


def expose(scene: Scene, style: Style, patient: np.random.Generator, sensor: np.random.Generator) -> Image:
    """Take the picture: tone, contrast, light, blur, noise; float32 (H, W, C) in [0, 1]."""
    pixels = scene.pixels if scene.pixels.ndim == 3 else scene.pixels[..., None]
    size = len(pixels)
    aperture = np.ones((size, size, 1), np.float32) if scene.aperture is None else scene.aperture[..., None]
    pixels = _tone(np.clip(pixels, 0, 1), style.colour)
    pixels = _stretch(pixels, style.contrast, aperture)
    pixels = pixels * _light(patient, size, style.illumination)[..., None]
    pixels = blur(pixels, style.blur * 0.03 * size)
    pixels = pixels + _noise(sensor, pixels, style.noise)
    picture: Image = np.clip(pixels * aperture, 0, 1)
    return picture


def store(pixels: Image, depth: int) -> NDArray[np.uint8] | NDArray[np.uint16]:
    """Intensities in [0, 1] as uint8 (depth 8), or as uint16 with an offset and headroom (depth 16)."""
    if depth == 8:
        return np.round(pixels * 255).astype(np.uint8)
    return np.round(DEEP_OFFSET + pixels * DEEP_RANGE).astype(np.uint16)


def _tone(pixels: Image, colour: float) -> Image:
    """Bend the tone curves: red up and blue down for warm; the one curve of a gray image up for light."""
    if colour == 0:
        return pixels
    bend = np.array([-1.0, 0.0, 1.0] if pixels.shape[2] == 3 else [-1.0], np.float32)
    bent: Image = pixels ** np.exp2(0.8 * colour * bend)
    return bent


def _stretch(pixels: Image, contrast: float, aperture: Image) -> Image:
    """Scale the spread about the mean of what the instrument sees."""
    if contrast == 0:
        return pixels
    mean = (pixels * aperture).sum((0, 1)) / max(float(aperture.sum()), 1.0)
    stretched: Image = np.clip(mean + (pixels - mean) * 2.0**contrast, 0, 1)
    return stretched


def _light(patient: np.random.Generator, size: int, strength: float) -> Image:
    """Uneven light: a vignette about an off-centre point and a gradient, of mean about 1."""
    y, x = grid(size)
    vignette = ellipse(size, patient.uniform(0.3, 0.7, 2).tolist(), (0.7, 0.7)) ** 2
    direction = patient.uniform(0, 2 * np.pi)
    ramp = (y - 0.5) * float(np.sin(direction)) + (x - 0.5) * float(np.cos(direction))
    light: Image = np.clip(1 + strength * (0.25 - 0.75 * vignette + 0.7 * ramp), 0.05, 1.6)
    return light


def _noise(sensor: np.random.Generator, pixels: Image, strength: float) -> Image:
    """Read-out and photon noise: the variance grows with the signal."""
    grains = sensor.standard_normal(pixels.shape, dtype=np.float32)
    noise: Image = grains * 0.2 * strength * np.sqrt(0.2 + 0.8 * np.clip(pixels, 0, 1))
    return noise
