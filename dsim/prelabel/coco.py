"""COCO JSON: annotations of one image, and the file of all images, written piece by piece."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.files import replacing

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.prelabel.outlines import Outlined

#: The only category: what the model marks.
CATEGORY = 1


def annotation(found: Outlined, size: tuple[int, int], score: float) -> dict[str, Any]:
    """One object as an annotation without ids: polygons, or RLE where it has holes, which polygons cannot have.

    ``size`` is (height, width); ``score`` the mean probability of its pixels.
    """
    segmentation: Any = [polygon[0].ravel().tolist() for polygon in found.polygons]
    if found.holed:
        counts = compressed(run_lengths(found.rows, found.columns, size))
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
    """Lengths of the runs of background and foreground in turn, down the columns, background first.

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


def compressed(lengths: Sequence[int]) -> str:
    """Run lengths as COCO's text: from the third on the change against the one before the last, five bits a letter.

    >>> compressed([0, 2, 4])
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


def write(
    path: Path,
    description: str,
    category: str,
    images: Iterable[Mapping[str, Any]],
    annotations: Iterable[tuple[int, Sequence[Mapping[str, Any]]]],
) -> None:
    """Write the whole file; ``annotations`` are (id of image, annotations without ids), images in the same order.

    Nothing is held in memory but one image's annotations.
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
