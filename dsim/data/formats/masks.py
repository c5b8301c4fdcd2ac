"""Masks from files whose numbers are ambiguous: blurred by compression, or drawn in transparency.

Each function returns the mask, (H, W) or (H, W, C), and notes for the user on what was decided.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from dsim.errors import UnreadableImageError

if TYPE_CHECKING:
    from typing import Any

    from numpy.typing import NDArray

    Read = tuple[NDArray[Any], tuple[str, ...]]

_AS_PNG = "save the masks as PNG, from the program or the data that they were made with"
#: Pixels whose neighbours differ by less lie within one region: compression blurs edges.
_CALM = 10
#: What is nearer to black or white than this is that; noise beside edges reaches farther than noise within regions.
_DARK, _BRIGHT = 40, 216
_BLACK, _WHITE = 12, 243
#: Share of pixels that may be calm and gray by chance.
_CHANCE = 0.02
#: Of what is marked, so much is bright, or lies within regions.
_MOSTLY = 0.3
_GAP, _WIDEST, _MOST = 8, 24, 16
#: Colours of one region differ by less.
_ONE_COLOUR = 48


def mask_of_palette(indices: NDArray[Any], table: NDArray[Any]) -> Read:
    """Return a palette's indices, unless black has another index than 0: then the colours decide the background.

    ``indices`` is (H, W), ``table`` uint8 (k, 3). The result, (H, W) or colours (H, W, 3), goes through ``as_mask``.
    The whole ramp from white to black is ImageJ's inverting table, which changes what is shown and not what is stored.
    """
    import numpy as np

    if is_inverting(table):
        return indices, ("inverting display table: stored values kept",)
    if np.any(table[0]) and not table[np.unique(indices)].any(axis=1).all():
        return np.asarray(table[indices]), ()
    return indices, ()


def is_inverting(table: NDArray[Any]) -> bool:
    """Return whether a palette (k, 3) is the whole ramp from white to black."""
    import numpy as np

    return len(table) == 256 and np.array_equal(table, np.repeat(np.arange(255, -1, -1), 3).reshape(256, 3))


def mask_of_alpha(colours: NDArray[Any], alpha: NDArray[Any], what: object) -> Read:
    """Return the mask of an image whose transparency (H, W) varies: what is transparent is background.

    ``colours``, (H, W[, C]), are the classes; black is one where no other colour is opaque. Where nothing is
    transparent, or everything is alike, the transparency means nothing and the colours are returned.
    Raises UnreadableImageError where both black and transparent pixels could be the background.
    """
    import numpy as np

    low, high = int(alpha.min()), int(alpha.max())
    if low == high or low > np.iinfo(alpha.dtype).max // 2:
        return colours, ()
    colours = colours.reshape(*alpha.shape, -1)
    clear = alpha <= (low + high) // 2
    coloured: NDArray[Any] = (colours != 0).any(axis=2)
    notes = ("shape taken from its transparency",)
    if coloured[~clear].all():
        kept = np.where(clear[:, :, None], 0, colours).astype(colours.dtype)
        return kept, notes if coloured[clear].any() else ()
    if not coloured[clear].any() and coloured.any():
        return colours, ()  # transparent and opaque black alike are background
    if not coloured[~clear].any():
        return np.where(clear, 0, 255).astype(np.uint8), notes
    raise UnreadableImageError(
        f"mask {what} has coloured pixels that are transparent and black ones that are not: which are background?",
        hint="save the mask as one gray channel without transparency, with 0 as background",
    )


def mask_of_lossy(pixels: NDArray[Any], what: object) -> Read:
    """Return the mask of a picture (H, W[, C]), uint8, whose compression has blurred it: 0 and 255, or its grays.

    Grays are classes where they are few and clearly separated; edges go to the nearest gray of their surroundings.
    Raises UnreadableImageError for other grays, for several colours, and where nothing is bright enough to differ from
    noise.
    """
    import numpy as np

    channels = pixels.reshape(*pixels.shape[:2], -1)
    values = channels.max(axis=2)
    calm, marked = _calm(values), values >= _DARK
    _refuse_colours(channels, calm & marked, what)
    gray = calm & marked & (values < _BRIGHT)
    if gray.sum() <= _CHANCE * marked.sum():
        bright = values >= _BRIGHT
        # An empty mask is one value everywhere, which compression may have moved from 0.
        if bright.sum() < _MOSTLY * marked.sum() or (values.max() < _DARK and values.max() > values.min()):
            raise UnreadableImageError(
                f"mask {what} holds thin or faint marks, or a photograph, in a format that blurs them", hint=_AS_PNG
            )
        return np.where(values >= 128, 255, 0).astype(np.uint8), ()
    levels = _levels(values[calm])
    if len(levels) < 2 or (calm & marked).sum() < _MOSTLY * marked.sum():
        raise UnreadableImageError(
            f"mask {what} holds grays that are not clearly separated classes, in a format that blurs them", hint=_AS_PNG
        )
    return _nearest(values, calm, levels), ("grays of a lossy format taken as classes",)


def _calm(values: NDArray[Any]) -> NDArray[Any]:
    """Where the eight neighbours are alike, (H, W)."""
    from scipy.ndimage import maximum_filter, minimum_filter

    spread = maximum_filter(values, 3).astype(int) - minimum_filter(values, 3)
    within: NDArray[Any] = spread < _CALM
    return within


def _refuse_colours(channels: NDArray[Any], regions: NDArray[Any], what: object) -> None:
    import numpy as np

    found = channels[regions].astype(int)
    if channels.shape[2] == 1 or not len(found) or np.ptp(found, axis=1).max() <= _ONE_COLOUR:
        return
    low, high = np.percentile(found, (1, 99), axis=0)
    if (high - low).max() > _ONE_COLOUR:
        raise UnreadableImageError(f"mask {what} has several colours, in a format that blurs them", hint=_AS_PNG)


def _levels(calm: NDArray[Any]) -> list[int]:
    """The grays of regions, each the most frequent of its cluster; none where clusters are wide or many."""
    import numpy as np

    counts = np.bincount(calm.ravel(), minlength=256)
    frequent = np.flatnonzero(counts > counts.sum() / 1000)
    clusters = np.split(frequent, np.flatnonzero(np.diff(frequent) > _GAP) + 1)
    within = sum(counts[max(0, part[0] - _GAP) : part[-1] + _GAP].sum() for part in clusters if len(part))
    wide = any(part[-1] - part[0] > _WIDEST for part in clusters if len(part))
    if wide or len(clusters) > _MOST or within < (1 - _CHANCE) * counts.sum():
        return []
    modes = [int(part[np.argmax(counts[part])]) for part in clusters]
    return sorted({0 if mode <= _BLACK else 255 if mode >= _WHITE else mode for mode in modes})


def _nearest(values: NDArray[Any], calm: NDArray[Any], levels: list[int]) -> NDArray[Any]:
    """The level of each pixel (H, W): between black and white, a gray is a third class only if it is near."""
    import numpy as np
    from scipy.ndimage import maximum_filter

    far = []
    for level in levels:
        distance = np.abs(values.astype(int) - level)
        near = maximum_filter(calm & (distance <= _BLACK), 7)
        far.append(distance + 512 * ~near)
    nearest: NDArray[Any] = np.array(levels, np.uint8)[np.argmin(far, axis=0)]
    return nearest
