"""The page of a map: everything in one file, which loads nothing and runs no script but its own."""

from __future__ import annotations

import base64
import hashlib
import json
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template
from typing import Any

import numpy as np

from dsim_asap.page.sprites import CELL, Sprite
from dsim_asap.studies.map import LatentMap
from dsim_asap.studies.map_picture import Layout

_FOLDER = Path(__file__).parent


def to_html(found: LatentMap, layout: Layout, sprites: Sequence[Sprite], title: str, note: str = "") -> str:
    """The map as one HTML page.

    Whatever a dataset or an image is called is text and nothing else: names are escaped, the content security policy
    names style and script by their digests and allows only images that are part of the page.
    """
    from importlib.metadata import version

    style, script = (_FOLDER.joinpath(name).read_text("utf-8") for name in ("map.css", "map.js"))
    page = Template(_FOLDER.joinpath("map.html").read_text("utf-8"))
    return page.substitute(
        title=escape(title),
        version=escape(version("dsim")),
        style=style,
        style_digest=_digest(style),
        script=script,
        script_digest=_digest(script),
        cell=CELL,
        description=escape(_description(found)),
        table=_table(found, sprites),
        notes=_notes(found, sprites, note),
        data=_json(_data(found, layout, sprites)),
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _json(value: Any) -> str:
    """JSON that cannot end the element that it stands in, whatever its texts are."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")


def _data(found: LatentMap, layout: Layout, sprites: Sequence[Sprite]) -> dict[str, Any]:
    outlines = [region.ellipse.outline() for region in found.regions if region.ellipse]
    everything = np.concatenate([*found.plane, *outlines])
    bounds = [*everything.min(axis=0).round(5).tolist(), *everything.max(axis=0).round(5).tolist()]
    regions = [
        {"name": region.name, "outline": region.ellipse.outline().round(4).tolist()}
        for region in found.regions
        if region.ellipse
    ]
    datasets = [_dataset(found, number, layout, sprite) for number, sprite in enumerate(sprites)]
    return {"bounds": bounds, "cell": CELL, "regions": regions, "datasets": datasets}


def _dataset(found: LatentMap, number: int, layout: Layout, sprite: Sprite) -> dict[str, Any]:
    cloud, look = found.clouds[number], layout.look[found.names[number]]
    rank = np.empty(len(cloud), dtype=int)
    rank[np.argsort(cloud.distances, kind="stable")] = np.arange(len(cloud))
    return {
        "name": cloud.name,
        "modality": found.modalities[number],
        "colour": look.colour,
        "shape": look.shape,
        "centre": found.centres[number].round(5).tolist(),
        "points": found.plane[number].round(5).tolist(),
        "distance": cloud.distances.round(5).tolist(),
        "rank": rank.tolist(),
        "ids": list(map(str, cloud.dataset.ids)),
        "sprite": sprite.uri,
        "columns": sprite.columns,
        "cells": list(sprite.cells),
    }


def _description(found: LatentMap) -> str:
    eqc = "" if math.isnan(found.eqc[0]) else f" EQC {found.eqc[0]:.3f}."
    return f"{len(found.clouds)} datasets, {found.images:,} images. Model: {found.chosen.told}.{eqc}"


def _table(found: LatentMap, sprites: Sequence[Sprite]) -> str:
    heads = (
        ("typical image", "text"),
        ("dataset", "text"),
        ("role", "text"),
        ("modality", "text"),
        ("images", ""),
        ("mean distance within", ""),
        ("nearest dataset", "text"),
        ("mean distance to it", ""),
    )
    top = "".join(f'<th scope="col"{_kind(kind)}>{head}</th>' for head, kind in heads)
    rows = "\n".join(_row(found, number, sprite) for number, sprite in enumerate(sprites))
    table = f"<table><thead><tr>{top}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
    return f'<div class="scroll" tabindex="0" role="region" aria-label="Datasets">{table}</div>'


def _row(found: LatentMap, number: int, sprite: Sprite) -> str:
    cloud, nearest = found.clouds[number], found.nearest(number)
    typical = f'<img src="{sprite.typical}" alt="{escape(str(cloud.dataset.ids[cloud.representative]))}">'
    cells = [
        (cloud.role + (", trained on" if cloud.seen else ""), "text"),
        (found.modalities[number], "text"),
        (f"{len(cloud):,}", ""),
        (_number(found.between[number, number]), ""),
        ("" if nearest is None else found.names[nearest], "text"),
        ("" if nearest is None else _number(found.between[number, nearest]), ""),
    ]
    rest = "".join(f"<td{_kind(kind)}>{escape(text)}</td>" for text, kind in cells)
    return f'<tr><td>{typical}</td><th scope="row" class="text">{escape(cloud.name)}</th>{rest}</tr>'


def _kind(kind: str) -> str:
    return f' class="{kind}"' if kind else ""


def _number(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.3f}"


def _notes(found: LatentMap, sprites: Sequence[Sprite], note: str) -> str:
    shown, size = sum(sprite.shown for sprite in sprites), sum(sprite.size for sprite in sprites)
    of = "all" if shown == found.images else f"{shown:,} of the {found.images:,}"
    pictures = f"The page holds pictures of {of} images, {CELL} pixels each, {size / 1e6:.1f} MB in all"
    if shown < found.images:
        most = max(sprite.shown for sprite in sprites)
        pictures += f": at most {most} of each dataset, evenly over the ranks of their distance to its centre"
    lines = [
        "Each mark is an image; distances between marks are those of the measure asap, which averages them over all"
        " pairs of images of two datasets.",
        "Large marks are the centres of datasets, ellipses two standard deviations around the images of a modality, or"
        " of a dataset that states none. A typical image is the one nearest to the centre.",
        f"{pictures}.",
    ]
    lines += (
        [f"Plane: {found.projection}; the numbers are those of the whole latent space."] if found.projection else []
    )
    lines += [note] if note else []
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
