"""Images and masks of a dataset, checked, decoded once and kept in memory at the size that training needs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, UsageError
from dsim.registry import Need

if TYPE_CHECKING:
    import numpy as np
    import torch
    from numpy.typing import NDArray
    from torch import Tensor

    from dsim.data import Dataset
    from dsim.models import SegmentationRecipe

#: Which values of the masks are foreground, by name of dataset; ``EVERY`` dataset otherwise. None: every value but 0.
Foreground = Mapping[str, tuple[int, ...] | None]
EVERY = ""
#: Patches that one large image gives in an epoch, at most.
MOST_PATCHES = 16
#: Around a patch of a large image, so that rotating and zooming show what is there.
WINDOW = 1.5
_SHOWN = 12


def parse_foreground(texts: Sequence[str]) -> dict[str, tuple[int, ...] | None]:
    """Return the choice of ``--foreground``: ``1,2`` or ``all`` for every dataset, ``NAME=1,2`` for one.

    Raises UsageError where a text names no values.

    >>> parse_foreground(["all", "liver=1,2"])
    {'': None, 'liver': (1, 2)}
    """
    foreground: dict[str, tuple[int, ...] | None] = {}
    for text in texts:
        name, _, values = text.rpartition("=")
        try:
            foreground[name or EVERY] = None if values == "all" else tuple(sorted({int(v) for v in values.split(",")}))
        except ValueError:
            raise UsageError(
                f"--foreground {text} names no values of masks", hint="give --foreground 1,2 or all, or NAME=1,2"
            ) from None
    return foreground


def check_masks(dataset: Dataset, foreground: Foreground, wanted_by: str) -> float:
    """Return the mean Dice, in [0, 1], that calling every pixel foreground would score.

    Reads every mask. Raises NeedError without masks; DataError where masks hold more classes than background and
    foreground and none was chosen, where the chosen ones never occur, or where no mask has any foreground.
    """
    from dsim.models import dice_of_everything

    dataset.require(Need.MASKS, wanted_by)
    seen: set[int] = set()
    shares = []
    for index in range(len(dataset)):
        mask = dataset.mask(index)
        seen |= _values(mask)
        shares.append(float(is_foreground(mask, dataset.name, foreground).mean()))
    _check_values(dataset.name, sorted(seen), foreground)
    return sum(map(dice_of_everything, shares)) / len(shares)


def is_foreground(mask: NDArray[Any], name: str, foreground: Foreground) -> NDArray[np.bool_]:
    """Return the foreground of a mask, integers (h, w), as boolean (h, w)."""
    import numpy as np

    chosen = foreground.get(name, foreground.get(EVERY))
    return mask != 0 if chosen is None else np.isin(mask, chosen)


def read_pair(dataset: Dataset, index: int, foreground: Foreground) -> tuple[Tensor, NDArray[np.bool_]]:
    """Return an image, float32 (3, h, w) in [0, 1], and its mask, boolean (h, w).

    Raises DataError where their sizes differ, or the image has other than 1 or 3 channels.
    """
    from dsim.models import as_rgb

    what = f"image {dataset.ids[index]!r} of {dataset.name!r}"
    image = as_rgb(dataset.pixels(index), what)
    mask = is_foreground(dataset.mask(index), dataset.name, foreground)
    if image.shape[1:] != mask.shape:
        raise DataError(
            f"{what} has {image.shape[1]} x {image.shape[2]} pixels, and its mask {mask.shape[0]} x {mask.shape[1]}",
            hint="give masks of the size of their images",
        )
    return image, mask


@dataclass(frozen=True)
class Pairs:
    """Images with their masks, uint8 (4, h, w) each: three channels and the mask, 0 or 255.

    None is smaller than a window, so that batches can be cut from images of any size. ``sizes`` are the numbers of
    images of each dataset, where they are of several.
    """

    planes: tuple[Tensor, ...]
    patch: int
    sizes: tuple[int, ...] = ()

    def __len__(self) -> int:
        return len(self.planes)

    def draws(self) -> tuple[Tensor, ...]:
        """Return, for each dataset, what one epoch shows of it, int64 (n,): large images for as many patches."""
        import torch

        times = torch.tensor([max(1, min(MOST_PATCHES, round(p[0].numel() / self.patch**2))) for p in self.planes])
        parts = torch.split(torch.arange(len(self)), list(self.sizes or (len(self),)))
        return tuple(torch.repeat_interleave(part, times[part]) for part in parts)

    def windows(self, indices: Tensor, size: int, generator: torch.Generator | None = None) -> Tensor:
        """Return square windows float32 (b, 4, size, size) in [0, 1], at random places where an image is larger."""
        import torch

        cut = [_window(self.planes[index], size, generator) for index in indices.tolist()]
        return torch.stack(cut).float() / 255

    def tiles(self) -> Iterator[Tensor]:
        """Yield every image cut into patches, uint8 (t, 4, patch, patch), as prediction would cut it."""
        import torch

        from dsim.models.tiles import tile_starts

        side = self.patch
        for planes in self.planes:
            height, width = planes.shape[1:]
            corners = [(top, left) for top in tile_starts(height, side) for left in tile_starts(width, side)]
            yield torch.stack([planes[:, top : top + side, left : left + side] for top, left in corners])


def window_side(recipe: SegmentationRecipe) -> int:
    """Return the side of the windows from which patches are drawn: the patch's own for images that fit into one."""
    return recipe.patch if 0 < recipe.side <= recipe.patch else round(WINDOW * recipe.patch)


def gather_pairs(dataset: Dataset, indices: Sequence[int], recipe: SegmentationRecipe, foreground: Foreground) -> Pairs:
    """Return these images of a dataset with their masks, uint8 (4, h, w), at the size at which the recipe trains.

    Raises DataError where an image and its mask differ in size.
    """
    import torch

    from dsim.models.tiles import pad_planes, scale_planes

    planes, side = [], window_side(recipe)
    for index in indices:
        image, mask = read_pair(dataset, index, foreground)
        both = scale_planes(torch.cat([image, torch.from_numpy(mask).float()[None]]), recipe.side)
        both[3] = (both[3] >= 0.5).float()
        planes.append(pad_planes((both * 255).round().clamp_(0, 255).to(torch.uint8), side))
    return Pairs(tuple(planes), recipe.patch)


def join_pairs(parts: Sequence[Pairs]) -> Pairs:
    """Return the images of several datasets, which training then shows in equal shares. They have one patch's side."""
    planes = tuple(planes for part in parts for planes in part.planes)
    return Pairs(planes, parts[0].patch, tuple(map(len, parts)))


def _window(planes: Tensor, size: int, generator: torch.Generator | None) -> Tensor:
    import torch

    corner = []
    for length in planes.shape[1:]:
        free = length - size + 1
        random = generator is not None and free > 1
        corner.append(int(torch.randint(free, (1,), generator=generator)) if random else max(0, free // 2))
    return planes[:, corner[0] : corner[0] + size, corner[1] : corner[1] + size]


def _values(mask: NDArray[Any]) -> set[int]:
    import numpy as np

    return {int(value) for value in np.unique(mask)}


def _check_values(name: str, seen: Sequence[int], foreground: Foreground) -> None:
    listed = ", ".join(map(str, seen[:_SHOWN])) + (f" and {len(seen) - _SHOWN} more" if len(seen) > _SHOWN else "")
    chosen = foreground.get(name, foreground.get(EVERY)) if {name, EVERY} & set(foreground) else ()
    if chosen == () and len(set(seen) - {0}) > 1:
        raise DataError(
            f"the masks of {name!r} are not binary: their values are {listed}",
            hint=f"say which are foreground: --foreground {name}={seen[-1]}, or --foreground all for all but 0",
        )
    if chosen and not set(chosen) & set(seen):
        raise DataError(
            f"no mask of {name!r} holds {', '.join(map(str, chosen))}: their values are {listed}",
            hint=f"choose among those: --foreground {name}={seen[-1]}",
        )
    if not set(seen) - {0}:
        raise DataError(f"no mask of {name!r} has any foreground", hint="leave that dataset out, or mend its masks")
