"""How stored numbers become intensities: 8 bits as they are, everything deeper by percentiles of the whole dataset.

The rule is SimSearch's (Gupta et al., section 2.2): per channel, the 5th and 95th percentiles of every image, then the
0.5th percentile of the former and the 99.5th of the latter span the range that becomes [0, 1]. One range for all images
keeps their differences in brightness, and a single artefact cannot stretch it. A maximum-based or fixed scale would
turn 12 bits stored in 16 nearly black; a conversion to 8 bits by truncation would turn most of them white.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from dsim.data.formats.pixels import PADDING
from dsim.errors import DataError, DsimError
from dsim.files import write_text
from dsim.runtime import default_cache

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    Quantiles = NDArray[np.float64]

#: Enters every key under which pixels, or what was computed from them, are cached. Bump it when decoding or scaling
#: changes any number.
TREATMENT_VERSION = 2

AS_IS = "as stored, in [0, 1]"
PERCENTILES = "percentiles"
EXTREMES = "smallest and largest value, since the percentiles coincide"
CONSTANT = "constant, becomes 0"

#: Of every image and channel; positions in the rows of ``Quantiles``.
_PERCENTS = (0.0, 5.0, 95.0, 99.0, 100.0)
_MIN, _P5, _P95, _P99, _MAX = range(5)
_OF_LOWS, _OF_HIGHS = 0.5, 99.5
_THREADS = 2


class Samples(Protocol):
    """The part of a dataset that its treatment depends on; ``native`` returns an image as stored, (h, w, c)."""

    @property
    def name(self) -> str: ...
    @property
    def ids(self) -> Sequence[str]: ...
    @property
    def location(self) -> str: ...
    @property
    def backing(self) -> object | None: ...
    @property
    def dtypes(self) -> tuple[str, ...] | None: ...
    @property
    def cache(self) -> Path | None: ...
    @property
    def images_fingerprint(self) -> str: ...
    def __len__(self) -> int: ...
    def native(self, index: int) -> NDArray[Any]: ...


@dataclass(frozen=True)
class Scale:
    """The range that becomes [0, 1], per channel, for the images (h, w, c) of one dtype and number of channels.

    ``images`` of them were measured; in ``bright`` of them more than 1 % of some channel lies above the range, and
    is clipped to white.
    """

    rules: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    images: int = 0
    bright: int = 0

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Return intensities in [0, 1], float32 (H, W, C), of stored values (H, W, C)."""
        import numpy as np

        low = np.array(self.low)
        span = np.array(self.high) - low
        scaled = (values.astype(np.float64) - low) / np.where(span > 0, span, 1)
        intensities: NDArray[np.float32] = np.clip(scaled, 0, 1).astype(np.float32)
        return intensities


@dataclass(frozen=True)
class Treatment:
    """The scales of the images (h, w, c) of a dataset, by dtype and channels; none where all have 8 bits."""

    scales: Mapping[str, Scale] = field(default_factory=dict)
    version: int = TREATMENT_VERSION

    def apply(self, native: NDArray[Any]) -> NDArray[Any]:
        """Return pixels ready for use, (H, W, C): uint8 as they are, else float32 in [0, 1].

        Raises DataError for an image of a dtype or number of channels that was not measured.
        """
        if native.dtype.name == "uint8":
            return native
        scale = self.scales.get(key_of(native))
        if scale is None:
            raise DataError(
                f"an image of {key_of(native)} channels appeared that was not there when the dataset was measured",
                hint="open the dataset again",
            )
        return scale.apply(native)

    def describe(self) -> dict[str, Any]:
        """Return the version and every scale as JSON values, for provenance."""
        scales = {key: json.loads(json.dumps(asdict(scale))) for key, scale in sorted(self.scales.items())}
        return {"version": self.version, "uint8": "as stored", "scales": scales}

    def notes(self) -> tuple[str, ...]:
        """Return one sentence per scale, for the user."""
        return tuple(_sentence(key, scale) for key, scale in sorted(self.scales.items()))


def key_of(native: NDArray[Any]) -> str:
    """Return the key of an image (H, W, C): those of one key, such as ``uint16x3``, share a scale."""
    return f"{native.dtype.name}x{native.shape[2]}"


def decide_treatment(dataset: Samples) -> Treatment:
    """Return the treatment of images (h, w, c). Raises DataError where deeper images hold NaN or infinity.

    Where all headers say 8 bits, nothing is read. Otherwise one pass over the deep images measures their percentiles;
    it is remembered by the images' fingerprint, so that a second run decodes nothing.
    """
    deep = deep_samples(dataset)
    if not deep:
        return Treatment()

    known = _recall(dataset)
    if known is None:
        known = Treatment(measure_scales(dataset, deep))
        _remember(dataset, known)
    return known


def deep_samples(dataset: Samples) -> list[int]:
    """Return the samples that are not known to have 8 bits; all where a dataset does not state its dtypes."""
    if dataset.backing is None:
        return []
    if dataset.dtypes is None:
        return list(range(len(dataset)))
    return [index for index, dtype in enumerate(dataset.dtypes) if dtype != "uint8"]


def _sentence(key: str, scale: Scale) -> str:
    dtype, _, channels = key.rpartition("x")
    ranges = ", ".join(f"{low:g} to {high:g}" for low, high in zip(scale.low, scale.high, strict=True))
    rules = ", ".join(dict.fromkeys(scale.rules))
    clipped = f"; in {scale.bright} of {scale.images} images over 1 % is brighter than that" if scale.bright else ""
    return f"{dtype} x {channels} channels: {ranges} becomes 0 to 1 ({rules}){clipped}"


# Measuring --------------------------------------------------------------------------------------------------------


def measure_scales(dataset: Samples, samples: Sequence[int]) -> dict[str, Scale]:
    """Return one scale per dtype and number of channels of images (h, w, c); those of 8 bits need none.

    Raises DataError for images that hold NaN or infinity.
    """
    groups: dict[str, list[Quantiles]] = defaultdict(list)
    with ThreadPoolExecutor(_THREADS) as threads:
        for key, quantiles in threads.map(lambda index: _quantiles(dataset, index), samples):
            if quantiles is not None:
                groups[key].append(quantiles)
    return {key: _scale_of(_measured(rows), is_float=key.startswith("float")) for key, rows in sorted(groups.items())}


def _measured(images: Sequence[Quantiles]) -> Sequence[Quantiles]:
    """Those of images that hold more than padding; zeros where none does."""
    import numpy as np

    return [rows for rows in images if np.isfinite(rows).all()] or [np.zeros_like(images[0])]


def _scale_of(images: Sequence[Quantiles], *, is_float: bool = False) -> Scale:
    """Return the scale of images from their quantiles, float64 (5, c) each: percent 0, 5, 95, 99 and 100."""
    import numpy as np

    table = np.stack(images)
    channels = table.shape[2]
    if is_float and table[:, _MIN].min() >= 0 and table[:, _MAX].max() <= 1:
        return Scale((AS_IS,) * channels, (0.0,) * channels, (1.0,) * channels, len(images))
    low = np.percentile(table[:, _P5], _OF_LOWS, axis=0)
    high = np.percentile(table[:, _P95], _OF_HIGHS, axis=0)
    # Sparse signal: the 95th percentile of every image is still background.
    flat = high <= low
    low = np.where(flat, table[:, _MIN].min(axis=0), low)
    high = np.where(flat, table[:, _MAX].max(axis=0), high)
    rules = np.where(~flat, PERCENTILES, np.where(high > low, EXTREMES, CONSTANT))
    bright = int((table[:, _P99] > high).any(axis=1).sum())
    return Scale(tuple(rules.tolist()), tuple(low.tolist()), tuple(high.tolist()), len(images), bright)


def _quantiles(dataset: Samples, index: int) -> tuple[str, Quantiles | None]:
    import numpy as np

    native = dataset.native(index)
    key = key_of(native)
    if native.dtype == np.uint8:
        return key, None
    if native.dtype.kind == "f" and not np.isfinite(native).all():
        raise DataError(
            f"dataset {dataset.name!r}: image {dataset.ids[index]!r} in {dataset.location} holds NaN or infinity",
            hint="replace them, e.g. numpy.nan_to_num",
        )
    pixels = native.reshape(-1, native.shape[2])
    if native.dtype.kind == "f":
        pixels = pixels[(pixels > PADDING).all(axis=1)]
    if not len(pixels):
        return key, np.full((len(_PERCENTS), native.shape[2]), np.nan)
    return key, np.percentile(pixels, _PERCENTS, axis=0).astype(np.float64)


# Remembering ------------------------------------------------------------------------------------------------------


def _recall(dataset: Samples) -> Treatment | None:
    """The treatment that was measured before, or None where nothing legible is remembered."""
    try:
        record = json.loads(_place(dataset).read_text(encoding="utf-8"))
        return Treatment({key: _scale(value) for key, value in record["scales"].items()})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def _remember(dataset: Samples, treatment: Treatment) -> None:
    """Write the treatment down; a cache that cannot be written costs time, not the result."""
    with suppress(DsimError):
        write_text(_place(dataset), json.dumps(treatment.describe(), indent=1))


def _place(dataset: Samples) -> Path:
    return (dataset.cache or default_cache()) / "treatments" / f"{dataset.images_fingerprint}.v{TREATMENT_VERSION}.json"


def _scale(value: Mapping[str, Any]) -> Scale:
    return Scale(
        rules=tuple(str(rule) for rule in value["rules"]),
        low=tuple(float(low) for low in value["low"]),
        high=tuple(float(high) for high in value["high"]),
        images=int(value["images"]),
        bright=int(value["bright"]),
    )
