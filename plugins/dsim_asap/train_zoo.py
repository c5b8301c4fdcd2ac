"""``dsim train asap``: a model for the zoo, with images held out, its quality measured, and its card written."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import UsageError
from dsim_asap.specs import TRAINING

if TYPE_CHECKING:
    import torch

    from dsim.data.dataset import Dataset
    from dsim.plugin import TrainedModel
    from dsim.runtime import Runtime
    from dsim_asap.evaluation import Part
    from dsim_asap.recipe import Recipe

_USE = {
    "intended": "ranking datasets of 2D biomedical images by likeness of appearance, for asap:fit=zoo",
    "limits": "sees 64 x 64 pixels, no labels; a kind of image far from its training pool is placed by chance; not for"
    " diagnosis",
}

#: Options besides the training parameters of the measure: name -> (default, what it is).
OPTIONS = {
    "id": ("asap-resnet18.local.r1", "the model's id, <arch>.<training>.<rev>"),
    "title": ("ASAP, trained by dsim train", "one line that says what it is"),
    "licence": ("not stated", "the licence of the weights"),
    "seed": ("0", "of every random draw"),
    "holdout": ("0.2", "share of each dataset that is never trained on, and judges the model"),
    "blocks": ("10", "runs of neighbouring images that stay together where a dataset has no groups; 0: images alone"),
}


@dataclass(frozen=True)
class Order:
    """What ``--set key=value`` asks for."""

    recipe: Recipe
    id: str
    title: str
    licence: str
    seed: int
    holdout: float
    blocks: int

    def record(self) -> dict[str, float | int]:
        """How images were held out, for the manifest."""
        return {"holdout": self.holdout, "blocks": self.blocks}


def train_model(
    datasets: Sequence[Dataset],
    out: Path,
    *,
    parameters: Mapping[str, Any],
    seed: int,
    runtime: Runtime,
    resume: bool,
) -> list[TrainedModel]:
    """Train as ``train`` does, by the contract of ``dsim.plugin.Trainer``."""
    from dsim.plugin import Product, TrainedModel
    from dsim_asap.card import write_card
    from dsim_asap.specs import TRAINER

    if not resume:
        (out / "checkpoint.safetensors").unlink(missing_ok=True)
    if (out / "manifest.toml").exists():
        write_card(out)  # interrupted after the training had ended
    else:
        options = {name: TRAINER.parameter(name).format(value) for name, value in parameters.items()}
        train(datasets, out, runtime, {**options, "seed": str(seed)})
    return [
        TrainedModel(Product.MEASURE_MODEL, out, f"asap:model=file:{out}"),
        TrainedModel(Product.EXTRACTOR, out, f"file:{out}"),
    ]


def train(datasets: Sequence[Dataset], out: Path, runtime: Runtime, options: Mapping[str, str]) -> None:
    """Train on the datasets and write a zoo folder to ``out``; an interrupted training goes on from its checkpoint.

    ``options`` are the training parameters of ``asap`` and those in ``OPTIONS``. Raises UsageError for an unknown one.
    """
    from dsim_asap.card import write_card
    from dsim_asap.evaluation import evaluate
    from dsim_asap.folder import Description, write_folder
    from dsim_asap.pool import gather, member
    from dsim_asap.training import Trainer

    order = read_order(options)
    if (out / "manifest.toml").exists():
        raise UsageError(f"{out} holds a model already", hint="a model never changes: choose another folder")
    parts = [hold_out(dataset, order) for dataset in datasets]
    members = [member(part.known, order.recipe, runtime) for part in parts]
    pool = gather(members, order.recipe.split, _generator(order.seed))
    checkpoint = out / "checkpoint.safetensors"
    trained = Trainer(pool, order.recipe, order.seed, runtime).run(checkpoint)
    results = evaluate(trained.autoencoder.encoder, parts, order.recipe, runtime)
    description = Description(order.id, order.title, order.licence, datasets, results.record() | order.record(), _USE)
    write_folder(out, trained, order.recipe, order.seed, description, results.dtype)
    write_card(out)
    checkpoint.unlink(missing_ok=True)


def hold_out(dataset: Dataset, order: Order) -> Part:
    """Split a dataset by whole groups; where it has none, by runs of neighbours: often frames of one video."""
    from dsim.random import stream
    from dsim_asap.evaluation import Part
    from dsim_asap.pool import whole_groups

    groups = dataset.groups or _runs(len(dataset), order.blocks or len(dataset))
    grouped = replace(dataset, groups=groups)
    # A stream of its own: another dataset in the pool does not change what is held out of this one.
    seed = int(stream(order.seed, dataset.images_fingerprint, "hold out").integers(2**31))
    held = whole_groups(groups, order.holdout, _generator(seed))
    known_indices, held_indices = ((~held).nonzero().flatten().tolist(), held.nonzero().flatten().tolist())
    return Part(grouped.subset(known_indices), grouped.subset(held_indices) if held_indices else None)


def _runs(n: int, blocks: int) -> tuple[str, ...]:
    return tuple(f"{index * blocks // n:06d}" for index in range(n))


def _generator(seed: int) -> torch.Generator:
    import torch

    return torch.Generator().manual_seed(seed)


def read_order(options: Mapping[str, str]) -> Order:
    """Typed options; unknown ones are refused with the nearest known name."""
    from dsim.errors import UnknownNameError
    from dsim_asap.recipe import Recipe

    training = {parameter.name: parameter for parameter in TRAINING}
    for name in options:
        if name not in training and name not in OPTIONS:
            known = [*OPTIONS, *training]
            raise UnknownNameError("option of the ASAP trainer", name, known, hint=f"it takes: {', '.join(known)}")
    params = {name: parameter.default for name, parameter in training.items()}
    params |= {name: training[name].parse(text) for name, text in options.items() if name in training}
    own = {name: options.get(name, default) for name, (default, _) in OPTIONS.items()}
    try:
        seed, holdout, blocks = int(own["seed"]), float(own["holdout"]), int(own["blocks"])
    except ValueError as error:
        raise UsageError(f"seed, holdout and blocks are numbers: {error}", hint="write --set seed=1") from error
    return Order(Recipe.of(params), own["id"], own["title"], own["licence"], seed, holdout, blocks)
