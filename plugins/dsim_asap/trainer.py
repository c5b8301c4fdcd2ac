"""``dsim train asap``: a model for the zoo, with images held out, its quality measured, and its card written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim_asap.specs import AsapRecipe

if TYPE_CHECKING:
    import torch

    from dsim.data.dataset import Dataset
    from dsim.plugin import TrainedModel
    from dsim.runtime import Runtime
    from dsim_asap.evaluation import Part

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
    from dsim_asap.fitting import train
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
