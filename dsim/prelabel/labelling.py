"""From the probabilities of one image to its files, and to what is told of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.data.backings import FilesBacking
from dsim.errors import MeasureError
from dsim.files import replacing, write_text
from dsim.files.documents import number
from dsim.prelabel.names import file_names

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data.dataset import Dataset
    from dsim.prelabel.outlines import Outlined

#: Folders of the files of each image.
MASKS, GEOJSON, ROIS, PROBABILITIES = "masks", "geojson", "rois", "probabilities"


@dataclass(frozen=True)
class Settings:
    """What is written besides the model's own.

    Parameters
    ----------
    threshold : probability from which a pixel is foreground; None for the model's own.
    label : name of what is marked, in COCO JSON, QuPath and ImageJ.
    probabilities : also write probability maps: ``png`` (16 bits), ``tif`` (float32), or empty for none.
    """

    threshold: float | None = None
    label: str = "foreground"
    probabilities: str = ""


@dataclass(frozen=True)
class Place:
    """Where the files of one image go, and what its own file is.

    ``name`` : path below each folder, without suffix. ``image`` : of its file, as COCO names it. ``page`` : its number
    in that file, None where it is alone.
    """

    name: str
    image: str
    page: int | None = None

    @property
    def mask(self) -> str:
        """Its mask, below the folder of the pre-labels."""
        return f"{MASKS}/{self.name}.png"

    def files(self, settings: Settings) -> list[str]:
        """All files that may be written, below the folder of the pre-labels."""
        maps = [f"{PROBABILITIES}/{self.name}.{settings.probabilities}"] if settings.probabilities else []
        return [self.mask, f"{GEOJSON}/{self.name}.geojson", f"{ROIS}/{self.name}.zip", *maps]


def places_of(target: Dataset) -> list[Place]:
    """Of each image; COCO finds an image below the folder that the target was read from."""
    names = file_names(target.ids)
    if not isinstance(target.backing, FilesBacking):
        return [Place(name, f"{id}.png") for name, id in zip(names, target.ids, strict=True)]
    location = Path(target.location)
    # The reader of images/ and masks/ tells the folder above them.
    home = next((place for place in (location / "images", location) if place.is_dir()), location.parent)
    return [
        Place(name, _below(frame.path, home), None if frame.alone else frame.index)
        for name, frame in zip(names, target.backing.images, strict=True)
    ]


def _below(path: Path, home: Path) -> str:
    return (path.relative_to(home) if path.is_relative_to(home) else Path(path.name)).as_posix()


def label_image(
    probabilities: NDArray[np.float32], threshold: float, settings: Settings, place: Place, out: Path, key: str
) -> dict[str, Any]:
    """Write the files of one image; returns ``files`` that were written, ``row`` of the table, and ``annotations``.

    There is no ROI zip for an image without objects, which ImageJ would refuse, nor for one larger than its format.
    Raises MeasureError where the model gave no probabilities, DsimError where the disk does not take a file.
    """
    from dsim.prelabel import coco, geojson, rois
    from dsim.prelabel.outlines import outlined
    from dsim.prelabel.rasters import write_mask, write_probabilities

    _refuse_improper(probabilities, place)
    mask = probabilities >= threshold
    found = outlined(mask)
    scores = [float(probabilities[one.rows, one.columns].mean(dtype="float64")) for one in found]
    files = place.files(settings)
    write_mask(out / files[0], mask)
    write_text(out / files[1], geojson.feature_collection(found, scores, settings.label, f"{key}/{place.name}"))
    if found and max(mask.shape) <= rois.LARGEST:
        with replacing(out / files[2]) as temporary:
            temporary.write_bytes(rois.roi_zip(found, settings.label, place.page))
    else:
        files.remove(files[2])
    if settings.probabilities:
        write_probabilities(out / files[-1], probabilities)
    size = (mask.shape[0], mask.shape[1])
    annotations = [coco.annotation(one, size, score) for one, score in zip(found, scores, strict=True)]
    return {"files": files, "row": _row(probabilities, mask, found, place), "annotations": annotations}


def _row(
    probabilities: NDArray[np.float32], mask: NDArray[np.bool_], found: list[Outlined], place: Place
) -> dict[str, Any]:
    """What the table tells of an image; None where there is no number."""
    from dsim.prelabel.doubt import boundary_entropy, expected_dice

    return {
        "image": place.image,
        "page": place.page,
        "height": mask.shape[0],
        "width": mask.shape[1],
        "objects": len(found),
        "foreground": float(mask.mean()),
        "expected_dice": expected_dice(probabilities, mask),
        "boundary_entropy": number(boundary_entropy(probabilities, mask)),
        "highest_probability": float(probabilities.max()),
    }


def _refuse_improper(probabilities: NDArray[np.float32], place: Place) -> None:
    """A NaN would become background without a word."""
    low, high = float(probabilities.min()), float(probabilities.max())
    if not (low >= 0 and high <= 1):
        raise MeasureError(
            f"the model gives no probabilities for {place.image}: from {low:g} to {high:g}",
            hint="train it again, or choose another model",
        )
