"""Preparation of images (Gupta et al., section 2.2): one range for each channel of all images, and which channels."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.data import open_windows
from dsim.plugin import DataError, UsageError
from dsim.stats.exact_percentiles import exact_percentiles

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.data import WindowReader
    from dsim.plugin import Dataset, Runtime

#: Of the pixels of an image: lowest, the paper's two, highest.
_PERCENTS = (0.0, 5.0, 95.0, 100.0)
#: Of the images' percentiles.
_OF_LOWS, _OF_HIGHS = 0.5, 99.5
_COLOURS = ("red", "green", "blue")
#: Bytes that are looked at at once.
_BLOCK = 2**21


@dataclass(frozen=True)
class Preparation:
    """The channels of images that are used, and the range of each that becomes [0, 1].

    Parameters
    ----------
    names : of all C channels of an image as stored. ``channels`` : positions of those that are used, c of them.
    low, high : for each used channel; lower and higher intensities are clipped.
    clipped : for each used channel, the share of all pixels that is clipped.
    """

    names: tuple[str, ...]
    channels: tuple[int, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    clipped: tuple[float, ...]

    def apply(self, pixels: NDArray[Any], image: str = "") -> NDArray[np.float32]:
        """Return float32 (c, h, w) in [0, 1] of stored pixels (h, w, C); a constant channel becomes 0.

        Raises DataError, naming the image, where it has another number of channels.
        """
        _refuse_channels(pixels.shape[2], len(self.names), image)
        planes = np.empty((len(self.channels), *pixels.shape[:2]), dtype=np.float32)
        for plane, channel, low, high in zip(planes, self.channels, self.low, self.high, strict=True):
            # In float64 where float32 would lose digits: integers of more than 24 bits.
            exact = np.float64 if pixels.dtype.itemsize > 2 else np.float32
            values: NDArray[Any] = pixels[:, :, channel].astype(exact)
            np.subtract(values, exact(low), out=values)
            np.divide(values, exact(high - low if high > low else 1), out=values)
            np.clip(values, 0, 1, out=plane, casting="same_kind")
        return planes

    def to_dict(self) -> dict[str, Any]:
        """Return JSON values."""
        return {name: list(value) for name, value in asdict(self).items()}

    @classmethod
    def from_dict(cls, values: dict[str, Any]) -> Preparation:
        """Return the preparation of ``to_dict``; raises KeyError or ValueError for other values."""
        return cls(
            names=tuple(str(name) for name in values["names"]),
            channels=tuple(int(channel) for channel in values["channels"]),
            low=tuple(float(low) for low in values["low"]),
            high=tuple(float(high) for high in values["high"]),
            clipped=tuple(float(share) for share in values["clipped"]),
        )


@dataclass(frozen=True)
class ChannelFacts:
    """What was measured of n images of C channels.

    Parameters
    ----------
    names : of the channels.
    percentiles : the 5th and the 95th of each image and channel, float64 (n, C, 2).
    low, high : the range of each channel, float64 (C,): the .5th percentile of the 5th percentiles of the images, and
        the 99.5th of the 95th; where these coincide, as in sparse signal, the lowest and the highest intensity.
    clipped : share of all pixels outside of the range, (C,).
    correlation : of channels, Pearson's, mean over images, (C, C); NaN where a channel is constant in every image.
    """

    names: tuple[str, ...]
    percentiles: NDArray[np.float64]
    low: NDArray[np.float64]
    high: NDArray[np.float64]
    clipped: NDArray[np.float64]
    correlation: NDArray[np.float64]

    def prepare(self, channels: Iterable[int] | None = None) -> Preparation:
        """Return the preparation with these channels, by position; all where None.

        Raises UsageError for no channel, one that is not there, or one given twice.
        """
        chosen = tuple(range(len(self.names)) if channels is None else channels)
        if not chosen or len(set(chosen)) < len(chosen) or not set(chosen) <= set(range(len(self.names))):
            raise UsageError(
                f"channels cannot be {', '.join(map(str, chosen)) or 'none'}",
                hint=f"choose of 0 to {len(self.names) - 1}, each once: {', '.join(self.names)}",
            )

        def pick(values: NDArray[np.float64]) -> tuple[float, ...]:
            return tuple(float(values[channel]) for channel in chosen)

        return Preparation(self.names, chosen, pick(self.low), pick(self.high), pick(self.clipped))


def measure_channels(dataset: Dataset, runtime: Runtime, images: Sequence[int] | None = None) -> ChannelFacts:
    """Return the facts of the channels of a dataset, exact, from all images or those at the given positions.

    Large images are read in strips. Pixels of floats that stand for what was never measured (the smallest float32) do
    not count. Raises DataError where images differ in channels or depth, naming one.
    """
    chosen = list(range(len(dataset)) if images is None else images)
    first = open_windows(dataset, chosen[0])

    def measure(index: int) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
        reader = first if index == chosen[0] else open_windows(dataset, index)
        _refuse_channels(reader.channels, first.channels, dataset.ids[index])
        _refuse_dtype(reader.dtype, first.dtype, dataset.ids[index])
        return _percentiles(reader), _correlation(reader)

    with ThreadPoolExecutor(runtime.workers) as threads, runtime.progress.task("measuring", 2 * len(chosen)) as task:
        measured = []
        for found in threads.map(measure, chosen):
            measured.append(found)
            task.advance()
        quantiles = np.stack([rows for rows, _ in measured])
        low, high = _range(quantiles)
        counted = []
        for counts in threads.map(lambda index: _outside(open_windows(dataset, index), low, high), chosen):
            counted.append(counts)
            task.advance()
    outside, pixels = (np.sum(values, axis=0) for values in zip(*counted, strict=True))
    return ChannelFacts(
        _names(first.channels),
        np.moveaxis(quantiles[:, 1:3], 1, 2),
        low,
        high,
        outside / max(1, pixels),
        _mean_of_known(np.stack([table for _, table in measured])),
    )


def _percentiles(reader: WindowReader) -> NDArray[np.float64]:
    """The percentiles (4, C) of an image; NaN where it has no measured pixel."""
    if not any(len(strip) for strip in _strips(reader)):
        return np.full((len(_PERCENTS), reader.channels), np.nan)
    return exact_percentiles(lambda: _strips(reader), _PERCENTS)


def _mean_of_known(tables: NDArray[np.float64]) -> NDArray[np.float64]:
    """Mean over images of tables (n, C, C), of those where it is known; NaN where it never is."""
    known = np.isfinite(tables)
    total = np.where(known, tables, 0).sum(0)
    return np.where(known.any(0), total / np.maximum(known.sum(0), 1), np.nan)


def _names(channels: int) -> tuple[str, ...]:
    if channels == 1:
        return ("gray",)
    return _COLOURS if channels == 3 else tuple(f"channel {number}" for number in range(channels))


def _range(quantiles: NDArray[np.float64]) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Low and high of each channel from the percentiles (n, 4, C) of the images."""
    known = quantiles[np.isfinite(quantiles).all((1, 2))]
    quantiles = known if len(known) else np.zeros_like(quantiles[:1])
    low = np.percentile(quantiles[:, 1], _OF_LOWS, axis=0)
    high = np.percentile(quantiles[:, 2], _OF_HIGHS, axis=0)
    flat = high <= low
    return np.where(flat, quantiles[:, 0].min(0), low), np.where(flat, quantiles[:, 3].max(0), high)


def _strips(reader: WindowReader) -> Iterator[NDArray[Any]]:
    """The measured pixels of an image, (m, C) at a time."""
    rows = max(1, _BLOCK // (reader.width * reader.channels * reader.dtype.itemsize))
    for top in range(0, reader.height, rows):
        pixels = reader.read(0, top, reader.width, min(rows, reader.height - top))
        pixels = pixels.reshape(-1, reader.channels)
        if pixels.dtype.kind == "f":
            pixels = pixels[(pixels > np.finfo(np.float32).min).all(axis=1)]
        yield pixels


def _correlation(reader: WindowReader) -> NDArray[np.float64]:
    """Pearson's correlation (C, C) of the channels of an image (strips are merged as in Chan et al. 1979)."""
    count, mean, products = 0, np.zeros(reader.channels), np.zeros((reader.channels,) * 2)
    for strip in _strips(reader):
        if not len(strip):
            continue
        values = strip.astype(np.float64)
        step = values.mean(0) - mean
        values -= values.mean(0)
        total = count + len(values)
        products = products + values.T @ values + np.outer(step, step) * (count * len(values) / total)
        mean, count = mean + step * (len(values) / total), total
    spread = np.sqrt(np.diag(products))
    with np.errstate(invalid="ignore", divide="ignore"):
        found: NDArray[np.float64] = products / np.outer(spread, spread)
    return np.clip(found, -1, 1)


def _outside(
    reader: WindowReader, low: NDArray[np.float64], high: NDArray[np.float64]
) -> tuple[NDArray[np.int64], int]:
    """How many pixels of each channel lie outside of its range, and how many there are."""
    outside, pixels = np.zeros(len(low), dtype=np.int64), 0
    for strip in _strips(reader):
        outside += ((strip < low) | (strip > high)).sum(0)
        pixels += len(strip)
    return outside, pixels


def _refuse_channels(channels: int, expected: int, image: str) -> None:
    if channels != expected:
        raise DataError(
            f"image {image!r} has {channels} channels, and the others have {expected}",
            hint="leave it out, or store all images with the same channels",
        )


def _refuse_dtype(dtype: np.dtype[Any], expected: np.dtype[Any], image: str) -> None:
    if dtype != expected:
        raise DataError(
            f"image {image!r} holds {dtype}, and the others hold {expected}: one range cannot serve both",
            hint="leave it out, or store all images with the same depth",
        )
