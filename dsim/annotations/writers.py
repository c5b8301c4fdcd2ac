"""Formats of pre-labels: PNG and TIFF, COCO JSON, GeoJSON for QuPath, ROI archives for ImageJ and Fiji."""

from __future__ import annotations

import io
import json
import uuid
import zipfile
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.files import replacing, slug

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.annotations.outlines import Outlined, Polygon, Ring


def write_mask(path: Path, mask: NDArray[np.bool_]) -> None:
    """Write a mask, bool (H, W), as a PNG of 8 bits: 0 and 255. Raises DsimError where it cannot be written."""
    import numpy as np
    from PIL import Image

    with replacing(path) as temporary:
        Image.fromarray(mask.astype(np.uint8) * np.uint8(255)).save(temporary)


def write_probabilities(path: Path, probabilities: NDArray[np.float32]) -> None:
    """Write probabilities, float32 (H, W) in [0, 1]. Raises DsimError where it cannot be written.

    A PNG has 16 bits, in which 65,535 is 1; where the name ends in .tif, a TIFF holds them as they are.
    """
    import numpy as np
    from PIL import Image

    with replacing(path) as temporary:
        if path.suffix == ".tif":
            import tifffile

            tifffile.imwrite(temporary, probabilities, compression="zlib")
        else:
            Image.fromarray(np.rint(probabilities * np.float32(65535)).astype(np.uint16)).save(temporary)


#: The only category: what the model marks.
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
    category: str,
    images: Iterable[Mapping[str, Any]],
    annotations: Iterable[tuple[int, Sequence[Mapping[str, Any]]]],
) -> None:
    """Write the whole file; ``annotations`` are (id of image, annotations without ids), images in the same order.

    Nothing is held in memory but one image's annotations. Raises DsimError where the disk refuses.
    """
    about = {"description": description, "version": "1.0"}
    categories = [{"id": CATEGORY, "name": category, "supercategory": ""}]
    with replacing(path) as temporary, temporary.open("w", encoding="utf-8") as file:
        file.write(f'{{"info": {json.dumps(about)},\n"licenses": [],\n"categories": {json.dumps(categories)},\n')
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


#: Blue as the outlines on contact sheets: visible on H&E and on black.
COLOUR = (0, 230, 255)
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


#: The format keeps corners in 16 bits, of which ImageJ takes the lowest for negative.
LARGEST_ROI = 60_535
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0


def roi_zip(found: Sequence[Outlined], label: str, page: int | None = None) -> bytes:
    """Return the zip of ROIs of one image's objects; the same bytes for the same objects.

    ``page`` is the number of the image, from 0, in a stack that is opened whole; None where its file holds no other.
    """
    digits = len(str(len(found)))
    names = [f"{slug(label)}-{number:0{digits}d}" for number in range(1, len(found) + 1)]
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, name in zip(found, names, strict=True):
            # The zip's own clock starts in 1980: the bytes must not depend on when they were made.
            archive.writestr(zipfile.ZipInfo(f"{name}.roi"), _roi(one, name, page), zipfile.ZIP_DEFLATED)
    return held.getvalue()


def _roi(found: Outlined, name: str, page: int | None) -> bytes:
    """A traced outline, or a composite where there are holes or several parts."""
    from roifile import ROI_TYPE, ImagejRoi

    left, top, width, height = found.box
    roi = ImagejRoi(name=name, position=0 if page is None else page + 1)
    roi.left, roi.top, roi.right, roi.bottom = left, top, left + width, top + height
    if len(found.polygons) == 1 and not found.holed:
        roi.roitype = ROI_TYPE.TRACED
        roi.integer_coordinates = (found.polygons[0][0] - [left, top]).astype("int32")
        roi.n_coordinates = len(roi.integer_coordinates)
    else:
        roi.roitype = ROI_TYPE.RECT
        roi.multi_coordinates = _path(found.polygons)
        roi.shape_roi_size = len(roi.multi_coordinates)
    content: bytes = roi.tobytes()
    return content


def _path(polygons: Sequence[Polygon]) -> NDArray[Any]:
    """All rings as one path; holes run the other way, so that either rule of filling leaves them out."""
    import numpy as np

    steps: list[float] = []
    for ring in (ring for polygon in polygons for ring in polygon):
        for number, (x, y) in enumerate(ring.tolist()):
            steps += [_LINE if number else _MOVE, x, y]
        steps.append(_CLOSE)
    return np.array(steps, np.float32)
