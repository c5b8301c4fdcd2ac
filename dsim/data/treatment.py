"""How stored numbers become intensities: 8 bits as they are, everything deeper by percentiles of the whole dataset.

The rule is SimSearch's (Gupta et al., section 2.2): per channel, the 5th and 95th percentiles of every image, then the
0.5th percentile of the former and the 99.5th of the latter span the range that becomes [0, 1]. One range for all images
keeps their differences in brightness, and a single artefact cannot stretch it. A maximum-based or fixed scale would
turn 12 bits stored in 16 nearly black; a conversion to 8 bits by truncation would turn most of them white.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import TYPE_CHECKING

from dsim.errors import DataError

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from dsim.data.dataset import Dataset

#: Enters every key under which pixels, or what was computed from them, are cached. Bump it when decoding or scaling
#: changes any number.
TREATMENT_VERSION = 1

AS_IS = "as stored, in [0, 1]"
PERCENTILES = "percentiles"
EXTREMES = "smallest and largest value, since the percentiles coincide"
CONSTANT = "constant, becomes 0"


@dataclass(frozen=True)
class Scale:
    """The range that becomes [0, 1], per channel, for the images of one dtype and number of channels.

    ``images`` of them were measured; in ``bright`` of them more than 1 % of some channel lies above the range, and
    is clipped to white.
    """

    rules: tuple[str, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    images: int = 0
    bright: int = 0

    def apply(self, values: NDArray[Any]) -> NDArray[np.float32]:
        """Intensities in [0, 1], float32."""
        import numpy as np

        low = np.array(self.low)
        span = np.array(self.high) - low
        scaled = (values.astype(np.float64) - low) / np.where(span > 0, span, 1)
        intensities: NDArray[np.float32] = np.clip(scaled, 0, 1).astype(np.float32)
        return intensities


@dataclass(frozen=True)
class Treatment:
    """The scales of one dataset, by dtype and number of channels; none where all images have 8 bits."""

    scales: Mapping[str, Scale] = field(default_factory=dict)
    version: int = TREATMENT_VERSION

    def apply(self, native: NDArray[Any]) -> NDArray[Any]:
        """Pixels ready for use, (H, W, C): uint8 as they are, else float32 in [0, 1]."""
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
        """For provenance: the version and every scale, as JSON values."""
        scales = {key: json.loads(json.dumps(asdict(scale))) for key, scale in sorted(self.scales.items())}
        return {"version": self.version, "uint8": "as stored", "scales": scales}

    def notes(self) -> tuple[str, ...]:
        """What a user should know, in words."""
        return tuple(_sentence(key, scale) for key, scale in sorted(self.scales.items()))


def key_of(native: NDArray[Any]) -> str:
    """Images of one key share a scale: ``uint16x3`` are those of 16 bits and three channels."""
    return f"{native.dtype.name}x{native.shape[2]}"


def decide(dataset: Dataset) -> Treatment:
    """The treatment of a dataset.

    Where all headers say 8 bits, nothing is read. Otherwise one pass over the deep images measures their percentiles;
    it is remembered by the images' fingerprint, so that a second run decodes nothing.
    """
    deep = deep_samples(dataset)
    if not deep:
        return Treatment()
    from dsim.data import measured

    known = measured.recall(dataset)
    if known is None:
        known = Treatment(measured.scales(dataset, deep))
        measured.remember(dataset, known)
    return known


def deep_samples(dataset: Dataset) -> list[int]:
    """Samples that are not known to have 8 bits; where a dataset does not tell, all of them."""
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
