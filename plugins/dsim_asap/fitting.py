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
    from dsim.view import DatasetView

#: Bumped when the same recipe trains to other weights.
REVISION = 1


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


def _train(pool: Sequence[DatasetView], recipe: Recipe, seed: int, folder: Path) -> None:
    import torch

    from dsim_asap.folder import Description, write_folder
    from dsim_asap.pool import gather, member
    from dsim_asap.training import Trainer

    runtime = pool[0].runtime
    generator = torch.Generator().manual_seed(seed)
    members = [member(view.dataset, recipe, runtime) for view in pool]
    trainer = Trainer(gather(members, recipe.split, generator), recipe, seed, runtime)
    checkpoint = folder / "checkpoint.safetensors"
    trained = trainer.run(checkpoint)
    description = Description(
        id=folder.name.removesuffix(".unfinished"),
        title="ASAP, trained on the sources of a comparison",
        licence="as the images it was trained on",
        pool=[view.dataset for view in pool],
    )
    write_folder(folder, trained, recipe, seed, description)
    checkpoint.unlink(missing_ok=True)
