"""Trained models for studies: settings to recipes, recipes to folders in the cache, folders to clouds of points."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.plugin import Need
from dsim_asap.recipe import Recipe
from dsim_asap.specs import SPEC

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime
    from dsim_asap.model import Encoder


def params_of(settings: Sequence[str] = (), preset: str | None = None) -> dict[str, Any]:
    """The parameters of ``asap:fit=pool`` with these settings, ``NAME=VALUE`` each, over a preset's.

    Raises UsageError for a name, value or preset that is wrong.

    >>> params_of(["alpha=0.3"], "paper")["alpha"]
    0.3
    """
    from dsim.measures import build_measure

    call = ",".join([*([f"preset={preset}"] if preset else []), "fit=pool", *settings])
    return dict(build_measure(f"{SPEC.name}:{call}").params)


def recipe_of(settings: Sequence[str] = (), preset: str | None = None) -> Recipe:
    """The recipe of ``params_of``."""
    return Recipe.of(params_of(settings, preset))


def identity(dataset: Dataset) -> str:
    """All of a dataset that a training depends on: its images, and their groups, which are split whole."""
    return dataset.fingerprint({Need.IMAGES})


def trained(datasets: Sequence[Dataset], recipe: Recipe, seed: int, runtime: Runtime) -> Path:
    """The folder of the model trained on these datasets, in the cache: the one that ``asap:fit=pool`` would use.

    It is trained now where it is not there; an interrupted training goes on from its checkpoint. The order of the
    datasets does not matter.
    """
    from dsim.measures import DatasetView
    from dsim_asap.fitting import fitted_model

    views = [DatasetView(dataset, frozenset({Need.IMAGES}), SPEC.name, runtime) for dataset in datasets]
    return fitted_model(views, recipe, seed)


def encoder_of(folder: Path) -> Encoder:
    """The encoder of a trained model's folder, float32, in evaluation mode, on the CPU."""
    from dsim.zoo import read_model
    from dsim_asap.encoder import build

    return build(read_model(folder))


def clouds_of(folder: Path, datasets: Sequence[Dataset], runtime: Runtime) -> list[NDArray[np.float64]]:
    """The latent points of each dataset, float64 (n, n_emb); from the cache where they are known."""
    import numpy as np

    from dsim.features import extract

    return [extract(dataset, f"file:{folder}", runtime).astype(np.float64) for dataset in datasets]
