"""The pre-label of one image: names of its files, numbers of doubt, and what is written of it."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.data.backings import FilesBacking
from dsim.errors import MeasureError, readable
from dsim.files import file_sha256, replacing, write_text
from dsim.files.documents import number
from dsim.files.sample_names import file_names

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.annotations.outlines import Outlined
    from dsim.data import Dataset


#: Folders of the files of each image.
MASKS, GEOJSON, ROIS, PROBABILITIES = "masks", "geojson", "rois", "probabilities"


@dataclass(frozen=True)
class Settings:
    """Choices of a run: threshold, label, and files that are written on request.

    Parameters
    ----------
    threshold : probability from which a pixel is foreground; None for the model's own.
    label : name of what is marked, in COCO JSON, QuPath and ImageJ; empty for what the model marks.
    probabilities : also write probability maps: ``png`` (16 bits), ``tif`` (float32), or empty for none.
    """

    threshold: float | None = None
    label: str = ""
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
        """The path of its mask, below the folder of the pre-labels."""
        return f"{MASKS}/{self.name}.png"

    def files(self, settings: Settings) -> list[str]:
        """Return all files that may be written, below the folder of the pre-labels."""
        maps = [f"{PROBABILITIES}/{self.name}.{settings.probabilities}"] if settings.probabilities else []
        return [self.mask, f"{GEOJSON}/{self.name}.geojson", f"{ROIS}/{self.name}.zip", *maps]


def places_of(target: Dataset) -> list[Place]:
    """Return the place of each image; COCO finds an image below the folder that the target was read from."""
    names = file_names(target.ids)
    if not isinstance(target.backing, FilesBacking):
        return [Place(name, f"{id}.png") for name, id in zip(names, target.ids, strict=True)]
    location = Path(target.location)
    # The reader of images/ and masks/ names the folder above them.
    home = next((place for place in (location / "images", location) if place.is_dir()), location.parent)
    return [
        Place(name, _below(frame.path, home), None if frame.alone else frame.index)
        for name, frame in zip(names, target.backing.images, strict=True)
    ]


def _below(path: Path, home: Path) -> str:
    return readable((path.relative_to(home) if path.is_relative_to(home) else Path(path.name)).as_posix())


def label_image(
    probabilities: NDArray[np.float32], threshold: float, settings: Settings, place: Place, out: Path, key: str
) -> dict[str, Any]:
    """Write the files of one image; returns what the journal keeps of them.

    That is ``files`` that were written, ``mask`` and its ``mask_sha256``, by which an uncorrected one is known,
    ``row`` of the table, and ``annotations``.

    There is no ROI zip for an image without objects, which ImageJ would refuse, nor for one larger than its format.
    Raises MeasureError where the model gave no probabilities, DsimError where the disk does not take a file.
    ``probabilities`` are float32 (H, W) in [0, 1].
    """
    from dsim.annotations import coco, fiji_rois, geojson, masks
    from dsim.annotations.outlines import outlined

    _refuse_improper(probabilities, place)
    mask = probabilities >= threshold
    found = outlined(mask)
    scores = [float(probabilities[outline.rows, outline.columns].mean(dtype="float64")) for outline in found]
    files = place.files(settings)
    masks.write_mask(out / files[0], mask)
    write_text(out / files[1], geojson.feature_collection(found, scores, settings.label, f"{key}/{place.name}"))
    if found and max(mask.shape) <= fiji_rois.LARGEST_ROI:
        with replacing(out / files[2]) as temporary:
            temporary.write_bytes(fiji_rois.roi_zip(found, settings.label, place.page))
    else:
        files.remove(files[2])
    if settings.probabilities:
        masks.write_probabilities(out / files[-1], probabilities)
    size = (mask.shape[0], mask.shape[1])
    annotations = [coco.coco_annotation(one, size, score) for one, score in zip(found, scores, strict=True)]
    written = {"mask": files[0], "mask_sha256": file_sha256(out / files[0])}
    return {"files": files, **written, "row": _row(probabilities, mask, found, place), "annotations": annotations}


def _row(
    probabilities: NDArray[np.float32], mask: NDArray[np.bool_], found: list[Outlined], place: Place
) -> dict[str, Any]:
    """The row of an image in the table; None for a missing number."""
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


#: Of the longest side: how far from an outline a pixel still counts as near it.
_NEAR = 0.01


_NEAREST = 2


def expected_dice(probabilities: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the Dice that a mask, bool (H, W), can expect if the probabilities hold, in [0, 1]; low is doubtful.

    ``2 sum(p in mask) / (pixels of mask + sum(p))``, the soft Dice confidence of Borges et al. (arXiv:2402.10665): near
    the expectation of the Dice where pixels are independent, which is not computed exactly for images of any size.
    1 where mask and probabilities are both empty; 0 where only the mask is.

    >>> import numpy as np
    >>> p = np.array([[0.9, 0.6, 0.1]], np.float32)
    >>> round(expected_dice(p, p >= 0.5), 4)
    0.8333
    """
    total = float(mask.sum()) + float(probabilities.sum(dtype="float64"))
    return 2 * float(probabilities[mask].sum(dtype="float64")) / total if total else 1.0


def entropy(probabilities: NDArray[np.float32]) -> NDArray[np.float64]:
    """Return the entropy of each pixel in bits, float64 (H, W) in [0, 1]: 1 where the probability is 0.5.

    >>> import numpy as np
    >>> entropy(np.array([0.0, 0.5, 0.25])).round(3).tolist()
    [0.0, 1.0, 0.811]
    """
    import numpy as np
    from scipy.special import entr

    p = probabilities.astype(np.float64)
    bits: NDArray[np.float64] = (entr(p) + entr(1 - p)) / np.log(2)
    return bits


def boundary_entropy(probabilities: NDArray[np.float32], mask: NDArray[np.bool_]) -> float:
    """Return the mean entropy near the outlines of a mask: of pixels within 1 % of the longest side, at least 2 pixels.

    A sure model is in doubt only on the line itself; high is doubtful. NaN where the mask has no outline. Probabilities
    are float32 (H, W), the mask is bool (H, W).
    """
    import numpy as np
    from scipy import ndimage

    reach = max(_NEAREST, round(_NEAR * max(mask.shape)))
    wide = ndimage.binary_dilation(mask, iterations=reach)
    # The end of the image is not an outline.
    narrow = ndimage.binary_erosion(mask, iterations=reach, border_value=1)
    near = wide & ~narrow
    return float(entropy(probabilities[near]).mean()) if near.any() else float(np.nan)
