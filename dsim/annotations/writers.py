"""Regions written for annotation tools: QuPath, COCO, ImageJ and Fiji, napari, and a table."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dsim.annotations.coco import box_annotation, write_coco
from dsim.annotations.fiji_rois import LARGEST_ROI, region_zip
from dsim.annotations.geojson import Colour, region_collection
from dsim.annotations.regions import Region
from dsim.annotations.tables import napari_text, table_text
from dsim.errors import DataError, UnknownNameError
from dsim.files import replacing, write_text
from dsim.files.sample_names import file_names

#: Okabe and Ito's colours of classes, safe for the colour-blind, in the order of pictures of dsim.
COLOURS: tuple[Colour, ...] = (
    (0, 114, 178),
    (213, 94, 0),
    (0, 158, 115),
    (204, 121, 167),
    (86, 180, 233),
    (230, 159, 0),
    (58, 58, 58),
)


def class_colours(labels: Sequence[str]) -> dict[str, Colour]:
    """Return the colour of each class, in their order; the eighth has the first colour again.

    >>> class_colours(["red cell", "platelet"])
    {'red cell': (0, 114, 178), 'platelet': (213, 94, 0)}
    """
    return {label: COLOURS[number % len(COLOURS)] for number, label in enumerate(labels)}


@dataclass(frozen=True)
class _Export:
    """Regions, sizes and names for the writers of all formats; ``names`` are those of files, without suffix, by id."""

    folder: Path
    regions: Mapping[str, Sequence[Region]]
    sizes: Mapping[str, tuple[int, int]]
    names: Mapping[str, str]
    files: Mapping[str, str]
    labels: Sequence[str]


def write_regions(
    folder: Path | str,
    regions: Sequence[Region],
    sizes: Mapping[str, tuple[int, int]],
    formats: Sequence[str] = (),
    *,
    files: Mapping[str, str] | None = None,
    labels: Sequence[str] = (),
) -> list[Path]:
    """Write regions of images in the formats of annotation tools; returns the paths of the files.

    Parameters
    ----------
    regions : of any images that ``sizes`` lists. sizes : (height, width) of each image by its id, of those without
        regions too.
    formats : of ``FORMATS``, all where empty. ``geojson``: geojson/IMAGE.geojson for QuPath, classes in Okabe and Ito's
        colours, the score as a measurement. ``coco``: coco.json, one for all images. ``fiji``: rois/IMAGE.zip for
        ImageJ and Fiji, none for images without regions, nor beyond 60,535 pixels, which the format cannot hold.
        ``csv``: detections.csv. ``napari``: napari/IMAGE.csv, the centres as points.
    files : name of each image's file by id, for COCO; the id where it is missing. labels : order of the classes, for
        their colours and numbers; others follow in alphabetical order.

    ``read_regions`` reads each of them back; numbers have six decimals (float32 in ROIs). Files that are there are
    replaced. Raises UnknownNameError for a format, DataError for a region of an image without size, DsimError where the
    disk refuses.
    """
    for name in formats:
        if name not in FORMATS:
            raise UnknownNameError("format of annotations", name, FORMATS, hint=f"choose of {', '.join(FORMATS)}")
    of_image: dict[str, list[Region]] = {image: [] for image in sizes}
    for region in regions:
        if region.image not in of_image:
            raise DataError(f"a region is of the image {region.image!r}, whose size is not given", hint="give its size")
        of_image[region.image].append(region)
    others = sorted({region.label for region in regions} - set(labels))
    names = dict(zip(sizes, file_names(list(sizes)), strict=True))
    export = _Export(Path(folder), of_image, sizes, names, files or {}, [*labels, *others])
    return [path for name in formats or FORMATS for path in _WRITERS[name](export)]


def _write_geojson(export: _Export) -> list[Path]:
    colours = class_colours(export.labels)
    paths = []
    for image, name in export.names.items():
        paths.append(export.folder / "geojson" / f"{name}.geojson")
        write_text(paths[-1], region_collection(export.regions[image], colours, image))
    return paths


def _write_coco(export: _Export) -> list[Path]:
    numbers = {label: number for number, label in enumerate(export.labels, 1)}
    images = [
        {"id": number, "file_name": export.files.get(image, image), "height": height, "width": width}
        for number, (image, (height, width)) in enumerate(export.sizes.items(), 1)
    ]
    annotations = (
        (number, [box_annotation(region, numbers[region.label]) for region in export.regions[image]])
        for number, image in enumerate(export.sizes, 1)
    )
    path = export.folder / "coco.json"
    write_coco(path, "regions of interest", export.labels, images, annotations)
    return [path]


def _write_rois(export: _Export) -> list[Path]:
    paths = []
    for image, name in export.names.items():
        if export.regions[image] and max(export.sizes[image]) <= LARGEST_ROI:
            paths.append(export.folder / "rois" / f"{name}.zip")
            with replacing(paths[-1]) as temporary:
                temporary.write_bytes(region_zip(export.regions[image]))
    return paths


def _write_table(export: _Export) -> list[Path]:
    path = export.folder / "detections.csv"
    write_text(path, table_text([region for image in export.sizes for region in export.regions[image]]))
    return [path]


def _write_napari(export: _Export) -> list[Path]:
    paths = []
    for image, name in export.names.items():
        paths.append(export.folder / "napari" / f"{name}.csv")
        write_text(paths[-1], napari_text(export.regions[image]))
    return paths


_WRITERS: dict[str, Callable[[_Export], list[Path]]] = {
    "geojson": _write_geojson,
    "coco": _write_coco,
    "fiji": _write_rois,
    "csv": _write_table,
    "napari": _write_napari,
}
#: What ``write_regions`` writes, by name.
FORMATS = tuple(_WRITERS)
