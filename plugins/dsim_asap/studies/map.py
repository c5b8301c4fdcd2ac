"""``dsim asap map`` (Fig. 8): datasets in one latent plane, with centres, spreads, modalities and typical images."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np
from numpy.typing import NDArray

from dsim.ui import options as shared
from dsim_asap.latent import Chosen, Cloud, family, stated
from dsim_asap.studies import common
from dsim_asap.studies.common import or_null

if TYPE_CHECKING:
    from dsim.pages import Sprite
    from dsim.runtime import Runtime

SCHEMA = "dsim.asap-map/1"
#: Half axes of the ellipses, in standard deviations along the principal axes.
SIGMAS = 2.0

Points = NDArray[np.float64]


@dataclass(frozen=True)
class Ellipse:
    """``centre`` (2,), full ``width`` and ``height`` along the principal axes, ``angle`` of the width in degrees."""

    centre: tuple[float, float]
    width: float
    height: float
    angle: float

    def outline(self, corners: int = 90) -> Points:
        """Points on the ellipse, (corners, 2), counter-clockwise from the end of the first axis."""
        turn = np.linspace(0, 2 * math.pi, corners, endpoint=False)
        around = np.stack([self.width / 2 * np.cos(turn), self.height / 2 * np.sin(turn)], axis=1)
        cos, sin = math.cos(math.radians(self.angle)), math.sin(math.radians(self.angle))
        outline: Points = np.asarray(self.centre) + around @ np.array([[cos, sin], [-sin, cos]])
        return outline


def ellipse(points: Points) -> Ellipse | None:
    """Two standard deviations around points of the plane, (n, 2); None for fewer than three, or all on one line.

    >>> found = ellipse(np.array([[2.0, 0.0], [-2.0, 0.0], [0.0, 1.0], [0.0, -1.0]]))
    >>> round(found.width, 3), round(found.height, 3), found.angle
    (6.532, 3.266, 0.0)
    """
    if len(points) < 3:
        return None
    variances, axes = np.linalg.eigh(np.cov(points, rowvar=False))
    if variances[0] <= 1e-12 * variances[1] or variances[1] == 0:
        return None
    minor, major = 2 * SIGMAS * np.sqrt(variances)
    angle = math.degrees(math.atan2(axes[1, 1], axes[0, 1])) % 180
    x, y = points.mean(axis=0)
    return Ellipse((float(x), float(y)), float(major), float(minor), round(angle, 9))


@dataclass(frozen=True)
class Region:
    """What one ellipse holds: the datasets of a modality, or a single one; ``ellipse`` None where there is none."""

    name: str
    kind: str
    members: tuple[str, ...]
    ellipse: Ellipse | None


@dataclass(frozen=True)
class LatentMap:
    """All that pictures and page show. ``plane`` : (n, 2) per cloud; ``projection`` : how they came there, or empty."""

    clouds: tuple[Cloud, ...]
    plane: tuple[Points, ...]
    projection: str
    chosen: Chosen

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(cloud.name for cloud in self.clouds)

    @property
    def images(self) -> int:
        return sum(map(len, self.clouds))

    @cached_property
    def centres(self) -> Points:
        """The mean of each dataset in the plane, (d, 2)."""
        return np.stack([points.mean(axis=0) for points in self.plane])

    @cached_property
    def modalities(self) -> tuple[str, ...]:
        """The family of modalities of each dataset; empty where it states none."""
        return tuple(family(stated(cloud.dataset)) for cloud in self.clouds)

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """One per modality, in the order of the datasets; a dataset that states none has one of its own."""
        held: dict[tuple[str, str], list[int]] = {}
        for number, modality in enumerate(self.modalities):
            key = ("modality", modality) if modality else ("dataset", self.names[number])
            held.setdefault(key, []).append(number)
        return tuple(
            Region(
                name,
                kind,
                tuple(self.names[number] for number in members),
                ellipse(np.concatenate([self.plane[number] for number in members])),
            )
            for (kind, name), members in held.items()
        )

    @cached_property
    def eqc(self) -> tuple[float, float]:
        """EQC of all datasets, Eq. 8 to 11 and the form of the reference code; NaN for a single dataset."""
        from dsim.stats.embedding import eqc

        points = [cloud.points for cloud in self.clouds]
        return (eqc(points), eqc(points, form="reference")) if len(points) > 1 else (math.nan, math.nan)

    @cached_property
    def between(self) -> Points:
        """Mean distances between datasets in the latent space, (d, d); within a dataset, over distinct images."""
        from dsim.stats.euclidean import mean_distance, mean_distance_within

        points = [cloud.points for cloud in self.clouds]
        table = np.array([[mean_distance(one, other) for other in points] for one in points])
        np.fill_diagonal(table, [mean_distance_within(cloud) for cloud in points])
        return table

    def nearest(self, number: int) -> int | None:
        """The dataset of the smallest mean distance to this one; None where it is alone."""
        others = np.delete(np.arange(len(self.clouds)), number)
        return int(others[self.between[number, others].argmin()]) if len(others) else None

    def to_dict(self) -> dict[str, Any]:
        """As ``map.json`` has it; numbers that are not defined are null."""
        return {
            "schema": SCHEMA,
            "model": self.chosen.model.id,
            "told": self.chosen.title,
            "dimensions": int(self.clouds[0].points.shape[1]),
            "projection": self.projection,
            "eqc": dict(zip(("paper", "reference"), map(or_null, self.eqc), strict=True)),
            "datasets": [self._dataset(number) for number in range(len(self.clouds))],
            "regions": [_region(region) for region in self.regions],
            "mean_distances": [[or_null(value) for value in row] for row in self.between.tolist()],
        }

    def _dataset(self, number: int) -> dict[str, Any]:
        cloud = self.clouds[number]
        return {
            "name": cloud.name,
            "role": cloud.role,
            "images": len(cloud),
            "images_fingerprint": cloud.dataset.images_fingerprint,
            "trained_on": cloud.seen,
            "modality": self.modalities[number],
            "modality_stated": stated(cloud.dataset),
            "latent_centre": cloud.centre.tolist(),
            "centre": self.centres[number].tolist(),
            "representative": str(cloud.dataset.ids[cloud.representative]),
            "ids": list(map(str, cloud.dataset.ids)),
            "points": self.plane[number].round(6).tolist(),
            "distance_to_centre": cloud.distances.round(6).tolist(),
        }


def build_map(clouds: Sequence[Cloud], chosen: Chosen) -> LatentMap:
    """Lay the clouds in a plane: as they are in two dimensions, else along two principal axes of all points."""
    from dsim.embeddings import to_plane

    plane, how = to_plane({cloud.name: cloud.points for cloud in clouds})
    return LatentMap(tuple(clouds), tuple(plane.values()), how, chosen)


def _region(region: Region) -> dict[str, Any]:
    found = region.ellipse
    shape = None if found is None else {**vars(found), "centre": list(found.centre), "sigmas": SIGMAS}
    reason = {} if found else {"reason": "fewer than three images, or all on one line"}
    return {"name": region.name, "kind": region.kind, "members": list(region.members), "ellipse": shape, **reason}


#: Images of a dataset that the page shows at most, unless told otherwise.
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
