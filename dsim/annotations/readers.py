"""Annotations of other programs, read as regions."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from dsim.annotations.coco import read_coco
from dsim.annotations.fiji_rois import read_rois
from dsim.annotations.geojson import read_geojson
from dsim.annotations.json_text import parse_json
from dsim.annotations.regions import Region
from dsim.annotations.tables import read_table
from dsim.errors import DataError
from dsim.files import read_text

_HINT = "give a table (.csv), COCO JSON, GeoJSON of QuPath, ROIs of ImageJ (.roi, .zip), or a folder of one of them"


def read_regions(path: Path | str) -> list[Region]:
    """Return the boxes and points of an annotation file, or of a folder of them, in the order of the files.

    Parameters
    ----------
    path : CSV of boxes (xmin, ymin, xmax, ymax, or x, y, width, height) or of points (x, y, or axis-0, axis-1 of
        napari), with the columns image and class; COCO JSON; GeoJSON of QuPath; ROIs of ImageJ and Fiji, ``.roi`` or
        ``.zip``; or a folder of files of one of these kinds, one for each image.

    Returns
    -------
    list of Region
        With the names of images that the files state; else the name of the file, with its place below the folder,
        without suffix. ``match_images`` makes them ids of a dataset. Polygons count by the box around them. Nothing is
        checked against the images: see ``faults_of``.

    Raises DataError that names the file, and the line or object, where it is damaged or of another kind.
    """
    path = Path(path)
    if not path.exists():
        raise DataError(f"there is no file of annotations at {path}", hint=_HINT)
    if not path.is_dir():
        return _read(path, path.stem)
    files = _files(path)
    return [region for file in files for region in _read(file, file.relative_to(path).with_suffix("").as_posix())]


def _files(folder: Path) -> list[Path]:
    """The annotations below a folder, all of one kind."""
    files = sorted(
        file
        for file in folder.rglob("*")
        if file.suffix.lower() in _KINDS and not any(part.startswith(".") for part in file.relative_to(folder).parts)
    )
    if not files:
        raise DataError(f"no annotations in the folder {folder}", hint=_HINT)
    first: dict[str, Path] = {}
    for file in files:
        first.setdefault(_KINDS[file.suffix.lower()], file.relative_to(folder))
    if len(first) > 1:
        names = ", ".join(file.as_posix() for file in first.values())
        raise DataError(f"{folder} holds annotations of several kinds: {names}", hint="give the file or folder of one")
    return files


#: Kinds of annotations by suffix.
_KINDS = {".csv": "table", ".tsv": "table", ".json": "JSON", ".geojson": "GeoJSON", ".roi": "ROI", ".zip": "ROI"}


def _read(path: Path, image: str) -> list[Region]:
    kind = _KINDS.get(path.suffix.lower())
    if kind is None:
        raise DataError(f"{path} is of no known kind of annotations", hint=_HINT)
    return _READERS[kind](path, image)


def _read_table(path: Path, image: str) -> list[Region]:
    return read_table(read_text(path, _HINT), str(path), image)


def _read_geojson(path: Path, image: str) -> list[Region]:
    return read_geojson(read_text(path, _HINT), str(path), image)


def _read_json(path: Path, image: str) -> list[Region]:
    """COCO, or GeoJSON under the suffix .json."""
    text = read_text(path, _HINT)
    document = parse_json(text, str(path), _HINT)
    if isinstance(document, dict) and "annotations" in document:
        return read_coco(text, str(path))
    if isinstance(document, list) and document and isinstance(document[0], dict) and "bbox" in document[0]:
        raise DataError(f"{path} is a list of results, without names of images", hint="give COCO JSON with images")
    return read_geojson(text, str(path), image)


_READERS: dict[str, Callable[[Path, str], list[Region]]] = {
    "table": _read_table,
    "GeoJSON": _read_geojson,
    "JSON": _read_json,
    "ROI": read_rois,
}
