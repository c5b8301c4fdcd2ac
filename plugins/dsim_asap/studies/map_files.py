"""``dsim asap map``: the files of a map, pictures, page and numbers, each whole or not at all."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import click
import numpy as np

from dsim.ui import options as shared
from dsim_asap.latent import Cloud
from dsim_asap.studies import common
from dsim_asap.studies.map import LatentMap, build_map

if TYPE_CHECKING:
    from dsim.pages import Sprite
    from dsim.runtime import Runtime

#: Images of a dataset that the page shows at most, by default.
PICTURES = 120


def write_map(found: LatentMap, out: Path, runtime: Runtime, title: str = "", pictures: int = PICTURES) -> list[Path]:
    """Write map.json, map.png, map.svg and map.html to a folder; ``pictures`` images of a dataset are in the page."""
    from dsim.files import write_text
    from dsim.files.documents import to_json
    from dsim_asap.studies.map_picture import draw_map

    title = title or f"Map of {len(found.clouds)} datasets, {found.images:,} images"
    note = seen_note(found)
    to_json(found.to_dict(), out / "map.json")
    for suffix in (".png", ".svg"):
        draw_map(found, out / f"map{suffix}", title, note)
    write_text(out / "map.html", _page(found, runtime, title, note, pictures))
    return [out / name for name in ("map.json", "map.png", "map.svg", "map.html")]


def _page(found: LatentMap, runtime: Runtime, title: str, note: str, pictures: int) -> str:
    """Return the map as one HTML page that loads nothing."""
    from dsim.data.inspection import thumbnail
    from dsim.pages import CELL, MapDataset, MapRegion, PictureSource, PointMap, make_sprites, render_map
    from dsim_asap.studies.map_picture import lay_out

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
        description=f"{len(clouds)} datasets, {found.images:,} images. Model: {found.chosen.title}.{eqc}",
        table=_table(found, sprites),
        notes=_notes(found, note),
        fallback="The interactive map needs scripts; map.png and map.svg beside this page show it without.",
    )


def _table(found: LatentMap, sprites: Sequence[Sprite]) -> str:
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


def _notes(found: LatentMap, note: str) -> list[str]:
    lines = [
        "Each mark is an image; distances between marks are those of the measure asap, which averages them over all"
        " pairs of images of two datasets.",
        "Large marks are the centres of datasets, ellipses two standard deviations around the images of a modality, or"
        " of a dataset that states none. A typical image is the one nearest to the centre.",
    ]
    if found.projection:
        lines.append(f"Plane: {found.projection}; the numbers are those of the whole latent space.")
    return [*lines, note]


def seen_note(found: LatentMap) -> str:
    """Which datasets the model was trained on: they look further apart than those that it has never seen."""
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


@common.command(
    common.sources,
    shared.targets("Datasets of interest; drawn as strokes."),
    common.model,
    click.option(
        "--fit",
        type=click.Choice(["all", "sources"]),
        is_flag=False,
        flag_value="all",
        help="Train first: on all datasets, as Fig. 8 does, or on the sources alone.",
    ),
    common.settings,
    common.out,
    click.option("--title", default="", help="Above the pictures; default: how many datasets and images."),
    click.option(
        "--pictures",
        type=click.IntRange(min=1),
        default=PICTURES,
        show_default=True,
        help="Images of a dataset that the page holds at most.",
    ),
)
def map_command(given: common.Options, fit: str | None, title: str, pictures: int) -> None:
    """Draw the latent map of all datasets, with typical images and ellipses by modality.

    Writes map.png, map.svg, map.json, and map.html: one file that needs no network, in which every mark shows its
    image. A dataset states its modality as an attribute, or in a META.json in its folder.
    """
    from dsim.data.opener import open_many
    from dsim.ui import emit_json, say_written
    from dsim_asap.latent import choose_or_fit, embed
    from dsim_asap.studies.tables import show_map

    opened, runtime = open_many([*given.sources, *given.targets]), given.runtime
    known, wanted = opened[: len(given.sources)], opened[len(given.sources) :]
    pool = opened if fit == "all" else known
    chosen = choose_or_fit(given.model, pool, fit is not None, given.settings, given.seed, runtime)
    found = build_map(embed(known, chosen, runtime) + embed(wanted, chosen, runtime, "target"), chosen)
    files = write_map(found, given.out, runtime, title, pictures)
    if given.as_json:
        return emit_json(found.to_dict())
    show_map(found.to_dict())
    return say_written(files)
