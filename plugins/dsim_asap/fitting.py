"""Training on the pool of a comparison, once: the finished model and its checkpoints stay in the cache."""

from __future__ import annotations

import hashlib
import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim_asap.recipe import Recipe

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.measures import DatasetView
    from dsim.runtime import Runtime
    from dsim_asap.training import Trained

#: Bumped when the same recipe trains to other weights.
REVISION = 2


def fitted_model(pool: Sequence[DatasetView], recipe: Recipe, seed: int) -> Path:
    """The folder of the model trained on this pool: from the cache, else trained now.

    An interrupted training goes on from its checkpoint. Datasets enter in the order of their fingerprints, so
    that the order in which they are named does not matter.
    """
    pool = sorted(pool, key=lambda view: view.fingerprint)
    models = pool[0].runtime.cache / "models"
    key = _key(pool, recipe, seed)
    folder = models / f"asap-{recipe.backbone.partition('.')[0]}.pool.{key[:32]}"
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


def _key(pool: Sequence[DatasetView], recipe: Recipe, seed: int) -> str:
    parts: dict[str, Any] = {
        "revision": REVISION,
        "recipe": recipe.record(),
        "seed": seed,
        "pool": [view.fingerprint for view in pool],
    }
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()


def train(datasets: Sequence[Dataset], recipe: Recipe, seed: int, checkpoint: Path, runtime: Runtime) -> Trained:
    """Train on these datasets, or go on from ``checkpoint``; who has kept the result removes it."""
    import torch

    from dsim_asap.pool import gather, member
    from dsim_asap.training import Trainer

    generator = torch.Generator().manual_seed(seed)
    members = [member(dataset, recipe, runtime) for dataset in datasets]
    return Trainer(gather(members, recipe.split, generator), recipe, seed, runtime).run(checkpoint)


def _train(pool: Sequence[DatasetView], recipe: Recipe, seed: int, folder: Path) -> None:
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
