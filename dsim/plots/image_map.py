"""One map of images as a picture: a mark for each image, coloured by its category."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from itertools import cycle
from pathlib import Path
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsim.pages import category_order
from dsim.plots.style import (
    PALE_INK,
    ROLE_COLOURS,
    SHAPES,
    check_suffix,
    drawable,
    name_entries,
    pictures,
    save,
    unframed,
)

#: Categories that have a colour and a shape of their own; the rest is gray.
MOST = 20
#: Their colours: small marks show these better than shapes, so the second half are darker, and not repeated.
_COLOURS = (*ROLE_COLOURS["source"], *ROLE_COLOURS["target"])
#: Side of the picture, inches, and the share of it that the marks of all images would cover if none overlapped.
_SIDE, _COVERED = 7.0, 0.12


class CategoryMarks(NamedTuple):
    """A category, how its images are marked, and which they are, intp (k,)."""

    name: str
    colour: str
    shape: str
    members: NDArray[np.intp]


def draw_image_map(points: NDArray[np.float64], categories: Sequence[str], path: str | Path, title: str) -> None:
    """Draw points (n, 2) as PNG or SVG, by the suffix, both axes to one scale; written atomically.

    Parameters
    ----------
    categories : a text for each point, empty for none; the 20 most frequent get a colour and a shape of their own.

    Raises UsageError for another suffix, DsimError where the file cannot be written.
    """
    from matplotlib.figure import Figure

    target = Path(path)
    check_suffix(target)
    with pictures():
        figure = Figure(figsize=(_SIDE + 2.4, _SIDE + 0.4), dpi=110, layout="constrained")
        axes = figure.add_subplot()
        size = max(1.5, _COVERED * (_SIDE * 72) ** 2 / max(1, len(points)))
        names = []
        for name, colour, shape, chosen in category_marks(categories):
            marks = points[chosen]
            axes.scatter(marks[:, 0], marks[:, 1], s=min(size, 30), c=colour, marker=shape, linewidths=0, alpha=0.75)
            names.append(f"{drawable(name, 28)} ({len(marks):,})")
        axes.set(xticks=[], yticks=[], aspect="equal", title=drawable(title, 90))
        unframed(axes)
        if len(names) > 1 or categories[:1] != [""]:
            legend = axes.legend(
                ["-"] * len(names), loc="center left", bbox_to_anchor=(1, 0.5), frameon=False, markerscale=2
            )
            name_entries(legend, names)
        save(figure, target, title)


def category_marks(categories: Sequence[str]) -> list[CategoryMarks]:
    """Return the marks of each category of n images, the largest first, and before them the gray rest.

    In that order they are drawn: the rest lies below all, and no small category below a large one. Colours and shapes
    go by name, as on the page of a map.

    >>> [(marks.name, marks.members.tolist()) for marks in category_marks(["a", "", "b", "a"])]
    [('no label', [1]), ('a', [0, 3]), ('b', [2])]
    """
    counts = Counter(category for category in categories if category)
    named = [name for name, _ in counts.most_common(MOST)]
    places: dict[str, list[int]] = {name: [] for name in named}
    rest: list[int] = []
    for place, category in enumerate(categories):
        places.get(category, rest).append(place)
    other = "other" if len(counts) > MOST else "no label" if named else "images"
    gray = [CategoryMarks(other, PALE_INK, "o", np.array(rest, dtype=np.intp))] if rest else []
    looks = dict(zip(sorted(named, key=category_order), zip(cycle(_COLOURS), cycle(SHAPES["source"])), strict=False))
    return gray + [CategoryMarks(name, *looks[name], np.array(places[name], dtype=np.intp)) for name in named]
