"""The files of a map of datasets: pictures, page and numbers, each whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from dsim.embeddings import Cloud, DatasetMap
from dsim.plots.map_picture import draw_map, lay_out

if TYPE_CHECKING:
    from dsim.pages import Sprite
    from dsim.runtime import Runtime

#: Images of a dataset that the page shows at most, by default.
PICTURES = 120


def write_map(
    found: DatasetMap,
    out: Path,
    runtime: Runtime,
    *,
    schema: str,
    meaning: str,
    title: str = "",
    pictures: int = PICTURES,
) -> list[Path]:
    """Write map.json, map.png, map.svg and map.html to a folder, and return their paths.

    Parameters
    ----------
    schema : that of map.json. ``meaning`` : a clause for the page, on distances between marks.
    pictures : images of a dataset that the page shows at most.
    """
    from dsim.files import write_text
    from dsim.files.documents import to_json

    title = title or f"Map of {len(found.clouds)} datasets, {found.images:,} images"
    note = _seen_note(found)
    to_json(found.to_dict(schema), out / "map.json")
    for suffix in (".png", ".svg"):
        draw_map(found, out / f"map{suffix}", title, note)
    write_text(out / "map.html", _page(found, runtime, title, [*_notes(found, meaning), note], pictures))
    return [out / name for name in ("map.json", "map.png", "map.svg", "map.html")]


def _page(found: DatasetMap, runtime: Runtime, title: str, notes: Sequence[str], pictures: int) -> str:
    """Return the map as one HTML page that loads nothing."""
    from dsim.data import thumbnail
    from dsim.pages import CELL, MapDataset, MapRegion, PictureSource, PointMap, make_sprites, render_map

    look, clouds = lay_out(found).look, found.clouds

    def source(cloud: Cloud) -> PictureSource:
        bare = replace(cloud.dataset, masked=False)
        ranked = np.argsort(cloud.distances, kind="stable").tolist()
        return PictureSource(cloud.name, ranked, lambda index: thumbnail(bare, index, CELL))

    sprites = make_sprites([source(cloud) for cloud in clouds], pictures, runtime)
    contents = PointMap(
        points=np.concatenate(found.plane),
        ids=[str(name) for cloud in clouds for name in cloud.dataset.ids],
        owners=np.repeat(np.arange(len(clouds)), [len(cloud) for cloud in clouds]),
        datasets=[
            MapDataset(cloud.name, look[cloud.name].colour, look[cloud.name].shape, modality)
            for cloud, modality in zip(clouds, found.modalities, strict=True)
        ],
        sprites=sprites,
        regions=[MapRegion(region.name, region.ellipse.outline()) for region in found.regions if region.ellipse],
        distances=np.concatenate([cloud.distances for cloud in clouds]),
    )
    eqc = "" if math.isnan(found.eqc[0]) else f" EQC {found.eqc[0]:.3f}."
    return render_map(
        contents,
        title,
        description=f"{len(clouds)} datasets, {found.images:,} images. Model: {found.model.title}.{eqc}",
        table=_table(found, sprites),
        notes=notes,
        fallback="The interactive map needs scripts; map.png and map.svg beside this page show it without.",
    )


def _table(found: DatasetMap, sprites: Sequence[Sprite]) -> str:
    from dsim.pages import escape, isolate_name, render_table

    heads = {"typical image": "text", "dataset": "text", "role": "text", "modality": "text", "images": ""}
    heads |= {"mean distance within": "", "nearest dataset": "text", "mean distance to it": ""}
    rows = []
    for number, (cloud, sprite) in enumerate(zip(found.clouds, sprites, strict=True)):
        nearest, alt = found.nearest(number), escape(str(cloud.dataset.ids[cloud.representative]))
        rows.append(
            [
                f'<img src="{sprite.typical}" alt="{alt}">',
                isolate_name(cloud.name),
                cloud.role + (", trained on" if cloud.seen else ""),
                escape(found.modalities[number]),
                f"{len(cloud):,}",
                _decimals(found.between[number, number]),
                "" if nearest is None else isolate_name(found.names[nearest]),
                "" if nearest is None else _decimals(found.between[number, nearest]),
            ]
        )
    return render_table(list(heads), rows, kinds=list(heads.values()), row_heads=1)


def _decimals(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _notes(found: DatasetMap, meaning: str) -> list[str]:
    lines = [
        f"Each mark is an image; {meaning}.",
        "Large marks are the centres of datasets, ellipses two standard deviations around the images of a modality, or"
        " of a dataset that states none. A typical image is the one nearest to the centre; dark images are brightened.",
    ]
    if found.projection:
        lines.append(f"Plane: {found.projection}; the numbers are those of the whole latent space.")
    return lines


def _seen_note(found: DatasetMap) -> str:
    """Return which datasets the model was trained on: they look further apart than those that it has never seen."""
    seen = [cloud.name for cloud in found.clouds if cloud.seen]
    if not seen:
        return "The model was trained on none of these datasets."
    if len(seen) == len(found.clouds):
        return "The model was trained on all of these datasets."
    # The shorter list is named.
    unseen = [cloud.name for cloud in found.clouds if not cloud.seen]
    if len(unseen) < len(seen):
        return f"The model was trained on all of these datasets but {', '.join(unseen)}."
    return f"Of these datasets the model was trained on {', '.join(seen)}."
