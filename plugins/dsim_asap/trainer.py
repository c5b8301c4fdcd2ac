"""Trained models: from settings to recipes, from recipes to models in the cache, and ``dsim train asap``."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.files.folder_lock import exclusive_file
from dsim.plugin import Need, UsageError
from dsim_asap.specs import SPEC, ZOO_MODEL, AsapRecipe

if TYPE_CHECKING:
    import torch

    from dsim.data.dataset import Dataset
    from dsim.embeddings import LatentModel
    from dsim.measures import DatasetView
    from dsim.plugin import TrainedModel
    from dsim.runtime import Runtime
    from dsim_asap.evaluation import Part
    from dsim_asap.objective import Trained

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
    from dsim_asap.objective import decode_pool, train_asap

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
    with exclusive_file(folder, pool[0].runtime.progress.note):
        # Whoever had to wait for another process finds its model.
        if not (folder / "manifest.toml").is_file():
            unfinished.mkdir(parents=True, exist_ok=True)
            _train(pool, recipe, seed, unfinished)
            unfinished.rename(folder)
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


_USE = {
    "intended": "ranking datasets of 2D biomedical images by likeness of appearance, for asap:fit=zoo",
    "limits": "sees 64 x 64 pixels, no labels; a kind of image far from its training pool is placed by chance; not for"
    " diagnosis",
}


def train_model(
    datasets: Sequence[Dataset],
    out: Path,
    *,
    parameters: Mapping[str, Any],
    seed: int,
    runtime: Runtime,
    resume: bool,
) -> list[TrainedModel]:
    """Train on the datasets and write a zoo folder to ``out``, by the contract of ``dsim.plugin.Trainer``."""
    from dsim.plugin import Product, TrainedModel

    if not resume:
        (out / "checkpoint.safetensors").unlink(missing_ok=True)
    if not (out / "manifest.toml").exists():
        _write_model(datasets, out, parameters, seed, runtime)
    (out / "checkpoint.safetensors").unlink(missing_ok=True)
    return [
        TrainedModel(Product.MEASURE_MODEL, out, f"asap:model=file:{out}"),
        TrainedModel(Product.EXTRACTOR, out, f"file:{out}"),
    ]


def _write_model(
    datasets: Sequence[Dataset], out: Path, parameters: Mapping[str, Any], seed: int, runtime: Runtime
) -> None:
    from dsim_asap.evaluation import evaluate
    from dsim_asap.folder import Description, write_folder

    recipe, split = AsapRecipe.of(parameters), {name: parameters[name] for name in ("holdout", "blocks")}
    parts = [hold_out(dataset, seed, **split) for dataset in datasets]
    trained = train([part.known for part in parts], recipe, seed, out / "checkpoint.safetensors", runtime)
    results = evaluate(trained.autoencoder.encoder, parts, recipe, runtime)
    names, licence = (parameters["id"], parameters["title"]), parameters["licence"]
    description = Description(*names, licence, datasets, results.record() | split, _USE)
    write_folder(out, trained, recipe, seed, description, results.dtype)


def hold_out(dataset: Dataset, seed: int, holdout: float, blocks: int = 10) -> Part:
    """Split a dataset by whole groups; where it has none, by ``blocks`` runs of neighbours: often frames of one video.

    About ``holdout`` of the images are held out, never more; with ``blocks`` 0 an image is a run of its own.
    """
    from dsim.learning import whole_groups
    from dsim.random import stream
    from dsim_asap.evaluation import Part

    n, runs = len(dataset), blocks or len(dataset)
    groups = dataset.groups or tuple(f"{index * runs // n:06d}" for index in range(n))
    grouped = replace(dataset, groups=groups)
    # A stream of its own: another dataset in the pool does not change what is held out of this one.
    drawn = int(stream(seed, dataset.images_fingerprint, "hold out").integers(2**31))
    held = whole_groups(groups, holdout, _generator(drawn))
    known_indices, held_indices = ((~held).nonzero().flatten().tolist(), held.nonzero().flatten().tolist())
    return Part(grouped.subset(known_indices), grouped.subset(held_indices) if held_indices else None)


def _generator(seed: int) -> torch.Generator:
    import torch

    return torch.Generator().manual_seed(seed)
