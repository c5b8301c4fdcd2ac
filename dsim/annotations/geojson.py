"""GeoJSON as QuPath reads and writes it: outlines of objects, regions, points."""

from __future__ import annotations

import json
import math
import uuid
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dsim.annotations.json_text import finite, parse_json
from dsim.annotations.regions import Region, around, tidy
from dsim.errors import DataError, storable

if TYPE_CHECKING:
    from dsim.annotations.outlines import Outlined, Polygon, Ring

#: Blue as the outlines on contact sheets: visible on H&E and on black.
COLOUR = (0, 230, 255)
#: Red, green, blue.
Colour = tuple[int, int, int]
#: The measurement that holds a region's score.
SCORE = "Score"
_EMPTY = '{"type":"FeatureCollection","features":[]}\n'
_IDS = uuid.UUID("9a8e1b9c-6f0e-4b5e-9d0b-2f6b1a3c7d54")


def feature_collection(found: Sequence[Outlined], scores: Sequence[float], label: str, key: str) -> str:
    """Return the objects of one image as GeoJSON; an object in several parts is a MultiPolygon.

    ``scores`` are mean probabilities, given as measurements; ``key`` makes the objects' ids, the same in every run.
    Rings are corners (k, 2).
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


def region_collection(regions: Sequence[Region], colours: Mapping[str, Colour], image: str) -> str:
    """Return the regions of one image as GeoJSON: rectangles, and points; the score is the measurement ``Score``.

    ``colours`` gives each label its red, green and blue, 0 to 255. The id of the image stands beside the features,
    where QuPath does not look. Numbers are rounded as ``tidy`` says.
    """
    lines = [
        json.dumps(_region_feature(region, colours, f"{image}/{number}"), ensure_ascii=False, separators=(",", ":"))
        for number, region in enumerate(regions)
    ]
    features = "\n" + ",\n".join(lines) + "\n" if lines else ""
    name = json.dumps(image, ensure_ascii=not storable(image))
    return f'{{"type":"FeatureCollection","image":{name},"features":[{features}]}}\n'


def _region_feature(region: Region, colours: Mapping[str, Colour], key: str) -> dict[str, Any]:
    x, y = tidy(region.x), tidy(region.y)
    right, bottom = tidy(region.x + region.width), tidy(region.y + region.height)
    ring = [[x, y], [right, y], [right, bottom], [x, bottom], [x, y]]
    geometry = (
        {"type": "Point", "coordinates": [x, y]} if region.is_point else {"type": "Polygon", "coordinates": [ring]}
    )
    properties: dict[str, Any] = {"objectType": "annotation", "isLocked": False}
    if region.label:
        properties["classification"] = {"name": region.label, "color": list(colours[region.label])}
    if not math.isnan(region.score):
        properties["measurements"] = [{"name": SCORE, "value": tidy(region.score)}]
    return {"type": "Feature", "id": str(uuid.uuid5(_IDS, key)), "geometry": geometry, "properties": properties}


def read_geojson(text: str, what: str, image: str) -> list[Region]:
    """Return the regions of GeoJSON in its order: polygons by the box around them, and each point.

    Features may stand in a collection, in a list, or alone, as QuPath exports them. ``image`` is what the regions are
    of, unless the collection names it. A class of several names, as ``Tumor: Positive``, is one label. Raises DataError
    that names ``what`` the file is and the number of the feature, from 1.
    """
    document = parse_json(text, what, _HINT)
    features, image = _features(document, image)
    if features is None:
        raise DataError(f"{what} is not GeoJSON: it holds no features", hint=_HINT)
    regions = []
    for number, feature in enumerate(features, 1):
        where = f"{what}, feature {number}"
        if not isinstance(feature, dict) or not isinstance(feature.get("geometry"), dict):
            raise DataError(f"{where} has no geometry", hint=_HINT)
        properties = feature.get("properties") or {}
        label, score = _label(properties), _score(properties, where)
        parts = _parts(feature["geometry"], where)
        regions += [around(image, corners, label, score) for corners in parts]
    return regions


_HINT = "export annotations from QuPath as GeoJSON"


def _features(document: Any, image: str) -> tuple[list[Any] | None, str]:
    """The list of features, None where there is none, and the image that they are of."""
    if isinstance(document, list):
        return document, image
    if isinstance(document, dict) and isinstance(document.get("features"), list):
        named = document.get("image")
        return document["features"], named if isinstance(named, str) and named else image
    return ([document], image) if isinstance(document, dict) and document.get("type") == "Feature" else (None, image)


def _parts(geometry: Mapping[str, Any], where: str) -> list[list[tuple[float, float]]]:
    """The corners of each region of a geometry: one for polygons, whose parts belong together, one for each point."""
    kind, places = geometry.get("type"), geometry.get("coordinates")
    if kind not in ("Polygon", "MultiPolygon", "Point", "MultiPoint"):
        raise DataError(f"{where} is a {kind}: not a polygon, and not a point", hint="remove it, or draw a rectangle")
    corners = _pairs(places, where)
    if not corners:
        raise DataError(f"{where} is a {kind} without coordinates", hint=_HINT)
    return [corners] if "Polygon" in kind else [[corner] for corner in corners]


def _pairs(places: Any, where: str) -> list[tuple[float, float]]:
    """All pairs x, y, however deep they are nested; a third coordinate is passed over."""
    if not isinstance(places, list):
        raise DataError(f"{where}: {places!r} stands where coordinates should", hint=_HINT)
    if places and not isinstance(places[0], list):
        if len(places) < 2:
            raise DataError(f"{where} has a corner of one number", hint=_HINT)
        x, y = (finite(value, "a corner", where, _HINT) for value in places[:2])
        return [(x, y)]
    return [pair for place in places for pair in _pairs(place, where)]


def _label(properties: Mapping[str, Any]) -> str:
    """The class: ``name``, or ``names`` as some versions of QuPath write."""
    given = properties.get("classification")
    if isinstance(given, str):
        return given
    if not isinstance(given, dict):
        return ""
    names = given.get("names")
    return ": ".join(map(str, names)) if isinstance(names, list) else str(given.get("name") or "")


def _score(properties: Mapping[str, Any], where: str) -> float:
    """The measurement of that name: a list of names and values before QuPath 0.4, an object since."""
    given = properties.get("measurements") or {}
    if isinstance(given, list):
        given = {row.get("name"): row.get("value") for row in given if isinstance(row, dict)}
    value = given.get(SCORE) if isinstance(given, dict) else None
    return math.nan if value is None else finite(value, SCORE, where, _HINT)
