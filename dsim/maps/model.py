"""The model of a map: it places images, and knows how far from its training images they are."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import DataError, UsageError, WeightsError, did_you_mean

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.runtime import Runtime
    from dsim.zoo import Model

Floats = NDArray[np.float64]

_HINT = "give the folder of a map (dsim map fit), or zoo:ID (dsim zoo list)"


@dataclass(frozen=True)
class MapModel:
    """A model that places images in the plane.

    Parameters
    ----------
    reference : as an extractor, such as ``file:MAP/model``. ``model`` : its manifest and weights, not yet loaded.
    """

    reference: str
    model: Model

    @cached_property
    def network(self) -> Any:
        """The ``MapNetwork``, weights verified, in evaluation mode, on the CPU. Raises WeightsError."""
        return self.model.build()

    @property
    def of_features(self) -> str:
        """The reference of the extractor of its features."""
        return features_of(self.reference)

    def features(self, dataset: Dataset, runtime: Runtime) -> NDArray[np.float32]:
        """Return the features of every image in order, float32 (n, d); from the cache where they are known.

        Raises what ``extract`` raises.
        """
        from dsim.features import extract

        return extract(dataset, self.of_features, runtime)

    def place(self, features: NDArray[np.float32]) -> Floats:
        """Return the places (n, 2) of features (n, d), float64 with the precision of float32.

        The place of an image depends on no other image.
        """
        import copy

        import torch

        # In float64, so that how many rows are multiplied at once cannot be seen in float32.
        projector = copy.deepcopy(self.network.projector).double().eval()
        with torch.inference_mode():
            points = projector(torch.from_numpy(np.asarray(features, dtype=np.float64)))
        return points.float().double().numpy()  # type: ignore[no-any-return]

    @cached_property
    def reference_features(self) -> NDArray[np.float32]:
        """Features of training images, float32 (m, d): those that images are compared with."""
        return self.network.reference.numpy()  # type: ignore[no-any-return]

    @cached_property
    def calibration(self) -> Floats:
        """The novelty of held-out images, float64 (k,)."""
        return self.network.calibration.double().numpy()  # type: ignore[no-any-return]

    @property
    def held_out(self) -> int:
        """Number of images that were not trained on and calibrate p; 0 where training images do."""
        known = self.model.manifest["training"].get("calibration", {}).get("images")
        return len(self.calibration) if known is None else int(known)

    def unusual(self, features: NDArray[np.float32], *, trained: bool = False) -> tuple[Floats, Floats]:
        """Return the novelty of images and the conformal p of that, both float64 (n,).

        Parameters
        ----------
        features : float32 (n, d). ``trained`` : they may be training images, which do not count themselves.

        Raises WeightsError for a model that remembers no training images.
        """
        from dsim.embeddings import novelty
        from dsim.stats.foreign import split_conformal_p

        if len(self.reference_features) < 2 or not len(self.calibration):
            raise WeightsError(
                f"{self.reference} remembers no training images, so that it cannot tell what is foreign",
                hint="fit the map again: dsim map fit",
            )
        known = self.reference_features.astype(np.float64)
        scores = novelty(features.astype(np.float64), known, leave_self=trained)
        return scores, split_conformal_p(scores, self.calibration)


def features_of(reference: str) -> str:
    """Return the reference of the features of a map's model.

    >>> features_of("file:MAP/model")
    'file:MAP/model[layer=features]'
    """
    from dsim.registry import format_bracketed

    return format_bracketed(reference, {"layer": "features"})


def open_map_model(model: str | Path) -> MapModel:
    """Return the model of a map: of the folder of a fit, of a model's folder (also as ``file:FOLDER``), or ``zoo:ID``.

    Raises DataError for a folder without a model, UnknownNameError for an unknown id, UsageError for another model.
    """
    from dsim.zoo import find

    text = str(model)
    if text.startswith("zoo:"):
        reference, opened = text, find(text.removeprefix("zoo:"))
    else:
        folder = _folder_of_model(Path(text.removeprefix("file:")).expanduser())
        from dsim.zoo import read_model

        reference, opened = f"file:{folder}", read_model(folder)
    output = opened.manifest["output"]
    if output["kind"] != "latent" or not output.get("features"):
        raise UsageError(f"the model {opened.id} in {text} is not that of a map of images", hint=_HINT)
    return MapModel(reference, opened)


def _folder_of_model(folder: Path) -> Path:
    """The folder itself, or ``model/`` in it. Raises DataError where there is none, or a fit that is not finished."""
    from dsim.zoo import is_model

    if is_model(folder):
        return folder
    if not folder.is_dir():
        near = [path.name for path in folder.parent.iterdir() if path.is_dir()] if folder.parent.is_dir() else []
        raise DataError(f"there is no map at {folder}.{did_you_mean(folder.name, near)}", hint=_HINT)
    inner = [path.parent for path in sorted(folder.glob("*/manifest.toml"))]
    if len(inner) == 1:
        return inner[0]
    if (folder / "run.json").is_file():
        raise DataError(
            f"the training in {folder} is not finished: it holds no model yet",
            hint=f"give its command again: dsim map fit DATASET... --out {folder}",
        )
    raise DataError(f"{folder} holds no model of a map", hint=_HINT)
