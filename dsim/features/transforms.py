"""From pixels to the tensor a network or a measure takes: versioned, named by a text, the same on every machine.

The channel policy of all transforms: one channel is repeated where three are wanted; three become one by ITU-R 601
luma, in float; any other number becomes one by the mean over channels.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import numpy as np
from numpy.typing import NDArray

from dsim.errors import DataError, UnknownNameError, UsageError
from dsim.registry import format_bracketed, parse_bracketed

FILTERS = ("nearest", "box", "bilinear", "hamming", "bicubic", "lanczos")
MODES = ("center", "squash")
_LUMA = np.array([0.299, 0.587, 0.114], dtype=np.float32)
_IMAGENET_MEAN = (0.485, 0.456, 0.406)
_IMAGENET_STD = (0.229, 0.224, 0.225)


class Transform(Protocol):
    """A function of one image, (H, W, C) to float32 (c, h, w).

    Equal ids mean equal results, so the id enters every cache key.
    """

    @property
    def id(self) -> str:
        """Canonical text: ``name@version[option=value,...]``."""

    def apply(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        """Return float32 (c, h, w) of pixels (H, W, C), uint8 or float32 in [0, 1]; raises DataError without pixels."""


@dataclass(frozen=True)
class Square:
    """Resize to ``side`` x ``side`` pixels ignoring the aspect, antialiased; values in [0, 1].

    Raises UsageError for a wrong option.

    Parameters
    ----------
    side : height and width of the result, pixels.
    channels : 1 or 3.
    filter : one of ``FILTERS``; the kernel widens with the reduction, except for nearest.
    minmax : stretch each image, all channels together, to fill [0, 1]; a constant image becomes 0.

    >>> Square(64).id
    'square@1[channels=3,side=64]'
    >>> Square(2, channels=1).apply(np.full((5, 7, 1), 255, np.uint8)).tolist()
    [[[1.0, 1.0], [1.0, 1.0]]]
    """

    side: int
    channels: int = 3
    filter: str = "bilinear"
    minmax: bool = False

    def __post_init__(self) -> None:
        _require(self.side >= 1, f"side must be at least 1, not {self.side}")
        _require(self.channels in (1, 3), f"channels must be 1 or 3, not {self.channels}")
        _require_choice("filter", self.filter, FILTERS)

    @property
    def id(self) -> str:
        options = {"channels": str(self.channels), "side": str(self.side)}
        if self.filter != "bilinear":
            options["filter"] = self.filter
        if self.minmax:
            options["minmax"] = "true"
        return format_bracketed("square@1", options)

    def apply(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        resized = _resize(_reduce_channels(pixels, self.channels), (self.side, self.side), self.filter)
        tensor = _planes(resized)
        if self.minmax:
            tensor = _stretch(tensor)
        return _repeat_channels(tensor, self.channels)


@dataclass(frozen=True)
class NetworkInput:
    """The evaluation transform of timm and torchvision: resize, crop the centre, standardise.

    Equal to theirs to the bit on 8-bit RGB images. Pixels (H, W, C) become float32 (c, side, side). Raises UsageError
    for a wrong option.

    Parameters
    ----------
    side : height and width of the crop, pixels.
    resize : length of the shorter edge before the crop, at least ``side``.
    mean, std : one per channel, in units of [0, 1] intensity; their number, 1 or 3, is the number of channels.
    filter : one of ``FILTERS``.
    mode : ``center`` keeps the aspect; ``squash`` resizes both edges to ``resize``.

    >>> NetworkInput(224, 235, mean=(0.5,), std=(0.5,)).id
    'network@1[filter=bicubic,mean=0.5,resize=235,side=224,std=0.5]'
    """

    side: int = 224
    resize: int = 256
    mean: tuple[float, ...] = _IMAGENET_MEAN
    std: tuple[float, ...] = _IMAGENET_STD
    filter: str = "bicubic"
    mode: str = "center"

    def __post_init__(self) -> None:
        _require(1 <= self.side <= self.resize, f"side {self.side} must lie between 1 and resize {self.resize}")
        _require(len(self.mean) == len(self.std), f"mean has {len(self.mean)} channels but std {len(self.std)}")
        _require(len(self.mean) in (1, 3), f"mean must have 1 or 3 channels, not {len(self.mean)}")
        _require(all(s > 0 for s in self.std), f"std must be positive, not {self.std}")
        _require_choice("filter", self.filter, FILTERS)
        _require_choice("mode", self.mode, MODES)

    @property
    def id(self) -> str:
        options = {
            "filter": self.filter,
            "mean": "/".join(map(repr, self.mean)),
            "resize": str(self.resize),
            "side": str(self.side),
            "std": "/".join(map(repr, self.std)),
        }
        if self.mode != "center":
            options["mode"] = self.mode
        return format_bracketed("network@1", options)

    def apply(self, pixels: NDArray[Any]) -> NDArray[np.float32]:
        channels = len(self.mean)
        reduced = _reduce_channels(pixels, channels)
        resized = _resize(reduced, self._resized_shape(*reduced.shape[:2]), self.filter)
        # Not in place: planes of a float image may be the caller's own.
        standardised = _planes(self._crop(resized)) - np.array(self.mean, dtype=np.float32)[:, None, None]
        standardised /= np.array(self.std, dtype=np.float32)[:, None, None]
        return standardised

    def _resized_shape(self, height: int, width: int) -> tuple[int, int]:
        if self.mode == "squash":
            return self.resize, self.resize
        if width <= height:
            return int(self.resize * height / width), self.resize
        return self.resize, int(self.resize * width / height)

    def _crop(self, pixels: NDArray[Any]) -> NDArray[Any]:
        top, left = (round((length - self.side) / 2) for length in pixels.shape[:2])
        return pixels[top : top + self.side, left : left + self.side]


def parse_transform(text: str) -> Transform:
    """Return the transform of an id: ``parse_transform(t.id) == t``; raises UnknownNameError or UsageError for others.

    >>> parse_transform("square@1[channels=1,side=16]")
    Square(side=16, channels=1, filter='bilinear', minmax=False)
    """
    head, options = parse_bracketed(text)
    if head not in _KINDS:
        raise UnknownNameError("transform", head, _KINDS, hint=f"known are: {', '.join(_KINDS)}")
    build, required = _KINDS[head]
    for name in required - options.keys():
        raise UsageError(f"transform {text!r} lacks {name!r}", hint=f"write {head}[{name}=...]")
    return build(**{name: _read_option(head, name, value) for name, value in options.items()})


def _read_bool(text: str) -> bool:
    if text not in ("true", "false"):
        raise ValueError(text)
    return text == "true"


def _read_floats(text: str) -> tuple[float, ...]:
    values = tuple(float(part) for part in text.split("/"))
    if not all(map(math.isfinite, values)):
        raise ValueError(text)
    return values


_KINDS: Mapping[str, tuple[Callable[..., Transform], frozenset[str]]] = {
    "square@1": (Square, frozenset({"side"})),
    "network@1": (NetworkInput, frozenset({"side", "resize"})),
}
_OPTIONS: Mapping[str, Mapping[str, Callable[[str], Any]]] = {
    "square@1": {"side": int, "channels": int, "filter": str, "minmax": _read_bool},
    "network@1": {
        "side": int,
        "resize": int,
        "mean": _read_floats,
        "std": _read_floats,
        "filter": str,
        "mode": str,
    },
}

_EXAMPLES = {"mean": "0.5/0.5/0.5", "std": "0.5/0.5/0.5", "minmax": "true"}


def _read_option(head: str, name: str, text: str) -> Any:
    if name not in _OPTIONS[head]:
        hint = f"it takes: {', '.join(_OPTIONS[head])}"
        raise UnknownNameError(f"option of transform {head!r}", name, _OPTIONS[head], hint=hint)
    try:
        return _OPTIONS[head][name](text)
    except ValueError:
        cause = f"option {name!r} of transform {head!r} cannot be {text!r}"
        raise UsageError(cause, hint=f"write {name}={_EXAMPLES.get(name, '224')}") from None


def _reduce_channels(pixels: NDArray[Any], channels: int) -> NDArray[Any]:
    """Pixels (H, W, C) with C either one or ``channels``; a single channel is repeated only after resizing."""
    if pixels.ndim != 3 or 0 in pixels.shape:
        raise DataError(f"an image of shape {pixels.shape} has no pixels", hint="give (height, width, channels)")
    count = pixels.shape[2]
    if count in (1, channels):
        return pixels
    if count == 3:
        return (_unit(pixels) @ _LUMA)[:, :, None]
    mean: NDArray[np.float32] = _unit(pixels).mean(axis=2, keepdims=True)
    return mean


def _repeat_channels(tensor: NDArray[np.float32], channels: int) -> NDArray[np.float32]:
    return tensor if len(tensor) == channels else np.repeat(tensor, channels, axis=0)


def _planes(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """(H, W, c) to contiguous float32 (c, H, W) in [0, 1]; bytes are moved while they are still small."""
    return _unit(np.ascontiguousarray(np.moveaxis(pixels, 2, 0)))


def _unit(pixels: NDArray[Any]) -> NDArray[np.float32]:
    """Intensities as float32 in [0, 1]."""
    if pixels.dtype == np.uint8:
        pixels = np.divide(pixels, np.float32(255), dtype=np.float32)
    return np.asarray(pixels, dtype=np.float32)


def _resize(pixels: NDArray[Any], shape: tuple[int, int], filter_name: str) -> NDArray[Any]:
    """Resample (H, W, c) to ``shape`` = (height, width), antialiased; uint8 stays uint8."""
    from PIL import Image

    if pixels.shape[:2] == shape:
        return pixels
    size, filter_ = (shape[1], shape[0]), Image.Resampling[filter_name.upper()]
    if pixels.dtype == np.uint8:
        image = Image.fromarray(np.ascontiguousarray(pixels.squeeze(2) if pixels.shape[2] == 1 else pixels))
        return np.asarray(image.resize(size, filter_)).reshape(*shape, pixels.shape[2])
    planes = np.moveaxis(np.asarray(pixels, dtype=np.float32), 2, 0)
    resized = [Image.fromarray(np.ascontiguousarray(plane)).resize(size, filter_) for plane in planes]
    # Bicubic and Lanczos kernels overshoot at edges; the uint8 path clips by itself.
    clipped: NDArray[np.float32] = np.clip(np.stack([np.asarray(plane) for plane in resized], axis=2), 0, 1)
    return clipped


def _stretch(tensor: NDArray[np.float32]) -> NDArray[np.float32]:
    low, high = tensor.min(), tensor.max()
    return (tensor - low) / (high - low) if high > low else np.zeros_like(tensor)


def _require(holds: bool, message: str) -> None:
    if not holds:
        raise UsageError(f"transform: {message}", hint="docs/features.md lists the options of each transform")


def _require_choice(name: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise UnknownNameError(f"{name} of a transform", value, known, hint=f"choose one of: {', '.join(known)}")
