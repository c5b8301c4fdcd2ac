"""The images that quality control examines, and what several of its checks need of them, each computed once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.maps.quality.copies import Copy, copy_sets, find_copies
from dsim.maps.quality.features import LabelCheck, apart, check_labels, number, outlier_p, unit_rows
from dsim.maps.quality.findings import Fault, Finding
from dsim.maps.quality.traits import Traits, read_traits

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.runtime import Runtime

Floats = NDArray[np.float64]
Integers = NDArray[np.intp]

#: Nearest images in features that are candidates for copies.
_CANDIDATES = 5


@dataclass(frozen=True)
class Subject:
    """The images that are checked, and what several checks need of them; computed when it is first asked for.

    ``extractor`` : reference; empty where the datasets were given features.
    """

    datasets: tuple[Dataset, ...]
    extractor: str
    runtime: Runtime
    kinds: frozenset[Fault]
    seed: int = 0

    @cached_property
    def traits(self) -> Traits:
        return read_traits(self.datasets, self.runtime)

    @cached_property
    def points(self) -> tuple[Floats, ...]:
        """Features of each dataset, float64 (n_i, d), of norm 1."""
        return tuple(unit_rows(self._features(data)) for data in self.datasets)

    def _features(self, data: Dataset) -> NDArray[np.floating]:
        from dsim.features import extract

        return extract(data, self.extractor, self.runtime) if self.extractor else np.asarray(data.features)

    @cached_property
    def copies(self) -> list[Copy]:
        from dsim.embeddings.neighbours import find_neighbours

        neighbours = None
        # Exact copies alone need no features.
        if self.kinds - {Fault.EXACT_DUPLICATE, Fault.BLANK} and self.count > 1:
            points = np.concatenate(self.points)
            neighbours = find_neighbours(points, points, min(_CANDIDATES, self.count - 1), leave_one_out=True)
        return find_copies(self.datasets, self.traits, neighbours)

    @cached_property
    def copy_sets(self) -> Integers:
        return copy_sets(self.count, self.copies)

    @property
    def count(self) -> int:
        return sum(map(len, self.datasets))

    @cached_property
    def starts(self) -> Integers:
        return np.cumsum([0, *map(len, self.datasets)])

    def parts(self) -> list[tuple[Dataset, slice]]:
        """Each dataset, and where its images stand among all."""
        ends = self.starts.tolist()
        return [(data, slice(start, end)) for data, start, end in zip(self.datasets, ends[:-1], ends[1:], strict=True)]

    def place(self, image: int) -> tuple[Dataset, int]:
        """The dataset of an image among all, and its position there."""
        owner = int(np.searchsorted(self.starts, image, side="right")) - 1
        return self.datasets[owner], image - int(self.starts[owner])

    def finding(self, kind: Fault, image: int, score: float, reason: str, **more: Any) -> Finding:
        """A finding on an image among all, not yet ranked; ``more`` are its other fields."""
        data, index = self.place(image)
        return Finding(kind, 0, data.name, index, str(data.ids[index]), float(score), reason, **more)

    @cached_property
    def label_checks(self) -> Mapping[str, LabelCheck]:
        """What the neighbours say of the labels, of each dataset with labels, by its name."""
        checks = {}
        for (data, part), points in zip(self.parts(), self.points, strict=True):
            if data.labels is not None:
                groups = apart(number(data.groups or [""] * len(data)))
                checks[data.name] = check_labels(points, data.labels, groups, self.copy_sets[part])
        return checks

    @cached_property
    def contrast_share(self) -> Floats:
        """Contrast of each image as a share of its dataset's median, (n,): 0 for one colour, NaN if none has any."""
        traits, shares = self.traits, np.full(self.count, np.nan)
        for _, part in self.parts():
            usual = float(np.median(traits.contrast[part]))
            if usual > 0:
                shares[part] = traits.contrast[part] / usual
        return np.where(traits.constant, 0.0, shares)

    @cached_property
    def outlier_p(self) -> tuple[Floats, ...]:
        """Adjusted p of each image's distance to its nearest, of each dataset; NaN where there are too few images."""
        pairs = zip(self.parts(), self.points, strict=True)
        return tuple(outlier_p(points, self.copy_sets[part]) for (_, part), points in pairs)
