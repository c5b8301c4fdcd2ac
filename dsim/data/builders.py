"""Datasets made in Python: of arrays, of any torch map-style dataset, and of several datasets joined."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING, Any

from dsim.data.arrays import (
    CHANNELS_FIRST,
    Stack,
    check_features,
    dtype_as_read,
    mask_stack_of,
    stack_of,
    texts,
)
from dsim.data.backings import ArraysBacking
from dsim.data.dataset import Dataset
from dsim.data.formats.pixels import array_digest, as_pixels, naming
from dsim.data.ids import numbered
from dsim.errors import DataError, NeedError
from dsim.registry import Need

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from numpy.typing import NDArray


@dataclass(frozen=True)
class _TorchBacking:
    """Images of a torch dataset; picklable where that is."""

    items: Any
    name: str

    def image(self, index: int) -> NDArray[Any]:
        what = f"item {index} of {self.name}"
        with naming(what):
            return as_pixels(_array(_split(self.items[index])[0]), what)

    def image_digest(self, index: int) -> str:
        return self._digests[index]

    def mask(self, index: int) -> NDArray[Any]:
        raise NeedError(f"dataset {self.name!r} has no masks", hint="give them with from_arrays(masks=...)")

    def mask_digest(self, index: int) -> str:
        raise NeedError(f"dataset {self.name!r} has no masks", hint="give them with from_arrays(masks=...)")

    @cached_property
    def _digests(self) -> tuple[str, ...]:
        # Nothing is stored that could be hashed: the pixels themselves are the identity.
        return tuple(array_digest(self.image(index)) for index in range(len(self.items)))


def from_torch(dataset: Any, *, name: str = "torch") -> Dataset:
    """Return the dataset of a torch map-style dataset whose items are an image, or (image, label).

    Tensors are (C, H, W) or (H, W); PIL images and (H, W[, C]) arrays are taken too. Images are read when they are
    asked for. Labels come from the attribute ``targets`` (with names from ``classes``) where there is one, else from
    one pass over all items. Raises DataError where items change from one reading to the next (random augmentation).
    """
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise DataError(f"{type(dataset).__name__} is not a map-style dataset", hint="give it __len__ and __getitem__")
    count = len(dataset)
    if count == 0:
        raise DataError(f"the torch dataset {name!r} is empty", hint="give at least one image")
    backing = _TorchBacking(dataset, name)
    _refuse_random(backing, name)
    return Dataset(
        name=name,
        ids=numbered(count),
        backing=backing,
        labels=_labels(dataset, count),
        location=f"torch dataset {type(dataset).__name__}",
        format="torch dataset",
    )


def _labels(dataset: Any, count: int) -> tuple[str, ...] | None:
    if not _split(dataset[0])[1]:
        return None
    targets = getattr(dataset, "targets", None)
    if targets is None or len(targets) != count:
        targets = [_scalar(_split(dataset[index])[1][0]) for index in range(count)]
    names: Sequence[str] | None = getattr(dataset, "classes", None)
    return texts([_scalar(target) for target in targets], "labels", names)


def _refuse_random(backing: _TorchBacking, name: str) -> None:
    if array_digest(backing.image(0)) != array_digest(backing.image(0)):
        raise DataError(
            f"the torch dataset {name!r} gives other pixels each time it is read",
            hint="leave out its random transforms: a measurement needs the images themselves",
        )


def _split(item: Any) -> tuple[Any, tuple[Any, ...]]:
    """The image, and what follows it."""
    return (item[0], tuple(item[1:])) if isinstance(item, tuple | list) else (item, ())


def _array(image: Any) -> NDArray[Any]:
    """(H, W, C) of a tensor, a PIL image or an array."""
    import numpy as np
    from PIL import Image

    from dsim.data.formats.raster import native

    if isinstance(image, Image.Image):
        return native(image)
    if hasattr(image, "detach"):
        array = image.detach().cpu().numpy()
        return np.moveaxis(array, 0, -1) if array.ndim == 3 else array
    return np.asarray(image)


def _scalar(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value


if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

    Images = NDArray[Any] | Sequence[NDArray[Any]]
    Masks = NDArray[Any] | Sequence[NDArray[Any] | None]


def from_arrays(
    images: Images | None = None,
    *,
    features: NDArray[np.floating[Any]] | None = None,
    labels: Sequence[Any] | NDArray[Any] | None = None,
    masks: Masks | None = None,
    attributes: Mapping[str, str] | None = None,
    groups: Sequence[Any] | NDArray[Any] | None = None,
    ids: Sequence[str] | None = None,
    name: str = "arrays",
    channels: str | None = None,
    model: str | None = None,
) -> Dataset:
    """Return a dataset of arrays in memory. Nothing is copied: do not change them afterwards.

    Parameters
    ----------
    images : (n, H, W[, C]), or a list of (H, W[, C]) arrays of any sizes; see ``channels`` for (n, C, H, W). 8 bits,
        and floats that all lie in [0, 1], are used as they are; anything else is scaled by percentiles of the dataset.
    features : float (n, d); used as they are by every feature measure. May be given without images.
    labels, groups : one per image, turned into text. ``ids`` : unique texts; default: the position.
    masks : integers (n, H, W), 0 is background; or a list, with None for an image that has none.
    attributes : properties of the dataset as a whole.
    channels : ``first`` or ``last`` of an image's axes; None: the one that is short enough, stated in a note.
    model : the segmentation model that was trained on these images: ``zoo:ID``, a file, or a folder that holds one.
    Raises DataError where lengths or shapes do not fit.

    >>> import numpy as np
    >>> cells = from_arrays(np.zeros((3, 8, 8), np.uint8), labels=[0, 1, 0], name="cells")
    >>> len(cells), cells.classes
    (3, ('0', '1'))
    """
    _refuse_without_images(images, features, masks, name)
    stack, first = _as_list(images, "images", channels) if images is not None else (None, False)
    given, drawn = _checked_features(features, name), None if stack is None else _masks(masks, stack)
    return Dataset(
        name=name,
        ids=tuple(ids) if ids is not None else numbered(_count(stack, given)),
        backing=None if stack is None else ArraysBacking(stack, drawn, name),
        labels=None if labels is None else texts(labels, "labels"),
        groups=None if groups is None else texts(groups, "groups"),
        attributes=dict(attributes or {}),
        features=given,
        masked=drawn is not None and tuple(mask is not None for mask in drawn),
        dtypes=None if stack is None else tuple(dtype_as_read(image.dtype) for image in stack),
        notes=(CHANNELS_FIRST,) if first else (),
        model=model,
    )


def _count(stack: Sequence[Any] | None, given: Sequence[Any] | NDArray[Any] | None) -> int:
    """The number of images, or of rows of features without images."""
    rows = given if stack is None else stack
    return 0 if rows is None else len(rows)


def _refuse_without_images(images: Any, features: Any, masks: Any, name: str) -> None:
    if images is None and features is None:
        raise DataError(f"dataset {name!r} has neither images nor features", hint="give images=... or features=...")
    if masks is not None and images is None:
        raise DataError(f"dataset {name!r} has masks but no images", hint="give images=... too")


def _checked_features(features: Any, name: str) -> NDArray[Any] | None:
    import numpy as np

    if features is None:
        return None
    array = np.asarray(features)
    check_features(array, name)
    return array


def _as_list(images: Images, what: str, channels: str | None) -> tuple[tuple[NDArray[Any], ...], bool]:
    """The images with their channels last, and whether those of any came first."""
    import numpy as np

    arrays = tuple(np.asarray(image) for image in images)
    if isinstance(images, np.ndarray) and images.dtype != object:
        stacks = [stack_of(images.shape, what, channels)] * len(arrays)
    else:
        stacks = [stack_of((1, *array.shape), f"{what}[{i}]", channels) for i, array in enumerate(arrays)]
    found = tuple(stack.image(array) for stack, array in zip(stacks, arrays, strict=True))
    return found, any(stack.channels_first for stack in stacks)


def _masks(masks: Masks | None, images: Sequence[NDArray[Any]]) -> tuple[NDArray[Any] | None, ...] | None:
    """The masks, None for an image without one; None where no image has one."""
    import numpy as np

    if masks is None:
        return None
    if len(masks) != len(images):
        raise DataError(
            f"there are {len(images)} images but {len(masks)} masks",
            hint="give one mask per image, None for an image without one",
        )
    if all(mask is None for mask in masks):
        return None
    arrays = tuple(None if mask is None else np.asarray(mask) for mask in masks)
    return tuple(
        None if mask is None else _fitting(mask, image, f"masks[{index}]")
        for index, (mask, image) in enumerate(zip(arrays, images, strict=True))
    )


def _fitting(mask: NDArray[Any], image: NDArray[Any], what: str) -> NDArray[Any]:
    """The mask with its channels last. Raises DataError where it does not fit its image."""
    return mask_stack_of((1, *mask.shape), Stack((1, *image.shape)), what).image(mask)


def join(parts: Sequence[Dataset], name: str) -> Dataset:
    """Return one dataset of the images of all parts, in their order; of images of 8 bits nothing is read now.

    Each image stays scaled as in its own dataset, which for deeper ones is decided now. Ids and groups begin with
    the part's name, ``liver/017``. Masks are kept; labels and splits where every part has them; attributes are of a
    dataset as a whole, and given features of one extraction: neither is joined. Raises DataError for no part at all, or
    for an id that comes twice, NeedError for a part without images.

    >>> from dsim.data.phantoms import open_phantom
    >>> cells, eyes = (open_phantom(name, count=2, size=32) for name in ("fluorescence", "fundus"))
    >>> both = join([cells, eyes.subset([1])], "both")
    >>> both.ids, both.pixels(2).shape
    (('fluorescence/00000', 'fluorescence/00001', 'fundus/00001'), (32, 32, 3))
    """
    from dsim.data.treatment import deep_samples

    for part in parts:
        part.require(Need.IMAGES, f"joining it to {name!r}")
        if deep_samples(part):
            # Now, in this thread: threads that measure the joined images would wait for it, and it for them.
            _ = part.treatment
    return Dataset(
        name=name,
        ids=tuple(f"{part.name}/{sample}" for part in parts for sample in part.ids),
        backing=_Joined(tuple(parts)),
        labels=_of_all(parts, lambda part: part.labels),
        groups=_groups(parts),
        splits=_of_all(parts, lambda part: part.splits),
        masked=tuple(part.has_mask(index) for part in parts for index in range(len(part))),
        dtypes=_of_all(parts, _dtypes),
        location=", ".join(dict.fromkeys(part.location for part in parts)),
        format="joined",
    )


@dataclass(frozen=True)
class _Joined:
    """The samples of several datasets, one after another; their pixels are those ready for use."""

    parts: tuple[Dataset, ...]

    def image(self, index: int) -> NDArray[Any]:
        part, own = self._find(index)
        return part.pixels(own)

    def image_digest(self, index: int) -> str:
        part, own = self._find(index)
        digest = part.image_digests[own]
        if part.dtypes is not None and part.dtypes[own] == "uint8":
            return digest
        # Scaled by another dataset, the same bytes are another image.
        whole = part if part.whole is None else part.whole
        return hashlib.sha256(f"{digest} in {whole.images_fingerprint}".encode()).hexdigest()

    def mask(self, index: int) -> NDArray[Any]:
        part, own = self._find(index)
        return part.mask(own)

    def mask_digest(self, index: int) -> str:
        part, own = self._find(index)
        assert part.backing is not None, "join refuses parts without images"
        return part.backing.mask_digest(own)

    def _find(self, index: int) -> tuple[Dataset, int]:
        part = bisect.bisect_right(self._ends, index)
        return self.parts[part], index - (self._ends[part - 1] if part else 0)

    @cached_property
    def _ends(self) -> tuple[int, ...]:
        return tuple(accumulate(map(len, self.parts)))


def _of_all(parts: Sequence[Dataset], values: Callable[[Dataset], tuple[str, ...] | None]) -> tuple[str, ...] | None:
    """The values of all samples, or None where a part has none."""
    found = [values(part) for part in parts]
    return None if any(one is None for one in found) else tuple(value for one in found for value in one or ())


def _dtypes(part: Dataset) -> tuple[str, ...] | None:
    """As ``pixels`` gives them: whatever is deeper than 8 bits has been scaled."""
    if part.dtypes is None:
        return None
    return tuple(dtype if dtype == "uint8" else "float32" for dtype in part.dtypes)


def _groups(parts: Sequence[Dataset]) -> tuple[str, ...] | None:
    """Where some parts have groups, each image of the others is its own; None where no part has any."""
    if all(part.groups is None for part in parts):
        return None
    return tuple(f"{part.name}/{group}" for part in parts for group in part.groups or part.ids)
