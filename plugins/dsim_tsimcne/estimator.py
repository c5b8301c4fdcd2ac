"""t-SimCNE with the manners of scikit-learn: ``TSimCNE().fit(images).transform(more_images)``."""

from __future__ import annotations

import shutil
import tempfile
import weakref
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils.validation import check_is_fitted

from dsim.errors import DataError, UsageError
from dsim_tsimcne.specs import TRAINER

if TYPE_CHECKING:
    from typing import Self

    from dsim.plugin import Dataset, Runtime
    from dsim.zoo import Model

Points = NDArray[np.float64]
#: What is fitted or placed: arrays, datasets, paths, or lists of datasets and paths.
Images = Any

#: The folder of the model in that of a run.
_MODEL = "model"


class TSimCNE(TransformerMixin, BaseEstimator):  # type: ignore[misc]
    """A map of images that a network draws in the plane; it places new images too.

    Parameters
    ----------
    preset : ``quick`` (minutes on two cores for 7,000 small images) or ``paper`` (days).
    rotations : that leave images what they are: ``any`` (cells), ``quarter`` (tissue), ``none``, or ``auto``, by the
        modality that datasets state; arrays state none, so that it must be chosen for them.
    network, size, steps, epochs, batch, loss, optimizer, lr, last_layer, last_lr, leave_out, invariant_to, negatives,
    calibration, precision :
        parameters of ``dsim train t-simcne`` (``dsim explain t-simcne``); None for those of the preset.
    seed : of all that is drawn.
    out : folder of the training; an interrupted one goes on there. None: a temporary one, which ends with the object.
    runtime : device, cache and progress; None for a quiet one on the CPU or GPU that there is.

    Attributes
    ----------
    embedding_ : float64 (n, 2), the places of the images that it was fitted to.
    model_path_ : the folder of the map's model, as ``file:FOLDER`` an extractor.
    n_features_in_ : numbers of one image of the arrays that it was fitted to; absent for datasets.

    Images are arrays (n, h, w) or (n, h, w, c), c of 1 or 3, uint8 or floats in [0, 1], and lists of such images of any
    sizes; datasets of dsim, paths that ``open_dataset`` opens, and lists of those. Labels are never used.

    References
    ----------
    Böhm, Berens, Kobak 2023, arXiv:2210.09879; with rotations: Nwabufo et al. 2024, arXiv:2402.14566.

    >>> from sklearn.base import clone
    >>> clone(TSimCNE(rotations="any", seed=3)).get_params()["rotations"]
    'any'
    """

    def __init__(
        self,
        preset: str = "quick",
        *,
        rotations: str = "auto",
        network: str | None = None,
        size: int | None = None,
        steps: Sequence[int] | None = None,
        epochs: Sequence[int] | None = None,
        batch: int | None = None,
        loss: str | None = None,
        optimizer: str | None = None,
        lr: float | None = None,
        last_layer: str | None = None,
        last_lr: float | None = None,
        leave_out: str | None = None,
        invariant_to: str | None = None,
        negatives: str | None = None,
        calibration: float | None = None,
        precision: str | None = None,
        seed: int = 0,
        out: str | Path | None = None,
        runtime: Runtime | None = None,
    ) -> None:
        self.preset = preset
        self.rotations = rotations
        self.network = network
        self.size = size
        self.steps = steps
        self.epochs = epochs
        self.batch = batch
        self.loss = loss
        self.optimizer = optimizer
        self.lr = lr
        self.last_layer = last_layer
        self.last_lr = last_lr
        self.leave_out = leave_out
        self.invariant_to = invariant_to
        self.negatives = negatives
        self.calibration = calibration
        self.precision = precision
        self.seed = seed
        self.out = out
        self.runtime = runtime

    def fit(self, images: Images, y: object = None, *, groups: Sequence[Any] | None = None) -> Self:
        """Train the map on images; ``y`` is ignored.

        ``groups`` holds the group of each image of an array, for ``invariant_to="group"``. Raises UsageError and
        DataError for images or parameters that no map can be made of.
        """
        from dsim.learning import train

        datasets, shape = _as_datasets(images, groups)
        out = Path(self.out) if self.out is not None else self._temporary()
        train(
            TRAINER.name,
            datasets,
            out=out,
            preset=self.preset,
            seed=self.seed,
            runtime=self._runtime(),
            **self._given(),
        )
        self._open(out / _MODEL)
        self._image_shape = shape
        if shape is not None:
            self.n_features_in_ = int(np.prod(shape))
        self.embedding_ = self._place(datasets)
        return self

    def transform(self, images: Images) -> Points:
        """Return the places of images, float64 (n, 2), in order; that of an image depends on no other.

        Images of another size are resized, as those that it was fitted to. Raises NotFittedError before ``fit``,
        UsageError for arrays of another number of channels.
        """
        check_is_fitted(self, "model_path_")
        datasets, shape = _as_datasets(images)
        own = getattr(self, "_image_shape", None)
        if shape is not None and own is not None and shape[2] != own[2]:
            raise UsageError(
                f"images of {shape[2]} channels are placed on a map that was fitted to images of {own[2]}",
                hint="fit a map to such images, or change their channels",
            )
        return self._place(datasets)

    def fit_transform(self, images: Images, y: object = None, *, groups: Sequence[Any] | None = None) -> Points:
        """Train the map and return the places of its images, float64 (n, 2)."""
        return self.fit(images, groups=groups).embedding_

    def get_feature_names_out(self, input_features: object = None) -> NDArray[np.object_]:
        """Return the names of both columns, object (2,)."""
        return np.array(["t-simcne0", "t-simcne1"], dtype=object)

    def save(self, folder: str | Path) -> Path:
        """Copy the model to a folder that is not there yet; ``TSimCNE.load`` and ``file:FOLDER`` read it again.

        Raises UsageError where the folder holds something.
        """
        check_is_fitted(self, "model_path_")
        target = Path(folder)
        if target.exists() and (not target.is_dir() or any(target.iterdir())):
            raise UsageError(f"{target} exists already", hint="choose another folder")
        shutil.copytree(self.model_path_, target, dirs_exist_ok=True)
        return target

    @classmethod
    def load(cls, folder: str | Path, runtime: Runtime | None = None) -> Self:
        """Return the fitted map of a folder of ``save``, ``dsim map fit`` or ``dsim train``; it has no ``embedding_``.

        Raises DataError for a folder without a model, UsageError for a model that is not a map.
        """
        from dsim.zoo import read_model

        model = read_model(Path(folder))
        settings = model.manifest["training"].get("settings", {})
        own = cls._get_param_names()
        known = {name: settings[name] for name in ("rotations", "size", "batch") if name in settings and name in own}
        loaded = cls(**known, seed=model.manifest["training"].get("seed", 0), runtime=runtime)
        loaded._open(model.folder)
        return loaded

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "model_path_")

    def _given(self) -> dict[str, Any]:
        """The parameters of the trainer that are not left to the preset."""
        names = [parameter.name for parameter in TRAINER.parameters if hasattr(self, parameter.name)]
        given = {name: getattr(self, name) for name in names if getattr(self, name) is not None}
        for name in ("steps", "epochs"):
            if name in given:
                given[name] = tuple(float(count) for count in given[name])
        # One of both: what is given takes the place of what the preset has.
        if "steps" in given or "epochs" in given:
            given = {"steps": (0.0, 0.0, 0.0), "epochs": (0.0, 0.0, 0.0), **given}
        return given

    def _runtime(self) -> Runtime:
        from dsim.runtime import Runtime

        return self.runtime or Runtime()

    def _temporary(self) -> Path:
        remove_last: Callable[[], object] = getattr(self, "_remove", int)
        remove_last()
        folder = tempfile.mkdtemp(prefix="t-simcne-")
        self._remove: Callable[[], object] = weakref.finalize(self, shutil.rmtree, folder, ignore_errors=True)
        return Path(folder)

    def _open(self, folder: Path) -> None:
        from dsim.zoo import read_model

        model: Model = read_model(folder)
        if not model.manifest["output"].get("features"):
            raise UsageError(
                f"the model {model.id} in {folder} is not a map of images", hint="give the folder of a map"
            )
        self.model_path_ = model.folder
        self._network: Any = model.build()

    def _place(self, datasets: Sequence[Dataset]) -> Points:
        import copy

        import torch

        from dsim.features import Network, Square, image_batches
        from dsim.zoo import read_model

        how = self._runtime()
        side = read_model(self.model_path_).manifest["input"]["side"]
        extractor = Network(copy.deepcopy(self._network), how.device, "features", "avg")
        batches = (
            extractor(batch)
            for dataset in datasets
            for batch in image_batches(dataset, Square(side, channels=3), min(how.batch, extractor.batch), how.workers)
        )
        features = np.concatenate(list(batches))
        # In float64, so that how many rows are multiplied at once cannot be seen.
        projector = copy.deepcopy(self._network.projector).double()
        with torch.inference_mode():
            points: Points = projector(torch.from_numpy(features).double()).float().double().numpy()
        return points


def _as_datasets(
    images: Images, groups: Sequence[Any] | None = None
) -> tuple[list[Dataset], tuple[int, int, int] | None]:
    """Datasets of what was given, and the shape of the images of an array; None for datasets.

    Raises UsageError and DataError for arrays that are not images.
    """
    from dsim.data import from_arrays, to_datasets

    is_array = isinstance(images, np.ndarray)
    listed = isinstance(images, list | tuple) and bool(images) and all(isinstance(one, np.ndarray) for one in images)
    if isinstance(images, list | tuple | np.ndarray) and not len(images):
        raise DataError("there are no images", hint="give at least one")
    if not is_array and not (listed and all(one.ndim < 4 for one in images)):
        if groups is not None:
            kind = type(images).__name__
            raise UsageError(f"groups go with arrays, and {kind} has its own", hint="leave out groups")
        return to_datasets(images, "source"), None
    if is_array and (images.ndim not in (3, 4) or (images.ndim == 4 and images.shape[3] not in (1, 3))):
        raise UsageError(
            f"an array of shape {images.shape} is not a stack of images", hint="give (n, h, w) or (n, h, w, 1 or 3)"
        )
    stack = [_checked(np.asarray(image)) for image in images]
    channels = {1 if image.ndim == 2 else image.shape[2] for image in stack}
    if len(channels) > 1:
        raise DataError(f"images have {sorted(channels)} channels", hint="give images of one kind")
    shape = (stack[0].shape[0], stack[0].shape[1], channels.pop())
    return [from_arrays(stack, groups=groups, name="images", channels="last")], shape


def _checked(image: NDArray[Any]) -> NDArray[Any]:
    """The image as bytes, if its numbers mean the same in whatever set it comes: uint8, or floats in [0, 1]."""
    if image.dtype == np.uint8:
        return image
    if not np.issubdtype(image.dtype, np.floating):
        raise UsageError(f"images of {image.dtype} have no known range", hint="give uint8, or floats in [0, 1]")
    if not np.isfinite(image).all():
        raise DataError(f"an image of shape {image.shape} holds NaN or infinite numbers", hint="replace them")
    if image.min() < 0 or image.max() > 1:
        raise UsageError(
            f"floats from {image.min():g} to {image.max():g} are not in [0, 1]",
            hint="divide all images by one number: the largest that they can have",
        )
    # Images are kept as bytes while a map is trained.
    rounded: NDArray[Any] = np.rint(image * 255).astype(np.uint8)
    return rounded
