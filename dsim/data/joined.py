"""Several datasets as one: a pool of sources, or a dataset with strangers in it."""

from __future__ import annotations

import bisect
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import accumulate
from typing import TYPE_CHECKING

from dsim.data.dataset import Dataset
from dsim.registry import Need

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray


def join(parts: Sequence[Dataset], name: str) -> Dataset:
    """One dataset of the images of all parts, in their order; of images of 8 bits nothing is read now.

    Each image stays scaled as in its own dataset, which for deeper ones is decided now. Ids and groups are told apart
    by the part's name, ``liver/017``. Labels, splits and masks are kept where every part has them; attributes are of a
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
        masked=all(part.masked for part in parts),
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
