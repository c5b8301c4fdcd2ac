"""The contact sheet: outlines of the pre-labels on their images, the most doubtful beside some of the others."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.prelabel.table import Row

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    from dsim.data.dataset import Backing, Dataset


@dataclass(frozen=True)
class _Labelled:
    """The images of a target with the masks that were written for them."""

    images: Backing
    masks: tuple[Path, ...]

    def image(self, index: int) -> NDArray[Any]:
        return self.images.image(index)

    def image_digest(self, index: int) -> str:
        return self.images.image_digest(index)

    def mask(self, index: int) -> NDArray[Any]:
        from dsim.data.decode import read_mask

        return read_mask(self.masks[index])

    def mask_digest(self, index: int) -> str:
        raise NotImplementedError


def write_overlays(path: Path, target: Dataset, out: Path, rows: Sequence[Row], shown: int) -> None:
    """Draw ``shown`` images: half of them the most doubtful of ``rows``, which are in that order, half of the rest."""
    from dsim.data.sheet import save_sheet

    first = rows[: -(-shown // 2)]
    rest = rows[len(first) :]
    wanted = min(len(rest), shown - len(first))
    others = [rest[position * len(rest) // wanted] for position in range(wanted)]
    blocks = [(f"{target.name}, most doubtful", first), (f"{target.name}, others", others)]
    save_sheet([_view(target, out, title, block) for title, block in blocks if block], path, per_dataset=shown)


def _view(target: Dataset, out: Path, title: str, rows: Sequence[Row]) -> Dataset:
    """The images of some rows, under what is expected of them."""
    assert target.backing is not None
    place = {id: index for index, id in enumerate(target.ids)}
    part = target.subset([place[row["id"]] for row in rows])
    assert part.backing is not None
    view = replace(
        part,
        name=title,
        backing=_Labelled(part.backing, tuple(out / row["mask"] for row in rows)),
        labels=tuple(f"{row['expected_dice']:.2f}" for row in rows),
        masked=True,
    )
    # Deep images are scaled by what the whole target is like, as they were for the model.
    vars(view)["treatment"] = target.treatment
    return view
