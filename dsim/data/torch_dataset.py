"""Read any torch map-style dataset, item by item."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import TYPE_CHECKING, Any

from dsim.data.arrays import numbered, texts
from dsim.data.dataset import Dataset
from dsim.data.pixels import array_digest, as_pixels, naming
from dsim.errors import DataError, NeedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


@dataclass(frozen=True)
class TorchBacking:
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
        # There are no stored bytes to hash: the pixels themselves are the identity.
        return tuple(array_digest(self.image(index)) for index in range(len(self.items)))


def from_torch(dataset: Any, *, name: str = "torch") -> Dataset:
    """A dataset from a torch map-style Dataset whose items are an image, or (image, label).

    Tensors are (C, H, W) or (H, W); PIL images and (H, W[, C]) arrays are taken too. Images are read when they are
    asked for. Labels come from the attribute ``targets`` (with names from ``classes``) where there is one, else from
    one pass over all items. Raises DataError where items change from one reading to the next (random augmentation).
    """
    if not hasattr(dataset, "__len__") or not hasattr(dataset, "__getitem__"):
        raise DataError(f"{type(dataset).__name__} is no map-style dataset", hint="give it __len__ and __getitem__")
    count = len(dataset)
    if count == 0:
        raise DataError(f"the torch dataset {name!r} is empty", hint="give at least one image")
    backing = TorchBacking(dataset, name)
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


def _refuse_random(backing: TorchBacking, name: str) -> None:
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

    from dsim.data.raster import native

    if isinstance(image, Image.Image):
        return native(image)
    if hasattr(image, "detach"):
        array = image.detach().cpu().numpy()
        return np.moveaxis(array, 0, -1) if array.ndim == 3 else array
    return np.asarray(image)


def _scalar(value: Any) -> Any:
    return value.item() if hasattr(value, "item") else value
