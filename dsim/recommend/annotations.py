"""The annotated images of a target, checked before models are scored on them: classes, empty masks."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from dsim.data import evenly, without_unchanged
from dsim.files.documents import digest

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.data import Backing, Dataset
    from dsim.transfer.segmentation.pairs import Foreground

#: Masks that are read before anything is computed, spread evenly over those that there are.
_READ = 64


def check_annotations(target: Dataset, foreground: Foreground | None = None) -> tuple[Dataset, tuple[str, ...]]:
    """Return the target with the masks that models can be scored on, and what must be said of them.

    ``foreground`` : which values of the masks, integers (h, w), are foreground, as ``--foreground`` has it. Where no
    mask has any foreground, the target comes back without masks: a model that is right could not be told from one that
    marks nothing. Pre-labels that are as they were written do not count. Raises DataError for masks of several classes
    of which none was chosen, and where the chosen values never occur. (Masks of other sizes than their images are
    refused when a dataset is opened.)
    """
    given = len(target.notes)
    target = without_unchanged(target)
    notes = target.notes[given:]
    if target.backing is None or not target.annotated:
        return target, notes
    chosen = [target.annotated[position] for position in evenly(len(target.annotated), _READ)]
    # All the others are read only where these are empty.
    if not any(target.mask(index).any() for index in (*chosen, *target.annotated)):
        return replace(target, masked=False), (*notes, _all_empty(target))
    from dsim.transfer.segmentation.pairs import check_masks

    check_masks(target.subset(chosen), foreground or {}, "a choice by annotated images")
    return _with_foreground(target, foreground or {}), notes


def _all_empty(target: Dataset) -> str:
    count = len(target.annotated)
    which = (
        f"all {count} annotated images have empty masks" if count > 1 else "the one annotated image has an empty mask"
    )
    return (
        f"{which}: there, a model that is right cannot be told from one that marks nothing, so the annotations were not"
        " used; annotate an image that shows what you look for"
    )


def _with_foreground(target: Dataset, foreground: Foreground) -> Dataset:
    """The target with masks of 0 and 255 by the chosen values; unchanged where nothing was chosen."""
    if not foreground:
        return target
    assert target.backing is not None
    return replace(target, backing=_Binary(target.backing, target.name, foreground))


@dataclass(frozen=True)
class _Binary:
    """Images as they are, and masks by the chosen values."""

    original: Backing
    name: str
    foreground: Foreground

    def image(self, index: int) -> NDArray[Any]:
        return self.original.image(index)

    def image_digest(self, index: int) -> str:
        return self.original.image_digest(index)

    def mask(self, index: int) -> NDArray[Any]:
        import numpy as np

        from dsim.transfer.segmentation.pairs import is_foreground

        return is_foreground(self.original.mask(index), self.name, self.foreground).astype(np.uint8) * np.uint8(255)

    def mask_digest(self, index: int) -> str:
        chosen = {name: None if values is None else list(values) for name, values in self.foreground.items()}
        return digest({"mask": self.original.mask_digest(index), "foreground": chosen, "name": self.name})
