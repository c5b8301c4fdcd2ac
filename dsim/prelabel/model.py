"""The model that labels: what is asked of it, by what it is known, and which images it has seen before."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from dsim.files import file_sha256

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime


class Segments(Protocol):
    """The interface of a segmentation model; ``dsim.models.segmenter.Segmenter`` is one.

    It gives probabilities (H, W).
    """

    @property
    def trained_on(self) -> Sequence[Mapping[str, Any]]:
        """The facts about each dataset: ``name``, ``images_fingerprint`` and, where known, ``image_digests``."""

    def predict_many(
        self, dataset: Dataset, indices: Sequence[int] | None = None, *, workers: int = 2
    ) -> Iterator[tuple[int, NDArray[np.float32]]]:
        """Yield (index, probabilities float32 (H, W) at the image's own size) of the images in order, one at a time."""


@dataclass(frozen=True)
class Model:
    """A segmentation model and its identity.

    Parameters
    ----------
    name : as the user calls it: zoo:ID or a file. ``digest`` : sha256 of its weights and settings.
    threshold : probability from which it takes a pixel for foreground.
    """

    name: str
    digest: str
    segmenter: Segments
    threshold: float = 0.5


def open_model(reference: str | Path, runtime: Runtime) -> Model:
    """Return the model ``zoo:ID``, of a file, or of a folder that holds one.

    Raises WeightsError where there is none, UnknownNameError for an unknown id.
    """
    from dsim.models.segmenter import FILE, load_segmenter

    segmenter = load_segmenter(reference, runtime)
    text = str(reference)
    if text.startswith("zoo:"):
        from dsim.zoo import find

        digest = find(text.removeprefix("zoo:")).sha256
    else:
        path = Path(text) / FILE if Path(text).is_dir() else Path(text)
        digest = file_sha256(path)
    return Model(text, digest, segmenter, segmenter.recipe.threshold)


def seen(model: Model, target: Dataset) -> str | None:
    """Return how much of a target the model was trained on, in a sentence; None where nothing of it is known to be.

    Noticed by the bytes of the images, so that copies under another name are noticed too.
    """
    for entry in model.segmenter.trained_on:
        if entry.get("images_fingerprint") == target.images_fingerprint:
            return _sentence(model, target, entry, f"all {len(target)}")
    for entry in model.segmenter.trained_on:
        known = set(entry.get("image_digests", ()))
        count = sum(digest in known for digest in target.image_digests)
        if count:
            return _sentence(model, target, entry, f"{count} of {len(target)}")
    return None


def _sentence(model: Model, target: Dataset, entry: Mapping[str, Any], how_many: str) -> str:
    return (
        f"{model.name} was trained on {how_many} images of {target.name} (as {entry['name']}): "
        "it will look better there than on images that it has not seen"
    )
