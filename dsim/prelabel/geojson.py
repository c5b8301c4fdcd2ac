"""GeoJSON as QuPath imports it: a FeatureCollection of annotations, in pixels from the upper left corner."""

from __future__ import annotations

import json
import uuid
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsim.prelabel.outlines import Outlined, Polygon, Ring

#: Blue as the outlines on contact sheets: visible on H&E and on black.
COLOUR = (0, 230, 255)
_EMPTY = '{"type":"FeatureCollection","features":[]}\n'
_IDS = uuid.UUID("9a8e1b9c-6f0e-4b5e-9d0b-2f6b1a3c7d54")


def feature_collection(found: Sequence[Outlined], scores: Sequence[float], label: str, key: str) -> str:
    """The objects of one image as text; an object in several parts is a MultiPolygon.

    ``scores`` are mean probabilities, given as measurements; ``key`` makes the objects' ids, the same in every run.
    """
    lines = [
        json.dumps(_feature(one, score, label, f"{key}/{number}"), ensure_ascii=False, separators=(",", ":"))
        for number, (one, score) in enumerate(zip(found, scores, strict=True))
    ]
    features = ",\n".join(lines)
    return f'{{"type":"FeatureCollection","features":[\n{features}\n]}}\n' if lines else _EMPTY


def _feature(found: Outlined, score: float, label: str, key: str) -> dict[str, Any]:
    rings = [_rings(polygon) for polygon in found.polygons]
    several = len(rings) > 1
    return {
        "type": "Feature",
        "id": str(uuid.uuid5(_IDS, key)),
        "geometry": {"type": "MultiPolygon" if several else "Polygon", "coordinates": rings if several else rings[0]},
        "properties": {
            "objectType": "annotation",
            "classification": {"name": label, "color": list(COLOUR)},
            "isLocked": False,
            # A list, as before QuPath 0.4: every version reads it.
            "measurements": [{"name": "Mean probability", "value": round(score, 4)}],
        },
    }


def _rings(polygon: Polygon) -> list[list[list[int]]]:
    return [_closed(ring) for ring in polygon]


def _closed(ring: Ring) -> list[list[int]]:
    corners: list[list[int]] = ring.tolist()
    return [*corners, corners[0]]
