"""Training on a pool of datasets, once: settings to recipes, recipes to finished models in the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.plugin import Need, UsageError
from dsim_asap.specs import SPEC, ZOO_MODEL, AsapRecipe

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.embeddings import LatentModel
    from dsim.measures import DatasetView
    from dsim.runtime import Runtime
    from dsim_asap.training import Trained

#: Bumped when the same recipe trains to other weights.
REVISION = 2


def params_of(settings: Sequence[str] = (), preset: str | None = None) -> dict[str, Any]:
    """Return the parameters of ``asap:fit=pool`` with these settings, ``NAME=VALUE`` each, over a preset's.

    Raises UsageError for a name, value or preset that is wrong.

    >>> params_of(["alpha=0.3"], "paper")["alpha"]
    0.3
    """
    from dsim.measures import build_measure

    call = ",".join([*([f"preset={preset}"] if preset else []), "fit=pool", *settings])
    return dict(build_measure(f"{SPEC.name}:{call}").params)


def recipe_of(settings: Sequence[str] = (), preset: str | None = None) -> AsapRecipe:
    """Return the recipe of ``params_of``."""
    return AsapRecipe.of(params_of(settings, preset))


def identity(dataset: Dataset) -> str:
    """Return the fingerprint of all that a training depends on: images, and their groups, which are split whole."""
    return dataset.fingerprint({Need.IMAGES})


def train(datasets: Sequence[Dataset], recipe: AsapRecipe, seed: int, checkpoint: Path, runtime: Runtime) -> Trained:
    """Train on these datasets, or go on from ``checkpoint``; the caller removes it after keeping the result."""
    from dsim_asap.training import decode_pool, train_asap

    return train_asap(decode_pool(datasets, recipe, seed, runtime), recipe, seed, runtime, checkpoint)


def train_once(datasets: Sequence[Dataset], recipe: AsapRecipe, seed: int, runtime: Runtime) -> Path:
    """Return the folder in the cache of the model trained on these datasets: the one that ``asap:fit=pool`` uses."""
    from dsim.measures import DatasetView

    views = [DatasetView(dataset, frozenset({Need.IMAGES}), SPEC.name, runtime) for dataset in datasets]
    return fitted_model(views, recipe, seed)


def fitted_model(pool: Sequence[DatasetView], recipe: AsapRecipe, seed: int) -> Path:
    """Return the folder of the model trained on this pool: from the cache, else trained now.

    An interrupted training goes on from its checkpoint. Datasets enter in the order of their fingerprints, so
    that the order in which they are named does not matter.
    """
    pool = sorted(pool, key=lambda view: view.fingerprint)
    parts: dict[str, Any] = {
        "revision": REVISION,
        "recipe": recipe.record(),
        "seed": seed,
        "pool": [view.fingerprint for view in pool],
    }
    key = hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
    folder = pool[0].runtime.cache / "models" / f"asap-{recipe.backbone.partition('.')[0]}.pool.{key[:32]}"
    if (folder / "manifest.toml").is_file():
        return folder
    unfinished = folder.with_name(f"{folder.name}.unfinished")
    unfinished.mkdir(parents=True, exist_ok=True)
    _train(pool, recipe, seed, unfinished)
    try:
        unfinished.rename(folder)
    except OSError:
        if not (folder / "manifest.toml").is_file():
            raise
        shutil.rmtree(unfinished)  # another process has finished the same model meanwhile
    return folder


def _train(pool: Sequence[DatasetView], recipe: AsapRecipe, seed: int, folder: Path) -> None:
    from dsim_asap.folder import Description, write_folder

    datasets = [view.dataset for view in pool]
    checkpoint = folder / "checkpoint.safetensors"
    trained = train(datasets, recipe, seed, checkpoint, pool[0].runtime)
    description = Description(
        id=folder.name.removesuffix(".unfinished"),
        title="ASAP, trained on the sources of a comparison",
        licence="as the images it was trained on",
        pool=datasets,
    )
    write_folder(folder, trained, recipe, seed, description)
    checkpoint.unlink(missing_ok=True)


def choose(reference: str | None) -> LatentModel:
    """Return a trained model; the zoo's own without a reference. Raises UsageError for anything else.

    >>> choose(None).title
    'asap-resnet18.biomed16.r1'
    """
    from dsim.embeddings import open_latent_model

    return open_latent_model(reference or ZOO_MODEL)


def choose_or_fit(
    reference: str | None, pool: Sequence[Dataset], fit: bool, settings: Sequence[str], seed: int, runtime: Runtime
) -> LatentModel:
    """Return a trained model, or with ``fit`` one that is trained on the pool now, or taken from the cache.

    Raises UsageError where both were asked for, or settings of a training (NAME=VALUE) without one.
    """
    from dsim.embeddings import LatentModel

    if fit and reference:
        raise UsageError("--fit trains a model, so it does not take one", hint="leave out --model, or --fit")
    if settings and not fit:
        raise UsageError(f"--set {settings[0]}: only a training reads this", hint="add --fit, or leave it out")
    if not fit:
        return choose(reference)
    folder = train_once(pool, recipe_of(settings), seed, runtime)
    return LatentModel(f"file:{folder}", f"trained on these {len(pool)} datasets, seed {seed}")
