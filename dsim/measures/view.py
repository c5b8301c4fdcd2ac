"""A measure's view of a dataset: exactly what it declared, read through caches and streams."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.data import Dataset
from dsim.errors import PluginError
from dsim.registry import Need
from dsim.runtime import Runtime

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    from dsim.features import Transform
    from dsim.models import Predictions
    from dsim.store import Rows

    #: Features of images (n, d), float32 or float64.
    Features = NDArray[np.floating[Any]]


@dataclass(frozen=True)
class DatasetView:
    """One dataset through the eyes of one measure. Images are (H, W, C), masks (H, W), features (n, d).

    Touching anything that the measure's ``needs`` do not name raises PluginError, so that a measure cannot quietly read
    labels it claims not to use. With Need.MASKS the images are those that have masks. ``optional`` needs count where
    the dataset has them: see ``has``. Need.IMAGES also allows ``features``, which are then computed from the images.
    Images, masks and features cannot be written.
    """

    dataset: Dataset
    needs: frozenset[Need]
    wanted_by: str
    runtime: Runtime
    optional: frozenset[Need] = frozenset()

    def __post_init__(self) -> None:
        for need in sorted(self.needs):
            self.dataset.require(need, self.wanted_by)
        if Need.MASKS in self.needs:
            object.__setattr__(self, "dataset", self.dataset.annotated_part())
        self.dataset.remember_in(self.runtime.cache)
        # What the dataset does not have cannot be read, nor enter its identity.
        found = frozenset(need for need in self.optional if self.dataset.has(need))
        if self.dataset.masked is not True:
            found -= {Need.MASKS}  # the images without a mask are worth more than the masks of the others
        object.__setattr__(self, "needs", self.needs | found)

    def __len__(self) -> int:
        return len(self.dataset)

    @property
    def fingerprint(self) -> str:
        """Identity of the parts that may be read here."""
        return self.dataset.fingerprint(self.needs)

    def has(self, need: Need) -> bool:
        """Return whether this may be read here: it was declared, and the dataset has it."""
        return need in self.needs

    @property
    def groups(self) -> tuple[str, ...] | None:
        """The group (patient, video, slide) of each sample, where known."""
        return self.dataset.groups

    def images(self) -> Iterator[NDArray[Any]]:
        """Yield the images one at a time, (H, W, C): uint8, or float32 in [0, 1].

        Raises PluginError where the measure does not declare Need.IMAGES.
        """
        self._allow(Need.IMAGES)
        return (_read_only(self.dataset.pixels(index)) for index in range(len(self)))

    def image(self, index: int) -> NDArray[Any]:
        """Return one image, (H, W, C), as ``images`` yields it. Raises PluginError without Need.IMAGES."""
        self._allow(Need.IMAGES)
        return _read_only(self.dataset.pixels(index))

    def predictions(self, reference: str, indices: Sequence[int] | None = None) -> Predictions:
        """Return what a segmentation model says of these images, maps uint8 (h, w): see ``dsim.models.predict_kept``.

        Raises PluginError where the measure does not declare Need.IMAGES.
        """
        from dsim.models import predict_kept

        self._allow(Need.IMAGES)
        return predict_kept(reference, self.dataset, self.runtime, indices)

    def batches(self, transform: Transform, size: int | None = None) -> Iterator[NDArray[np.float32]]:
        """Return transformed images in batches, float32 (b, C, H, W); decoding runs ahead in threads.

        Raises PluginError where the measure does not declare Need.IMAGES.
        """
        from dsim.features import image_batches

        self._allow(Need.IMAGES)
        return image_batches(self.dataset, transform, size or self.runtime.batch, self.runtime.workers)

    def tensor(self, transform: Transform) -> NDArray[np.float32]:
        """Return all transformed images, float32 (n, C, H, W). Raises PluginError as ``batches`` does."""
        import numpy as np

        return np.concatenate(list(self.batches(transform)))

    def features(self, extractor: str) -> Features:
        """Return features (n, d): those given with the dataset, else the extractor's, cached by content.

        An extractor's are float32. Those that were given are used as they are: float32 or float64; other numbers become
        the one of these that holds them. Raises PluginError where the measure declares neither images nor features, and
        WeightsError where weights cannot be reached.
        """
        import numpy as np

        from dsim.features import extract

        given = self._given_features()
        found = extract(self.dataset, extractor, self.runtime) if given is None else given
        return _read_only(np.asarray(found, dtype=_precision(found.dtype)))

    def feature_blocks(self, extractor: str, rows: int = 4096) -> Iterator[Features]:
        """Return the features in order, in blocks (b, d) of at most ``rows`` rows, of the type that ``features`` has.

        Memory does not grow with the dataset where the features are extracted, or lie in an HDF5 file. Every call is a
        new pass. Raises PluginError and WeightsError as ``features`` does.
        """
        import numpy as np

        from dsim.features import feature_rows
        from dsim.store import blocks

        given = self._given_features()
        found = feature_rows(self.dataset, extractor, self.runtime) if given is None else given
        dtype = _precision(found.dtype)
        return (_read_only(np.asarray(block, dtype=dtype)) for block in blocks(found, rows))

    def _given_features(self) -> Rows | None:
        """The features that came with the dataset, if the measure asks for features; None where they are computed."""
        if Need.FEATURES in self.needs and self.dataset.features is not None:
            return self.dataset.features
        if Need.IMAGES not in self.needs:
            self._allow(Need.FEATURES)
        return None

    @property
    def labels(self) -> tuple[str, ...]:
        """One label per sample, (n,); PluginError unless the measure declares Need.LABELS."""
        self._allow(Need.LABELS)
        return self.dataset.labels or ()

    def masks(self) -> Iterator[NDArray[Any]]:
        """Yield integer masks one at a time, (H, W). Raises PluginError unless the measure declares Need.MASKS."""
        self._allow(Need.MASKS)
        return (_read_only(self.dataset.mask(index)) for index in range(len(self)))

    def mask(self, index: int) -> NDArray[Any]:
        """Return one integer mask, (H, W). Raises PluginError unless the measure declares Need.MASKS."""
        self._allow(Need.MASKS)
        return _read_only(self.dataset.mask(index))

    @property
    def attributes(self) -> Mapping[str, str]:
        """Properties of the dataset as a whole; PluginError unless the measure declares Need.ATTRIBUTES."""
        self._allow(Need.ATTRIBUTES)
        return self.dataset.attributes

    @property
    def model(self) -> str:
        """Reference of the segmentation model that was trained on the dataset: ``zoo:ID``, a file or a folder.

        Raises PluginError unless the measure declares Need.MODEL.
        """
        self._allow(Need.MODEL)
        return str(self.dataset.model)

    def _allow(self, need: Need) -> None:
        if need not in self.needs:
            raise PluginError(
                f"{self.wanted_by} reads {need} but declares only {_listed(self.needs)}",
                hint=f"add Need.{need.name} to the measure's spec",
            )


def _precision(dtype: np.dtype[Any]) -> str:
    """The type in which features are handed out: float64 would lose nothing, but costs twice the memory.

    >>> import numpy as np
    >>> [_precision(np.dtype(name)) for name in ("float16", "float32", "float64", "int64", "uint8")]
    ['float32', 'float32', 'float64', 'float64', 'float32']
    """
    exact_in_float32 = dtype.itemsize <= (4 if dtype.kind == "f" else 2)
    return "float32" if exact_in_float32 else "float64"


def _listed(needs: Iterable[Need]) -> str:
    return ", ".join(sorted(needs)) or "nothing"


def _read_only(array: NDArray[Any]) -> NDArray[Any]:
    """The same numbers, which cannot be written: they may be the user's own, and the next measure reads them too."""
    view = array.view()
    view.flags.writeable = False
    return view
