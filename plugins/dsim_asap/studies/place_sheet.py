"""A contact sheet of the images that do not belong: each with where it would rather be, and why it is here."""

from __future__ import annotations

import math
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsim_asap.studies.place import Stray, Strays

if TYPE_CHECKING:
    from dsim_asap.latent.clouds import Cloud

_COLUMNS, _CELL, _TEXT = 6, 1.55, 0.72
#: Images on a sheet; the table has all of them.
MOST = 36


def draw_sheet(cloud: Cloud, strays: Strays, path: Path, title: str, note: str = "") -> None:
    """Draw the strongest strays as PNG or SVG, by the suffix; written atomically. Nothing is drawn without any."""
    from matplotlib.figure import Figure

    from dsim.plots.style import PALE_INK, check_suffix, drawable, pictures, save
    from dsim_asap.studies.map_picture import typical_image

    check_suffix(path)
    shown = strays.found[:MOST]
    if not shown:
        return
    rows = math.ceil(len(shown) / _COLUMNS)
    with pictures():
        figure = Figure(figsize=(_COLUMNS * _CELL + 0.2, rows * (_CELL + _TEXT) + 0.75))
        width, height = figure.get_size_inches()
        figure.text(0.1 / width, 1 - 0.1 / height, drawable(title), va="top", fontsize=12, fontweight="bold")
        figure.text(0.1 / width, 1 - 0.36 / height, drawable(note, 400), va="top", fontsize=7.5, color=PALE_INK)
        for position, stray in enumerate(shown):
            row, column = divmod(position, _COLUMNS)
            left, top = 0.15 + column * _CELL, height - 0.65 - row * (_CELL + _TEXT)
            side = _CELL - 0.15
            axes = figure.add_axes((left / width, (top - side) / height, side / width, side / height))
            axes.imshow(np.asarray(typical_image(cloud.dataset, stray.index)), interpolation="lanczos")
            axes.set_axis_off()
            y = (top - side - 0.05) / height
            told = "\n".join(_caption(stray))
            figure.text(left / width, y, told, va="top", fontsize=7, linespacing=1.3, parse_math=False)
        save(figure, path, title)


def _caption(stray: Stray) -> list[str]:
    """Four short lines: who, how strongly, and both reasons where they hold."""
    from dsim.plots.style import drawable

    lines = [drawable(stray.id, 24), f"strength {stray.strength:.2f}"]
    if stray.nearer:
        lines.append(f"nearer to {drawable(stray.nearest, 15)}")
    if stray.far:
        lines.append(f"far: p {stray.p_own:.2g}")
    return lines
