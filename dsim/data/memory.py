"""Datasets from Python: plain arrays, and any torch map-style Dataset (``from_torch``)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dsim.data.arrays import check_masks, check_stack, dtype_as_read, numbered, texts
from dsim.data.backings import ArraysBacking
from dsim.data.dataset import Dataset
from dsim.data.given import check_features
from dsim.data.torch_dataset import from_torch
from dsim.errors import DataError

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    Images = NDArray[Any] | Sequence[NDArray[Any]]

__all__ = ["from_arrays", "from_torch"]


def from_arrays(
    images: Images | None = None,
    *,
    features: NDArray[np.floating[Any]] | None = None,
    labels: Sequence[Any] | NDArray[Any] | None = None,
    masks: Images | None = None,
    attributes: Mapping[str, str] | None = None,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    ids: Sequence[str] | None = None,
    name: str = "arrays",
) -> Dataset:
    """A dataset of arrays that are already in memory. Nothing is copied: do not change them afterwards.

    Parameters
    ----------
    images : (n, H, W) or (n, H, W, C), or a list of (H, W[, C]) arrays of any sizes. 8 bits are used as they are,
        floats too if all lie in [0, 1]; anything else is scaled by percentiles of the dataset.
    features : float (n, d); used as they are by every feature measure. May be given without images.
    labels, groups : one per image, turned into text. ``masks`` : integers (n, H, W), 0 is background.
    attributes : properties of the dataset as a whole.
    ids : unique texts; default: the position.

    Raises DataError where lengths or shapes do not fit.

    >>> import numpy as np
    >>> cells = from_arrays(np.zeros((3, 8, 8), np.uint8), labels=[0, 1, 0], name="cells")
    >>> len(cells), cells.classes
    (3, ('0', '1'))
    """
    import numpy as np

    if images is None and features is None:
        raise DataError(
            f"dataset {name!r} has neither images nor features", hint="give images=..., features=..., or both"
        )
    stack = _as_list(images, "images") if images is not None else None
    given = None if features is None else np.asarray(features)
    count = len(stack) if stack is not None else len(given) if given is not None else 0
    backing = None if stack is None else ArraysBacking(stack, _masks(masks, stack), name)
    if masks is not None and stack is None:
        raise DataError(f"dataset {name!r} has masks but no images", hint="give images=... too")
    if given is not None:
        check_features(given, name)
    return Dataset(
        name=name,
        ids=tuple(ids) if ids is not None else numbered(count),
        backing=backing,
        labels=None if labels is None else texts(labels, "labels"),
        groups=None if groups is None else texts(groups, "groups"),
        attributes=dict(attributes or {}),
        features=given,
        masked=masks is not None,
        dtypes=None if stack is None else tuple(dtype_as_read(image.dtype) for image in stack),
    )


def _as_list(images: Images, what: str) -> tuple[NDArray[Any], ...]:
    import numpy as np

    if isinstance(images, np.ndarray) and images.dtype != object:
        check_stack(images.shape, what)
    arrays = tuple(np.asarray(image) for image in images)
    for index, array in enumerate(arrays):
        check_stack((1, *array.shape), f"{what}[{index}]")
    return arrays


def _masks(masks: Images | None, images: Sequence[NDArray[Any]]) -> tuple[NDArray[Any], ...] | None:
    if masks is None:
        return None
    arrays = _as_list(masks, "masks")
    if len(arrays) != len(images):
        raise DataError(f"there are {len(images)} images but {len(arrays)} masks", hint="give one mask per image")
    for index, (mask, image) in enumerate(zip(arrays, images, strict=True)):
        check_masks((1, *mask.shape), (1, *image.shape), f"masks[{index}]")
    return arrays
