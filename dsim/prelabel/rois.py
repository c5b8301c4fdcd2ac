"""A zip of ImageJ regions of interest, as the ROI Manager of ImageJ and Fiji opens it."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from dsim.files import slug

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.prelabel.outlines import Outlined, Polygon

#: The format keeps corners in 16 bits, of which ImageJ takes the lowest for negative.
LARGEST = 60_535
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0


def roi_zip(found: Sequence[Outlined], label: str, page: int | None = None) -> bytes:
    """The objects of one image; the same bytes for the same objects.

    ``page`` is the number of the image, from 0, in a stack that is opened whole; None where its file holds no other.
    """
    digits = len(str(len(found)))
    names = [f"{slug(label)}-{number:0{digits}d}" for number in range(1, len(found) + 1)]
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for one, name in zip(found, names, strict=True):
            # The zip's own clock starts in 1980: the bytes must not tell when they were made.
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
