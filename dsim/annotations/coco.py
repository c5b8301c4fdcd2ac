"""COCO JSON: objects as polygons or run lengths, regions as boxes; several classes in one file."""

from __future__ import annotations

import json
import math
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.annotations.json_text import finite, parse_json
from dsim.annotations.regions import Region, around, tidy
from dsim.errors import DataError
from dsim.files import replacing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.annotations.outlines import Outlined

#: The first category, and the only one of a pre-label: what the model marks.
CATEGORY = 1


def coco_annotation(found: Outlined, size: tuple[int, int], score: float) -> dict[str, Any]:
    """Return one object as an annotation without ids: polygons, or RLE where it has holes, which polygons cannot have.

    ``size`` is (height, width); ``score`` the mean probability of its pixels.
    """
    segmentation: Any = [polygon[0].ravel().tolist() for polygon in found.polygons]
    if found.holed:
        counts = compress_run_lengths(run_lengths(found.rows, found.columns, size))
        segmentation = {"size": list(size), "counts": counts}
    return {
        "category_id": CATEGORY,
        "segmentation": segmentation,
        "area": found.area,
        "bbox": list(found.box),
        "iscrowd": 0,
        "score": round(score, 4),
    }


def run_lengths(rows: NDArray[np.int64], columns: NDArray[np.int64], size: tuple[int, int]) -> list[int]:
    """Return the lengths of the runs of background and foreground in turn, down the columns, background first.

    Rows and columns are those of the pixels, int64 (n,).

    >>> import numpy as np
    >>> run_lengths(np.array([0, 1]), np.array([0, 0]), (3, 2))
    [0, 2, 4]
    """
    import numpy as np

    height, width = size
    marked = np.sort(columns * height + rows)
    breaks = np.flatnonzero(np.diff(marked) != 1)
    starts, ends = marked[np.r_[0, breaks + 1]], marked[np.r_[breaks, len(marked) - 1]] + 1
    turns = np.stack([starts, ends], axis=1).ravel()
    lengths = np.diff(turns, prepend=0).tolist()
    left = height * width - int(turns[-1])
    return [*map(int, lengths), left] if left else [*map(int, lengths)]


def compress_run_lengths(lengths: Sequence[int]) -> str:
    """Return run lengths as COCO's text: changes against the one before the last, five bits a letter.

    >>> compress_run_lengths([0, 2, 4])
    '024'
    """
    letters = []
    for position, length in enumerate(lengths):
        rest = length - lengths[position - 2] if position > 2 else length
        more = True
        while more:
            bits = rest & 0x1F
            rest >>= 5
            # The last letter's fifth bit is the sign of what follows.
            more = rest != (-1 if bits & 0x10 else 0)
            letters.append(chr((bits | 0x20 if more else bits) + 48))
    return "".join(letters)


def write_coco(
    path: Path,
    description: str,
    categories: Sequence[str],
    images: Iterable[Mapping[str, Any]],
    annotations: Iterable[tuple[int, Sequence[Mapping[str, Any]]]],
) -> None:
    """Write the whole file; categories are numbered from 1, in their order.

    ``annotations`` are (id of image, annotations without ids), images in the same order. Nothing is held in memory but
    one image's annotations. Raises DsimError where the disk refuses.
    """
    about = {"description": description, "version": "1.0"}
    named = [{"id": number, "name": name, "supercategory": ""} for number, name in enumerate(categories, CATEGORY)]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(f'{{"info": {json.dumps(about)},\n"licenses": [],\n"categories": {json.dumps(named)},\n')
        file.write('"images": [')
        _write_rows(file.write, images)
        file.write('],\n"annotations": [')
        _write_rows(file.write, _numbered(annotations))
        file.write("]}\n")


def _write_rows(write: Any, rows: Iterable[Mapping[str, Any]]) -> None:
    for number, row in enumerate(rows):
        write(",\n" if number else "\n")
        write(json.dumps(row, ensure_ascii=False, separators=(",", ":")))


def _numbered(annotations: Iterable[tuple[int, Sequence[Mapping[str, Any]]]]) -> Iterable[dict[str, Any]]:
    number = 0
    for image, found in annotations:
        for one in found:
            number += 1
            yield {"id": number, "image_id": image, **one}


def box_annotation(region: Region, category: int) -> dict[str, Any]:
    """Return one region as an annotation without ids: its box alone; the score where it has one.

    A point is a box of no size. Numbers are rounded as ``tidy`` says.

    >>> box_annotation(Region("a", 1, 2, 3.5, 4, "cell", 0.25), 1)["bbox"]
    [1, 2, 3.5, 4]
    """
    x, y, width, height = (tidy(value) for value in region[1:5])
    annotation = {
        "category_id": category,
        "segmentation": [],
        "area": tidy(width * height),
        "bbox": [x, y, width, height],
        "iscrowd": 0,
    }
    return annotation if math.isnan(region.score) else {**annotation, "score": tidy(region.score)}


_HINT = "give COCO JSON with images, annotations and categories"


def read_coco(text: str, what: str) -> list[Region]:
    """Return the boxes of COCO JSON, in its order, with the file names that it gives the images.

    A segmentation without ``bbox`` counts by the box around it. Raises DataError that names ``what`` the file is and
    the number of the annotation, from 1.
    """
    document = parse_json(text, what, _HINT)
    if not isinstance(document, dict) or not all(isinstance(document.get(part), list) for part in _PARTS):
        raise DataError(f"{what} is not COCO JSON: it lacks one of {', '.join(_PARTS)}", hint=_HINT)
    images = _by_id(document, "images", "file_name", what)
    categories = _by_id(document, "categories", "name", what)
    regions = []
    for number, annotation in enumerate(document["annotations"], 1):
        where = f"{what}, annotation {number}"
        if not isinstance(annotation, dict):
            raise DataError(f"{where} is not an object", hint=_HINT)
        image = _named(images, annotation.get("image_id"), "image", where)
        label = _named(categories, annotation.get("category_id"), "category", where)
        score = annotation.get("score")
        known = math.nan if score is None else finite(score, "score", where, _HINT)
        regions.append(around(image, _corners(annotation, where), label, known))
    return regions


_PARTS = ("images", "annotations", "categories")


def _by_id(document: Mapping[str, Any], part: str, name: str, what: str) -> dict[str, str]:
    """Names by id; an id counts as its text, since some programs write 1 in one place and "1" in another."""
    found = {}
    for number, row in enumerate(document[part], 1):
        if not isinstance(row, dict) or "id" not in row or not isinstance(row.get(name), str):
            raise DataError(f"{what}, {part} {number} has no id and {name}", hint=_HINT)
        if str(row["id"]) in found:
            raise DataError(f"{what}, {part}: the id {row['id']} is there twice", hint="give each an id of its own")
        found[str(row["id"])] = row[name]
    return found


def _named(names: Mapping[str, str], id: object, kind: str, where: str) -> str:
    if str(id) not in names:
        raise DataError(f"{where} is of {kind} {id}, which the file does not list", hint=f"list the {kind}, or mend it")
    return names[str(id)]


def _corners(annotation: Mapping[str, Any], where: str) -> list[tuple[float, float]]:
    """Two opposite corners of the box, or all corners of the polygons."""
    box, rings = annotation.get("bbox"), annotation.get("segmentation")
    if isinstance(box, list) and len(box) == 4:
        x, y, width, height = (finite(value, "bbox", where, _HINT) for value in box)
        return [(x, y), (x + width, y + height)]
    if not box and isinstance(rings, list) and rings and all(isinstance(ring, list) and ring for ring in rings):
        values = [finite(value, "segmentation", where, _HINT) for ring in rings for value in ring]
        if len(values) % 2 == 0:
            return list(zip(values[::2], values[1::2], strict=True))
    raise DataError(f"{where} has no bbox of four numbers", hint="write bbox as [x, y, width, height]")
