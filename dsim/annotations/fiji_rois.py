"""Regions of interest of ImageJ and Fiji: .roi files, and zips of them."""

from __future__ import annotations

import io
import math
import re
import struct
import zipfile
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.annotations.regions import Region, around, tidy
from dsim.errors import DataError
from dsim.files import slug

if TYPE_CHECKING:
    from numpy.typing import NDArray
    from roifile import ImagejRoi

    from dsim.annotations.outlines import Outlined, Polygon

#: The format keeps corners in 16 bits, of which ImageJ takes the lowest for negative.
LARGEST_ROI = 60_535
_MOVE, _LINE, _CLOSE = 0.0, 1.0, 4.0


def roi_zip(found: Sequence[Outlined], label: str, page: int | None = None) -> bytes:
    """Return the zip of ROIs of one image's objects; the same bytes for the same objects.

    ``page`` is the number of the image, from 0, in a stack that is opened whole; None where its file holds no other.
    """
    names = _names([label] * len(found))
    return _zip((name, _roi(one, name, page)) for one, name in zip(found, names, strict=True))


def region_zip(regions: Sequence[Region], page: int | None = None) -> bytes:
    """Return the zip of ROIs of one image's regions: rectangles and points; the same bytes for the same regions.

    Image, class and score are properties of each ROI, which ImageJ shows. The format keeps coordinates as float32: to
    .002 pixels at 20,000. Of letters, it keeps those of Unicode's first plane; others become U+FFFD. ``page`` as in
    ``roi_zip``. Regions beyond ``LARGEST_ROI`` do not fit the format.
    """
    names = _names([region.label or "region" for region in regions])
    return _zip((name, _region_roi(region, name, page)) for region, name in zip(regions, names, strict=True))


def _names(labels: Sequence[str]) -> list[str]:
    digits = len(str(len(labels)))
    return [f"{slug(label)}-{number:0{digits}d}" for number, label in enumerate(labels, 1)]


def _zip(rois: Iterable[tuple[str, bytes]]) -> bytes:
    held = io.BytesIO()
    with zipfile.ZipFile(held, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in rois:
            # The zip's own clock starts in 1980: the bytes must not depend on when they were made.
            archive.writestr(zipfile.ZipInfo(f"{name}.roi"), content, zipfile.ZIP_DEFLATED)
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


#: ImageJ counts the coordinates of points from the centre of the first pixel, those of areas from its corner.
_CENTRE = 0.5


def _region_roi(region: Region, name: str, page: int | None) -> bytes:
    import numpy as np
    from roifile import ROI_OPTIONS, ROI_TYPE, ImagejRoi

    roi = ImagejRoi(name=name, position=0 if page is None else page + 1, options=ROI_OPTIONS.SUB_PIXEL_RESOLUTION)
    roi.props = _props(region)
    roi.left, roi.top = math.floor(region.x), math.floor(region.y)
    roi.right, roi.bottom = math.ceil(region.x + region.width), math.ceil(region.y + region.height)
    if region.is_point:
        roi.roitype, roi.n_coordinates = ROI_TYPE.POINT, 1
        roi.integer_coordinates = np.zeros((1, 2), np.int32)
        roi.subpixel_coordinates = np.array([[region.x - _CENTRE, region.y - _CENTRE]], np.float32)
    else:
        roi.roitype = ROI_TYPE.RECT
        roi.xd, roi.yd, roi.widthd, roi.heightd = region[1:5]
    content: bytes = roi.tobytes()
    return content


def _props(region: Region) -> str:
    """Lines of a key and a value, as ImageJ keeps properties."""
    score = "" if math.isnan(region.score) else str(tidy(region.score))
    known = {"class": region.label, "image": region.image, "score": score}
    text = "".join(f"{key}: {' '.join(value.split())}\n" for key, value in known.items() if value)
    return re.sub("[\U00010000-\U0010ffff]", "\ufffd", text)


_HINT = "save it again from ImageJ or Fiji: More, Save... in the ROI Manager"


def read_rois(path: Path, image: str) -> list[Region]:
    """Return the ROIs of a .roi file, or of a zip of them: areas by the box around them, and each point.

    The class is the property ``class``, else the ROI's name without its number; names that ImageJ made up, as
    ``0123-0456``, are none. ``image`` is what they are of, unless a ROI names it. Raises DataError that names the file
    and the ROI.
    """
    regions = []
    for name, content in _contents(path):
        regions += _regions(_parsed(content, name), image, name)
    return regions


def _contents(path: Path) -> list[tuple[str, bytes]]:
    """The name for messages and the bytes of each ROI."""
    try:
        if path.suffix.lower() != ".zip":
            return [(str(path), path.read_bytes())]
        with zipfile.ZipFile(path) as archive:
            names = [name for name in archive.namelist() if name.lower().endswith(".roi")]
            found = [(f"{path}, {name}", archive.read(name)) for name in names]
    except (zipfile.BadZipFile, EOFError, RuntimeError, NotImplementedError) as error:
        raise DataError(f"{path} is damaged, or not a zip: {error}", hint=_HINT) from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror or error}", hint="make it readable") from None
    if not found:
        raise DataError(f"{path} holds no .roi file", hint=_HINT)
    return found


def _parsed(content: bytes, where: str) -> ImagejRoi:
    from roifile import ImagejRoi

    try:
        return ImagejRoi.frombytes(content)
    except (ValueError, TypeError, IndexError, struct.error, UnicodeDecodeError) as error:
        raise DataError(f"{where} is damaged, or not a ROI of ImageJ: {error}", hint=_HINT) from None


def _regions(roi: ImagejRoi, image: str, where: str) -> list[Region]:
    from roifile import ROI_TYPE

    known = dict(line.split(": ", 1) for line in roi.props.splitlines() if ": " in line)
    label, image = known.get("class") or _class_of(roi.name), known.get("image") or image
    score = _number(known.get("score"))
    if roi.subpixelrect:
        x, y, width, height = (_tidy32(value) for value in (roi.xd, roi.yd, roi.widthd, roi.heightd))
        return [Region(image, x, y, width, height, label, score)]
    if roi.roitype == ROI_TYPE.OVAL and not roi.composite:
        return [around(image, [(roi.left, roi.top), (roi.right, roi.bottom)], label, score)]
    try:
        rings = roi.coordinates(multi=True)
    except (RuntimeError, NotImplementedError, IndexError) as error:
        raise DataError(f"{where} has an outline that cannot be read: {error}", hint=_HINT) from None
    corners = [(_tidy32(x), _tidy32(y)) for ring in rings for x, y in ring.tolist()]
    if not corners:
        raise DataError(f"{where} has no coordinates", hint=_HINT)
    if roi.roitype == ROI_TYPE.POINT:
        return [around(image, [(x + _CENTRE, y + _CENTRE)], label, score) for x, y in corners]
    return [around(image, corners, label, score)]


def _class_of(name: str) -> str:
    """The name without the number at its end; empty where it is numbers only."""
    return "" if re.fullmatch(r"[\d-]*", name) else re.sub(r"-\d+$", "", name)


def _number(text: str | None) -> float:
    try:
        return math.nan if text is None else float(text)
    except ValueError:  # a property of this name that is not ours
        return math.nan


def _tidy32(value: float) -> float:
    """The shortest number that is the same as float32: 12.4 instead of 12.399999618530273."""
    import numpy as np

    return float(str(np.float32(value)))
