"""A view that remembers what was read through it."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dsim.measures import DatasetView
from dsim.random import stream
from dsim.registry import Need
from dsim.testing.specimens import Specimen
from dsim.testing.subject import Subject

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.features.transforms import Transform


def watched(subject: Subject, specimen: Specimen) -> set[Need]:
    """What the measure reads of a dataset when it fits and summarises."""
    view = WatchedView(specimen.dataset, subject.given.needs, f"measure {subject.spec.name!r}", subject.runtime)
    measure = subject.unfitted()
    if measure.fits_pool:
        measure.fit([view, *map(subject.view, subject.specimens.ladder[1:])], stream(0, "fit"))
    measure.summarise(view, stream(0, "summarise"))
    return view.read


@dataclass(frozen=True)
class WatchedView(DatasetView):
    """A DatasetView whose ``read`` collects the needs that were made use of."""

    read: set[Need] = field(default_factory=set, compare=False)

    def images(self) -> Iterator[NDArray[Any]]:
        self.read.add(Need.IMAGES)
        return super().images()

    def batches(self, transform: Transform, size: int | None = None) -> Iterator[NDArray[np.float32]]:
        self.read.add(Need.IMAGES)
        return super().batches(transform, size)

    def features(self, extractor: str) -> NDArray[np.float32]:
        # Features are computed from the images where these, and not features, are declared.
        self.read.add(Need.FEATURES if Need.FEATURES in self.needs else Need.IMAGES)
        return super().features(extractor)

    def feature_blocks(self, extractor: str, rows: int = 4096) -> Iterator[NDArray[np.float32]]:
        self.read.add(Need.FEATURES if Need.FEATURES in self.needs else Need.IMAGES)
        return super().feature_blocks(extractor, rows)

    @property
    def labels(self) -> tuple[str, ...]:
        self.read.add(Need.LABELS)
        return super().labels

    def masks(self) -> Iterator[NDArray[Any]]:
        self.read.add(Need.MASKS)
        return super().masks()

    @property
    def attributes(self) -> Mapping[str, str]:
        self.read.add(Need.ATTRIBUTES)
        return super().attributes
