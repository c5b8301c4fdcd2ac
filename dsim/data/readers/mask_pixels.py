"""Masks recognised by their pixels: those in a folder of masks, and those under names that no rule knows.

Masks that are read as images would give numbers that look plausible.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.data.file_list import folder_name, sample_id, stem
from dsim.data.folder_layout import NONE, typed
from dsim.data.formats import decode
from dsim.data.options import MAX_PIXELS
from dsim.data.readers.name_conventions import SEPARATORS
from dsim.errors import DataError, DsimError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

#: A mask has hardly more classes than this.
_FEW = 4
_LOOKED_AT = 3
#: A mask has few values, or wide plains of one value.
_VALUES, _COVERED, _PLAIN = 16, 0.9, 0.8
#: Of larger pictures only some rows are looked at, of about so many pixels together.
_PIXELS = 2**20


def refuse_hidden_masks(files: Sequence[Path], root: Path) -> None:
    """Raise DataError where half of the files have the stems of the others, and are masks by their pixels.

    Two folders of the same stems are looked at, and files of one folder whose names differ by one ending. A look at the
    pixels of a few files decides, so that a folder of masks alone, or of photographs twice, is what it seems.
    """
    _refuse_twin_files(files, root)
    _refuse_twin_folders(files, root)
    _refuse_endings(files, root)


def _refuse_twin_files(files: Sequence[Path], root: Path) -> None:
    """Raise DataError where, of two kinds of files with the same stems (``.jpg``, ``.png``), one looks like masks."""
    kinds = sorted({file.suffix for file in files})
    if len(kinds) != 2:
        return
    first, second = ({file.with_suffix(""): file for file in files if file.suffix == kind} for kind in kinds)
    if first.keys() != second.keys():
        return
    for images, masks in ((first, second), (second, first)):
        if _are_masks([(images[stem_], masks[stem_]) for stem_ in images]):
            image, mask = next(iter(images.values())), next(iter(masks.values()))
            ways = typed(root, images=f"*{image.suffix}", masks=f"*{mask.suffix}")
            raise DataError(
                f"{mask} has the stem of {image.name}, and looks like its mask",
                hint=f"if all such files are masks: {ways}; otherwise rename them",
            )


def _refuse_twin_folders(files: Sequence[Path], root: Path) -> None:
    """Raise DataError where, of exactly two folders in the root, one looks like the masks of the other."""
    homes = {file.parent for file in files}
    tops = sorted({home.relative_to(root).parts[:1] for home in homes})
    if len(tops) != 2 or () in tops:
        return
    one, other = (root / name for (name,) in tops)
    of_one, of_other = ({sample_id(f, top): f for f in files if top in f.parents} for top in (one, other))
    if of_one.keys() != of_other.keys():
        return
    for images, masks, pairs in (
        (one, other, [(of_one[key], of_other[key]) for key in of_one]),
        (other, one, [(of_other[key], of_one[key]) for key in of_one]),
    ):
        if _are_masks(pairs):
            named = [folder_name(folder, root)[:-1] for folder in (images, masks)]
            raise DataError(
                f"{masks} holds files of the same names as {images}, and they look like the masks of these",
                hint=f"if they are: {typed(root, images=named[0], masks=named[1])}; "
                f"if both are classes of images: {typed(root, masks=NONE)}",
            )


def _refuse_endings(files: Sequence[Path], root: Path) -> None:
    """Raise DataError where half of the files are named as the others, with one ending, and look like their masks."""
    stems = {(file.parent, stem(file)): file for file in files}
    for ending in _endings(stems):
        marked = [key for key in stems if key[1].endswith(ending) and (key[0], key[1][: -len(ending)]) in stems]
        if 2 * len(marked) != len(stems):
            continue
        pairs = [(stems[folder, name[: -len(ending)]], stems[folder, name]) for folder, name in marked]
        if _are_masks(pairs):
            raise DataError(
                f"{pairs[0][1]} and {len(pairs) - 1} more files look like the masks of those of the same names "
                f"without {ending!r}",
                hint=f"if they are: {typed(root, masks=f'*{ending}')}; if all are images: {typed(root, masks=NONE)}",
            )


def _endings(stems: Iterable[tuple[Path, str]]) -> list[str]:
    """Endings, from a separator on, that half of the names have."""
    names = [name for _, name in stems]
    counts = Counter(name[place:] for name in names for place, sign in enumerate(name) if place and sign in SEPARATORS)
    return [ending for ending, count in counts.items() if 2 * count == len(names)]


def _are_masks(pairs: Sequence[tuple[Path, Path]]) -> bool:
    """Whether of a few pairs, evenly spread, all second files have few values, and all first ones many."""
    chosen = {place * len(pairs) // _LOOKED_AT for place in range(_LOOKED_AT)}
    return all(_looks(pairs[place][1]) and not _looks(pairs[place][0]) for place in sorted(chosen))


def _looks(file: Path) -> bool:
    try:
        return looks_like_mask(decode.read(file), _FEW, plains=False)
    except DsimError:
        return False


# Pixels of masks ----------------------------------------------------------------------------------------------------


def unlike_masks(files: Sequence[Path], max_pixels: int = MAX_PIXELS) -> Path | None:
    """Return the first of a few files, evenly spread, whose pixels are not those of a mask; None without one.

    In a photograph neighbours differ, and no sixteen values fill nine tenths of it. What cannot be read is not judged:
    reading it as a mask gives the reason.
    """
    ordered = sorted(files)
    chosen = [ordered[place * len(ordered) // _LOOKED_AT] for place in range(_LOOKED_AT)] if ordered else []
    return next((file for file in dict.fromkeys(chosen) if not _may_be_mask(file, max_pixels)), None)


def _may_be_mask(file: Path, max_pixels: int) -> bool:
    try:
        pixels = decode.read(file, 0, max_pixels)
    except DsimError:
        return True
    return looks_like_mask(pixels)


def looks_like_mask(pixels: NDArray[Any], values: int = _VALUES, *, plains: bool = True) -> bool:
    """Return whether pixels (h, w, c), any dtype, could be those of a mask: few values, or wide plains of one value.

    Without ``plains`` only few values count.

    >>> import numpy as np
    >>> looks_like_mask(np.eye(32)[:, :, None]), looks_like_mask(np.random.default_rng(0).normal(size=(32, 32, 1)))
    (True, False)
    """
    import numpy as np

    height, width, channels = pixels.shape
    rows = pixels[:: 1 + height * width // _PIXELS]
    codes = np.zeros(rows.shape[:2], np.int64)
    for channel in range(channels):
        known, of_channel = np.unique(rows[:, :, channel], return_inverse=True)
        codes = codes * len(known) + of_channel.reshape(codes.shape)
    counts = np.sort(np.unique(codes, return_counts=True)[1])[::-1]
    if counts[:values].sum() >= _COVERED * codes.size:
        return True
    return plains and width > 1 and bool((codes[:, 1:] == codes[:, :-1]).mean() >= _PLAIN)
