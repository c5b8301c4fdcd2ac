"""Measure the range of a dataset's deep images once, and remember it by what the images are."""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.treatment import AS_IS, CONSTANT, EXTREMES, PERCENTILES, TREATMENT_VERSION, Scale, Treatment, key_of
from dsim.errors import DataError, DsimError
from dsim.files import write_text
from dsim.runtime import default_cache

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from dsim.data.dataset import Dataset

    Quantiles = NDArray[np.float64]

#: Of every image and channel; positions in the rows of ``Quantiles``.
_PERCENTS = (0.0, 5.0, 95.0, 99.0, 100.0)
_MIN, _P5, _P95, _P99, _MAX = range(5)
_OF_LOWS, _OF_HIGHS = 0.5, 99.5
_THREADS = 2


def scales(dataset: Dataset, samples: Sequence[int]) -> dict[str, Scale]:
    """One scale per dtype and number of channels; 8-bit images that turn up need none."""
    groups: dict[str, list[Quantiles]] = defaultdict(list)
    with ThreadPoolExecutor(_THREADS) as threads:
        for key, quantiles in threads.map(lambda index: _quantiles(dataset, index), samples):
            if quantiles is not None:
                groups[key].append(quantiles)
    return {key: scale_of(rows, is_float=key.startswith("float")) for key, rows in sorted(groups.items())}


def scale_of(images: Sequence[Quantiles], *, is_float: bool = False) -> Scale:
    """The scale of some images from their quantiles, each of shape (5, channels): percent 0, 5, 95, 99, 100."""
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


def _quantiles(dataset: Dataset, index: int) -> tuple[str, Quantiles | None]:
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
    values = np.percentile(native.reshape(-1, native.shape[2]), _PERCENTS, axis=0)
    return key, values.astype(np.float64)


# Remembering ------------------------------------------------------------------------------------------------------


def recall(dataset: Dataset) -> Treatment | None:
    """What was measured before, or None where nothing (or nothing legible) is remembered."""
    try:
        record = json.loads(_place(dataset).read_text(encoding="utf-8"))
        return Treatment({key: _scale(value) for key, value in record["scales"].items()})
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None


def remember(dataset: Dataset, treatment: Treatment) -> None:
    """Write it down; a cache that cannot be written costs time, not the result."""
    with suppress(DsimError):
        write_text(_place(dataset), json.dumps(treatment.describe(), indent=1))


def _place(dataset: Dataset) -> Path:
    return default_cache() / "treatments" / f"{dataset.images_fingerprint}.v{TREATMENT_VERSION}.json"


def _scale(value: Mapping[str, Any]) -> Scale:
    return Scale(
        rules=tuple(str(rule) for rule in value["rules"]),
        low=tuple(float(low) for low in value["low"]),
        high=tuple(float(high) for high in value["high"]),
        images=int(value["images"]),
        bright=int(value["bright"]),
    )
