"""From a scene to a stored image: knobs of style and content, and one camera for all modalities."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dsim.data.phantoms.paint import Image, Mask, blur, ellipse, grid
from dsim.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from typing import Self


#: Knobs that have a neutral middle and two directions; all others run from none to full.
_SIGNED = frozenset({"colour", "contrast"})


@dataclass(frozen=True)
class _Knobs:
    """Settings in [0, 1] or [-1, 1]: checked, moved along a straight way, and compared by their distance."""

    def __post_init__(self) -> None:
        for name, value in self.values().items():
            low = -1.0 if name in _SIGNED else 0.0
            if not (math.isfinite(value) and low <= value <= 1.0):
                raise UsageError(
                    f"knob {name!r} must lie in [{low:g}, 1], not {value!r}", hint=f"turn it to {low:g}..1"
                )

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """Return the names of the knobs, in a fixed order."""
        return tuple(field.name for field in fields(cls))

    def values(self) -> dict[str, float]:
        """Return the value of each knob by its name."""
        return {name: float(value) for name, value in asdict(self).items()}

    def turned(self, settings: Mapping[str, float]) -> Self:
        """Return the same with some knobs set.

        Raises UnknownNameError for a knob of another name, UsageError for one out of its range.
        """
        for name in settings:
            if name not in self.names():
                raise UnknownNameError("knob", name, self.names(), hint=f"knobs are: {', '.join(self.names())}")
        return replace(self, **{name: float(value) for name, value in settings.items()})

    def moved(self, goal: Self, share: float) -> Self:
        """Return the point at this share (0 to 1) of the straight way to the goal."""
        here, there = self.values(), goal.values()
        return replace(self, **{name: here[name] + share * (there[name] - here[name]) for name in here})

    def distance(self, other: Self) -> float:
        """Return the Euclidean distance between two settings."""
        here, there = self.values(), other.values()
        return math.dist(list(here.values()), list(there.values()))


@dataclass(frozen=True)
class Style(_Knobs):
    """How an image looks; turning these never changes a mask or a label.

    Parameters
    ----------
    colour : -1 cold to 1 warm; for gray images -1 dark to 1 light (a bent tone curve; black and white stay).
    contrast : -1 halves and 1 doubles the spread of intensities about their mean.
    texture : 0 smooth surfaces to 1 coarse ones; 0.5 is natural.
    noise : 0 none to 1, a standard deviation of a fifth of the range at full brightness.
    blur : 0 none to 1, a Gaussian of 3 % of the side.
    illumination : 0 even to 1, a vignette with a gradient that is shared by the images of a group.

    Raises UsageError for a knob out of its range.

    >>> Style(blur=0).turned({"blur": 1}).distance(Style(blur=0))
    1.0
    """

    colour: float = 0.0
    contrast: float = 0.0
    texture: float = 0.5
    noise: float = 0.15
    blur: float = 0.15
    illumination: float = 0.2

    @property
    def grain(self) -> float:
        """Amplitude of surface texture relative to the natural one: 0 to 2."""
        return 2.0 * self.texture


@dataclass(frozen=True)
class Content(_Knobs):
    """The knobs of an image's content.

    Parameters
    ----------
    shape : 0 round and regular to 1 elongated and ragged.
    scale : 0 to 1: objects from half to twice their natural size.
    density : 0 to 1: from a third to three times the natural number of objects.

    Raises UsageError for a knob out of its range.

    >>> Content(scale=1.0).growth, Content(density=0.0).amount
    (2.0, 0.3333333333333333)
    """

    shape: float = 0.3
    scale: float = 0.5
    density: float = 0.5

    @property
    def growth(self) -> float:
        """Size of objects relative to the natural one: 1/2 to 2."""
        return float(2.0 ** (2.0 * self.scale - 1.0))

    @property
    def amount(self) -> float:
        """Number of objects relative to the natural one: 1/3 to 3."""
        return float(3.0 ** (2.0 * self.density - 1.0))


#: A deep image is stored as a camera would: an offset, and far from the full range, so that it shows whether a reader
#: scales by what is there.
DEEP_OFFSET, DEEP_RANGE = 200, 16_000


@dataclass(frozen=True)
class Sitting:
    """The task of drawing one scene, (size, size) or (size, size, 3).

    Each random stream serves one purpose, so that one knob moves one thing.

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
    """The scene before the camera.

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
    """Return the picture of a scene, float32 (H, W, C) in [0, 1], with tone, contrast, light, blur and noise."""
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
    """Return intensities (h, w, c) in [0, 1] as uint8 (depth 8), or uint16 with an offset and headroom (depth 16)."""
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
