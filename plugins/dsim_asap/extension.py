"""``dsim asap extend``: from a trained model, exemplars of its pool and new datasets to a model of all of them.

Class-incremental and few-shot, as section V of the paper proposes.
"""

from __future__ import annotations

import itertools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
import numpy as np

from dsim.errors import UnknownNameError, UsageError
from dsim.files.documents import or_nulls
from dsim.ui import options as shared
from dsim_asap.specs import TRAINING, AsapRecipe
from dsim_asap.studies import common

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.learning import ImagePool
    from dsim.runtime import Runtime
    from dsim.zoo import Model
    from dsim_asap.model import Encoder
    from dsim_asap.objective import Trained

METHODS = ("distillation", "rehearsal")
#: Exemplars of each known dataset: those of 16 sets are read in seconds.
MEMORY = 20
#: Settings of an extension that are its own. A decoder is not kept, so none is trained; few images are given, so all
#: of them train; and there is nothing to choose weights by, so the rate falls to 0 and the last are kept.
EXTENSION: Mapping[str, Any] = {
    "epochs": 20,
    "optimizer": "adam",
    "lr": 3e-4,
    "weight_decay": 0.0,
    "schedule": "cosine",
    "patience": 0,
    "split": 0.0,
    "keep": "last",
}
#: Settings that may be changed: all that do not change the network, or what its points mean.
FREE = ("alpha", "beta", "draws", "augment", "epochs", "batch", "optimizer", "lr", "weight_decay", "precision")
_USE = {
    "intended": "ranking datasets of 2D images by likeness of appearance, as the model that it extends",
    "limits": "trained from few exemplars of the pool before; compare within this model only; not for diagnosis",
}


@dataclass(frozen=True)
class Order:
    """How a model is extended.

    Parameters
    ----------
    method : ``distillation`` holds the exemplars at the parent's points and Gram matrices; ``rehearsal`` does not.
    images : of each new dataset at most; None for all. ``memory`` : exemplars of each known dataset at most.
    settings : of the training, by name, as text; those of ``FREE``.
    """

    method: str = "distillation"
    images: int | None = None
    memory: int = MEMORY
    seed: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Parent:
    """A trained ASAP model, and the recipe of its training."""

    model: Model
    recipe: AsapRecipe

    def encoder(self) -> Encoder:
        """Return its encoder, weights verified, in evaluation mode on the CPU."""
        from dsim_asap.model import Encoder

        encoder = self.model.build()
        assert isinstance(encoder, Encoder), "the builder was checked"
        return encoder

    def recipe_with(self, settings: Mapping[str, str]) -> AsapRecipe:
        """Return the recipe of an extension: the parent's losses, ``EXTENSION``, and these settings over both.

        Raises UnknownNameError for a setting that is not in ``FREE``, UsageError for a wrong value.
        """
        free = {parameter.name: parameter for parameter in TRAINING if parameter.name in FREE}
        for name in settings:
            if name not in free:
                hint = f"all else is the parent's; these can be set: {', '.join(free)}"
                raise UnknownNameError("setting of an extension", name, free, hint=hint)
        changed = {name: free[name].parse(text) for name, text in settings.items()}
        return replace(self.recipe, **{**EXTENSION, **changed})

    def knows(self, dataset: Dataset) -> bool:
        """Return whether its pool holds these images, or images under this name: a memory holds some of a dataset."""
        pool = self.model.pool
        return dataset.name in {entry["name"] for entry in pool} or self.holds(dataset)

    def holds(self, dataset: Dataset) -> bool:
        """Return whether its pool holds exactly these images."""
        return dataset.images_fingerprint in {entry["images_fingerprint"] for entry in self.model.pool}


def open_parent(reference: str) -> Parent:
    """Return the model of ``zoo:ID`` or ``file:FOLDER``.

    Raises UsageError for another kind of reference, and for a model that is not an ASAP model.
    """
    from dsim.zoo import find, read_model
    from dsim_asap.encoder import BUILDER

    kind, _, name = reference.partition(":")
    if kind not in ("zoo", "file") or not name:
        raise UsageError(f"{reference!r} is not a trained model", hint="give zoo:ID or file:FOLDER; dsim zoo list")
    model = find(name) if kind == "zoo" else read_model(Path(name).expanduser())
    if model.manifest["builder"] != BUILDER:
        raise UsageError(f"{model.id} is not an ASAP model, so it cannot be extended", hint="give one: dsim zoo list")
    settings = dict(model.manifest["training"]["settings"])
    return Parent(model, AsapRecipe(**{**settings, "w": tuple(settings["w"])}))


def check_members(parent: Parent, known: Sequence[Dataset], new: Sequence[Dataset]) -> None:
    """Raise UsageError unless the known are in the parent's pool and the new are not."""
    if not known or not new:
        missing = "--known: datasets of its pool, whose images are rehearsed" if not known else "--new"
        raise UsageError("an extension needs known datasets and new ones", hint=f"give {missing}")
    names = [dataset.name for dataset in (*known, *new)]
    for name in names:
        if names.count(name) > 1:
            raise UsageError(f"two of the datasets are named {name!r}", hint="rename one: NAME=PATH")
    for dataset in known:
        if not parent.knows(dataset):
            pool = ", ".join(entry["name"] for entry in parent.model.pool)
            raise UsageError(
                f"{dataset.name!r} is not in the training pool of {parent.model.id}",
                hint=f"give it as --new, or name it as its pool does: {pool}",
            )
    for dataset in new:
        if parent.knows(dataset):
            raise UsageError(
                f"{dataset.name!r} is in the training pool of {parent.model.id} already",
                hint="give it as --known, or under another name: NAME=PATH",
            )


def extend(
    parent: Parent, known: Sequence[Dataset], new: Sequence[Dataset], out: Path, order: Order, runtime: Runtime
) -> dict[str, Any]:
    """Extend a model by new datasets, write it to ``out`` as a folder of the zoo, and return its measurements.

    Interrupted, the same call goes on from its checkpoint in ``out.unfinished``. A model is never overwritten: raises
    UsageError where ``out`` holds anything, for datasets that contradict the parent's pool, and for wrong settings.
    """
    recipe = _recipe(parent, order)
    check_members(parent, known, new)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already", hint="a model never changes: choose another folder")
    _note_forgotten(parent, known, runtime)
    from dsim_asap.objective import decode_pool, train_extension

    chosen = [exemplars(dataset, order.memory, order.seed) for dataset in known]
    chosen += [exemplars(dataset, order.images, order.seed) for dataset in new]
    pool = decode_pool(chosen, recipe, order.seed, runtime)
    unfinished = out.with_name(f"{out.name}.unfinished")
    file, origin = unfinished / "checkpoint.safetensors", parent.model.sha256
    trained = train_extension(pool, len(known), parent.encoder(), origin, recipe, order.seed, runtime, file)
    results = _results(parent, pool, len(known), trained, order)
    _write(unfinished, trained, recipe, parent, new, results, order)
    unfinished.rename(out)
    return results


def exemplars(dataset: Dataset, count: int | None, seed: int) -> Dataset:
    """Return at most ``count`` images of a dataset, drawn by the seed: fewer are always among more. None: all."""
    from dsim.random import stream

    if count is None or count >= len(dataset):
        return dataset
    drawn = stream(seed, dataset.images_fingerprint, "exemplars").permutation(len(dataset))[:count]
    return dataset.subset(sorted(drawn.tolist()))


def _recipe(parent: Parent, order: Order) -> AsapRecipe:
    if order.method not in METHODS:
        raise UnknownNameError("method of extension", order.method, METHODS, hint=f"use {' or '.join(METHODS)}")
    for what, count in (("images of a new dataset", order.images), ("exemplars of a known one", order.memory)):
        if count is not None and count < 2:
            raise UsageError(f"{count} {what} make no pair", hint="give 2 at least")
    recipe = parent.recipe_with(order.settings)
    if order.method == "distillation":
        return recipe
    if "alpha" in order.settings:
        raise UsageError("alpha is the share of what is held, and rehearsal holds nothing", hint="leave alpha out")
    return replace(recipe, alpha=0.0)


def _note_forgotten(parent: Parent, known: Sequence[Dataset], runtime: Runtime) -> None:
    given = {dataset.name for dataset in known} | {dataset.images_fingerprint for dataset in known}
    pool = parent.model.pool
    missing = [e["name"] for e in pool if e["name"] not in given and e["images_fingerprint"] not in given]
    if missing:
        runtime.progress.note(f"no exemplars of {', '.join(missing)}: nothing holds these where they are")


def _results(parent: Parent, pool: ImagePool, known: int, trained: Trained, order: Order) -> dict[str, Any]:
    """Return the entries of the manifest on the extension; the measurements are of the images that it was given."""
    from dsim.stats.embedding import eqc
    from dsim.stats.euclidean import mean_distance
    from dsim_asap.objective import points_of

    size, names = parent.recipe.size, pool.names
    before = [cloud.numpy() for cloud in points_of(parent.encoder(), pool, size, trained.device)]
    after = [cloud.numpy() for cloud in points_of(trained.autoencoder.encoder, pool, size, trained.device)]
    ways = [np.linalg.norm(b - a, axis=1).mean() for b, a in zip(before[:known], after[:known], strict=True)]
    moved = float(np.mean(ways))
    # Mean distance between the datasets: the yardstick of how far one moved; none for a single one.
    between = [mean_distance(a, b) for a, b in itertools.combinations(before[:known], 2)]
    counts = {name: len(cloud) for name, cloud in zip(names, after, strict=True)}
    nearest = {
        name: names[min(range(known), key=lambda one: mean_distance(after[one], cloud))]
        for name, cloud in zip(names[known:], after[known:], strict=True)
    }
    return {
        "extends": {"id": parent.model.id, "sha256": parent.model.sha256},
        "method": order.method,
        "memory": {name: counts[name] for name in names[:known]},
        "images": {name: counts[name] for name in names[known:]},
        "nearest": nearest,
        "eqc_before": round(eqc(before), 6),
        "eqc_after": round(eqc(after), 6),
        "moved": round(moved, 6),
        "moved_share": round(moved / float(np.mean(between)), 6) if between else math.nan,
    }


def _write(
    folder: Path,
    trained: Trained,
    recipe: AsapRecipe,
    parent: Parent,
    new: Sequence[Dataset],
    results: Mapping[str, Any],
    order: Order,
) -> None:
    """Write the folder of the extended model: its pool is the parent's and the new datasets."""
    import hashlib

    from dsim_asap.folder import Description, write_folder

    key = {"parent": parent.model.sha256, "recipe": recipe.record(), "seed": order.seed, **results}
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    description = Description(
        id=f"{parent.model.id.partition('.')[0]}.extended.{digest}",
        title=f"ASAP, {parent.model.id} extended by {', '.join(dataset.name for dataset in new)}",
        licence="as the model that it extends, and the images that it was extended by",
        pool=new,
        results={name: value for name, value in results.items() if value == value},  # NaN is left out
        use=_USE,
        known=parent.model.pool,
    )
    write_folder(folder, trained, recipe, order.seed, description)
    (folder / "checkpoint.safetensors").unlink(missing_ok=True)


@common.command(
    click.option("--model", required=True, metavar="zoo:ID|file:FOLDER", help="The trained model to extend."),
    shared.datasets("--known", required=True, help="Datasets of its pool, to rehearse."),
    shared.datasets("--new", required=True, help="Datasets to extend it by."),
    shared.out_folder(required=True, appears_whole=True, help="Folder of the new model; also to go on."),
    click.option("--images", type=int, help="Images of each new dataset that it learns from; default: all."),
    click.option("--memory", type=int, default=MEMORY, show_default=True, help="Exemplars of each known dataset."),
    click.option(
        "--method",
        type=click.Choice(METHODS),
        default=METHODS[0],
        show_default=True,
        help="Whether exemplars are held where they were.",
    ),
    click.option("--epochs", type=click.IntRange(min=1), help="Passes over memory or new images; default: 20."),
    common.settings,
)
def extend_command(
    given: common.Options,
    known: Sequence[str],
    new: Sequence[str],
    images: int | None,
    memory: int,
    method: str,
    epochs: int | None,
) -> None:
    """Add new datasets to a trained model, for asap:model=file:FOLDER.

    The encoder learns to separate the new datasets from exemplars of the known ones, which are held where they were.
    Stopped at any moment, the same command goes on from there.
    """
    from dsim.data.opener import open_many
    from dsim.plugin import parse_options

    texts = [*given.settings, *([f"epochs={epochs}"] if epochs else [])]
    order = Order(method, images, memory, given.seed, parse_options(",".join(texts)) if texts else {})
    parent = open_parent(given.model or "")
    _show(given, extend(parent, open_many(known), open_many(new), given.out, order, given.runtime))


def _show(given: common.Options, results: Mapping[str, Any]) -> None:
    from dsim.ui import emit_json, say

    if given.as_json:
        emit_json({"folder": str(given.out), **or_nulls(results)})
        return
    click.echo(given.out)
    say(f"EQC of exemplars and new images: {results['eqc_before']:.3f} before, {results['eqc_after']:.3f} after")
    say(
        f"exemplars moved by {results['moved']:.3g}, {results['moved_share']:.1%} of the mean distance between datasets"
    )
    for name, near in results["nearest"].items():
        say(f"nearest known dataset of {name}: {near}")
