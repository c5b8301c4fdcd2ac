"""The annotated images of a target: checked before hours of training, and divided for cross-validation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.data.splits import fold_dataset
from dsim.errors import DataError, NeedError, UsageError
from dsim.registry import Need
from dsim.transfer.segmentation.pairs import EVERY, Foreground, read_pair

if TYPE_CHECKING:
    from dsim.data import Dataset

#: Every value of a mask but 0 is foreground: objects may be numbered.
ALL: Foreground = {EVERY: None}
#: So many annotated images, or groups, are left out one by one; of more, a fifth at a time.
ONE_BY_ONE = 5

Indices = tuple[int, ...]


@dataclass(frozen=True)
class Annotation:
    """The annotated images of a target.

    Parameters
    ----------
    target : the dataset, most of whose images have no mask as a rule.
    images : positions of the annotated ones in it. ``empty`` : how many of their masks have no foreground.
    units : of each annotated image its group, or a text of its own where no groups are known: what is independent.
    """

    target: Dataset
    images: Indices
    empty: int
    units: tuple[str, ...]

    @property
    def rest(self) -> int:
        """The number of images without a mask."""
        return len(self.target) - len(self.images)

    @property
    def independent(self) -> int:
        """The number of groups among the annotated images."""
        return len(set(self.units))

    def folds(self, count: int = 0, seed: int = 0) -> tuple[tuple[Indices, Indices], ...]:
        """Return pairs (training, test) of positions in the target; every annotated image is tested once.

        Groups stay whole. ``count`` 0 leaves out one group at a time up to ``ONE_BY_ONE`` groups, else a fifth. Empty
        where all images belong to one group: nothing is left to be tested. Raises UsageError for one fold, or more
        folds than groups.
        """
        groups = self.independent
        if groups < 2:
            return ()
        wanted = count or min(groups, ONE_BY_ONE)
        if not 2 <= wanted <= groups:
            what = "images" if self.target.groups is None else "groups"
            raise UsageError(
                f"{wanted} folds cannot be made of {groups} annotated {what}", hint=f"give 2 to {groups} folds"
            )
        part = self.target.subset(self.images)
        pairs = fold_dataset(part, wanted, seed=seed, stratified=False)
        return tuple((self._places(training), self._places(test)) for training, test in pairs)

    def _places(self, positions: Indices) -> Indices:
        return tuple(self.images[position] for position in positions)


def read_annotation(target: Dataset) -> Annotation:
    """Return the annotated images of a target, each read once.

    Raises NeedError where no image has a mask; DataError where a mask has another size than its image, where an image
    has other than 1 or 3 channels, and where all masks are empty: then a model that is right cannot be told from one
    that marks nothing.
    """
    images = tuple(target.annotated) if target.has(Need.MASKS) else ()
    if not images:
        raise NeedError(
            f"no image of {target.name!r} has a mask, and adapt needs annotated ones",
            hint=f"choose three, with masks to correct: dsim annotate-next {target.reference} --count 3 --out DIR",
        )
    empty = sum(not read_pair(target, index, ALL)[1].any() for index in images)
    if empty == len(images):
        raise DataError(
            f"no mask of {target.name!r} has any foreground ({empty} read): a model that is right cannot be told from"
            " one that marks nothing",
            hint="annotate images that show what is to be marked",
        )
    groups = target.groups
    units = tuple(str(index) if groups is None else groups[index] for index in images)
    return Annotation(target, images, empty, units)
