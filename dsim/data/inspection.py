"""Look at a whole dataset: what was understood, and what its images are like. Reads every image."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

from dsim.data.dataset import Dataset
from dsim.runtime import Progress, Silent

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

_THREADS = 2


@dataclass(frozen=True)
class Spread:
    """Smallest, median and largest of some numbers."""

    minimum: float
    median: float
    maximum: float


@dataclass(frozen=True)
class Inspection:
    """What a dataset holds; every field is a JSON value.

    ``dtypes`` and ``channels`` count images; ``foreground`` is the mean share of pixels that the masks mark, in [0, 1];
    ``repeated`` is the number of images whose bytes are those of an earlier one.
    """

    name: str
    location: str
    format: str
    count: int
    height: Spread | None
    width: Spread | None
    dtypes: Mapping[str, int]
    channels: Mapping[str, int]
    classes: Mapping[str, int]
    splits: Mapping[str, int]
    groups: int
    masked: bool
    foreground: float | None
    features: int
    attributes: Mapping[str, str]
    repeated: int
    fingerprint: str
    treatment: Mapping[str, Any]
    notes: tuple[str, ...]
    skipped: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """All fields as JSON values."""
        return asdict(self)


@dataclass(frozen=True)
class _Look:
    """One image."""

    height: int
    width: int
    channels: int
    dtype: str
    foreground: float | None


def inspect(dataset: Dataset, progress: Progress | None = None) -> Inspection:
    """Read every image (and mask) and sum up; raises UnreadableImageError at the first that cannot be read.

    >>> import numpy as np
    >>> from dsim.data.memory import from_arrays
    >>> found = inspect(from_arrays(np.zeros((3, 8, 6), np.uint8), labels=["a", "b", "a"]))
    >>> found.count, found.height.median, found.channels, found.classes
    (3, 8.0, {'1': 3}, {'a': 2, 'b': 1})
    """
    looks = _looks(dataset, progress or Silent()) if dataset.backing is not None else []
    treatment = dataset.treatment
    return Inspection(
        name=dataset.name,
        location=dataset.location,
        format=dataset.format,
        count=len(dataset),
        height=_spread([look.height for look in looks]),
        width=_spread([look.width for look in looks]),
        dtypes=_counts(look.dtype for look in looks),
        channels=_counts(str(look.channels) for look in looks),
        classes=_counts(dataset.labels or ()),
        splits=_counts(dataset.splits or ()),
        groups=len(set(dataset.groups or ())),
        masked=dataset.masked,
        foreground=_mean([look.foreground for look in looks if look.foreground is not None]),
        features=0 if dataset.features is None else int(dataset.features.shape[1]),
        attributes=dict(dataset.attributes),
        repeated=len(dataset) - len(set(dataset.image_digests)) if looks else 0,
        fingerprint=dataset.images_fingerprint if looks else dataset.features_fingerprint,
        treatment=treatment.describe(),
        notes=(*dataset.notes, *treatment.notes()),
        skipped=dataset.skipped,
    )


def _looks(dataset: Dataset, progress: Progress) -> list[_Look]:
    found = []
    with (
        ThreadPoolExecutor(_THREADS) as threads,
        progress.task(f"reading {dataset.name}", total=len(dataset), unit="images") as task,
    ):
        for look in threads.map(lambda index: _look(dataset, index), range(len(dataset))):
            found.append(look)
            task.advance()
    return found


def _look(dataset: Dataset, index: int) -> _Look:
    native = dataset.native(index)
    height, width, channels = native.shape
    foreground = _foreground(dataset.mask(index)) if dataset.masked else None
    return _Look(height, width, channels, native.dtype.name, foreground)


def _foreground(mask: NDArray[Any]) -> float:
    return float((mask != 0).mean())


def _spread(values: Sequence[int]) -> Spread | None:
    import statistics

    return Spread(min(values), float(statistics.median(values)), max(values)) if values else None


def _mean(values: Sequence[float]) -> float | None:
    return sum(values) / len(values) if values else None


def _counts(values: Iterable[str]) -> dict[str, int]:
    return dict(sorted(Counter(values).items()))
