"""The page of a map: a mark for each image, with its picture, name and dataset; it zooms and finds images by name."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from dsim.pages.map_data import encode_map
from dsim.pages.map_points import PointMap
from dsim.pages.map_sheets import PictureSheets
from dsim.pages.markup import escape, isolate_name, render_list, render_scroll, render_section, render_table
from dsim.pages.pictures import CELL
from dsim.pages.shell import render_page

_FOLDER = Path(__file__).parent / "map"
#: The script of the page, in the order in which its parts are joined.
_SCRIPTS = (
    *("plane", "grid", "data", "colours", "webgl", "flat", "overlay", "panel", "selection", "legend", "files"),
    *("hands", "keys", "start"),
)
_HELP = (
    "Point at an image to see it, click to pin it with its neighbours; drag to move, turn the wheel or pinch to zoom. "
    "The legend filters; lasso, box and legend select. The question mark lists the keys. Nothing leaves this file."
)


def render_map(
    contents: PointMap,
    title: str,
    *,
    description: str = "",
    table: str = "",
    notes: Sequence[str] = (),
    fallback: str = "The interactive map needs scripts.",
) -> str:
    """Return a map as one HTML page that loads nothing; names of datasets and images are text and nothing else.

    Parameters
    ----------
    title, description : plain text at the top. ``notes`` : plain text, how the map is to be read.
    table : HTML of a table of the datasets; by default their typical images, names and numbers of images.
    fallback : plain text that readers without scripts see in place of the map.

    Raises ValueError where a distance or a corner of a region is not finite.
    """
    lines = [*notes, *_notes_on_pictures(contents)]
    stage = _read("map.html").replace("$cell", str(contents.pictures.cell if contents.pictures else CELL))
    parts = [
        stage,
        f'<p id="silent" class="small">{escape(fallback)}</p>',
        f'<p class="small on-screen">{_HELP}</p>',
        render_section("Datasets", render_scroll("Datasets", table or _table(contents))),
        render_section("How to read it", render_list(map(escape, lines))),
    ]
    return render_page(
        title,
        "\n".join(parts),
        header=f'<p class="description">{escape(description)}</p>' if description else "",
        style=_read("map.css"),
        script=map_script(),
        data=encode_map(contents),
        dark=False,
        beside=bool(contents.pictures and contents.pictures.beside),
    )


def map_script() -> str:
    """Return the script of the page: JavaScript that opens the map where there is a document."""
    return "".join(_read(f"{name}.js") for name in _SCRIPTS)


def _read(name: str) -> str:
    return _FOLDER.joinpath(name).read_text("utf-8")


def _table(contents: PointMap) -> str:
    pictures = [f'<img src="{sprite.typical}" alt="">' for sprite in contents.sprites]
    rows = [
        [isolate_name(dataset.name), escape(dataset.kind), f"{len(members):,}"]
        for dataset, members in zip(contents.datasets, contents.members, strict=True)
    ]
    heads, kinds = ["dataset", "kind", "images"], ["text", "text", ""]
    if not pictures:
        return render_table(heads, rows, kinds=kinds)
    rows = [[picture, *row] for picture, row in zip(pictures, rows, strict=True)]
    return render_table(["typical image", *heads], rows, kinds=["text", *kinds], row_heads=1)


def _notes_on_pictures(contents: PointMap) -> list[str]:
    """Say how many images have pictures, and which ones."""
    if contents.pictures:
        return [_note_on_sheets(contents.pictures, len(contents.ids))]
    if not contents.sprites:
        return []
    images, sprites = len(contents.ids), contents.sprites
    shown, size = sum(sprite.shown for sprite in sprites), sum(sprite.size for sprite in sprites)
    note = f"The page holds pictures of {_share(shown, images)} images, {CELL} pixels each, {size / 1e6:.1f} MB in all"
    if shown < images:
        most = max(sprite.shown for sprite in sprites)
        note += f": at most {most} of each dataset, evenly over the ranks of their distance to its centre"
    return [f"{note}."]


def _note_on_sheets(pictures: PictureSheets, images: int) -> str:
    inside = pictures.shown - pictures.beside
    note = f"The page holds pictures of {_share(inside, images)} images, {pictures.cell} pixels each"
    note += f", {pictures.size / 1e6:.1f} MB in all"
    if inside < images:
        note += ": chosen so that every part of the map shows some"
    if pictures.beside:
        note += f". Those of {pictures.beside:,} more lie in files beside it, which must stay there"
    return f"{note}."


def _share(shown: int, images: int) -> str:
    return "all" if shown == images else f"{shown:,} of the {images:,}"
