"""``dsim asap extend``: from a trained model, exemplars of its pool and new datasets to a model of all of them."""

from __future__ import annotations

import hashlib
import json
import tomllib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import UnknownNameError, UsageError
from dsim_asap.incremental.parent import Parent, check_members

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime
    from dsim_asap.incremental.training import Extension
    from dsim_asap.pool import Pool
    from dsim_asap.recipe import Recipe
    from dsim_asap.training import Trained

METHODS = ("distillation", "rehearsal")
#: Exemplars of each known dataset: those of 16 sets are read in seconds.
MEMORY = 20
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
    settings : of the training, by name, as text; those of ``parent.FREE``.
    """

    method: str = "distillation"
    images: int | None = None
    memory: int = MEMORY
    seed: int = 0
    settings: Mapping[str, str] = field(default_factory=dict)


def extend(
    parent: Parent, known: Sequence[Dataset], new: Sequence[Dataset], out: Path, order: Order, runtime: Runtime
) -> dict[str, Any]:
    """Extend a model by new datasets, write it to ``out`` as a folder of the zoo, and give what its manifest tells.

    Interrupted, the same call goes on from its checkpoint in ``out.unfinished``. A model is never overwritten: raises
    UsageError where ``out`` holds anything, for datasets that contradict the parent's pool, and for wrong settings.
    """
    recipe = _recipe(parent, order)
    check_members(parent, known, new)
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UsageError(f"{out} is there already", hint="a model never changes: choose another folder")
    _note_forgotten(parent, known, runtime)
    from dsim_asap.pool import gather, member

    chosen = [exemplars(dataset, order.memory, order.seed) for dataset in known]
    chosen += [exemplars(dataset, order.images, order.seed) for dataset in new]
    pool = gather([member(dataset, recipe, runtime) for dataset in chosen], 0.0, _generator(order.seed))
    unfinished = out.with_name(f"{out.name}.unfinished")
    trainer = _trainer(parent, pool, len(known), recipe, order, runtime)
    trained = trainer.run(unfinished / "checkpoint.safetensors")
    results = _results(parent, pool, len(known), trained, order)
    _write(unfinished, trained, recipe, parent, new, results, order)
    unfinished.rename(out)
    return results


def exemplars(dataset: Dataset, count: int | None, seed: int) -> Dataset:
    """At most ``count`` images of a dataset, drawn by the seed: fewer are always among more. None: all of them."""
    from dsim.random import stream

    if count is None or count >= len(dataset):
        return dataset
    drawn = stream(seed, dataset.images_fingerprint, "exemplars").permutation(len(dataset))[:count]
    return dataset.subset(sorted(drawn.tolist()))


def _recipe(parent: Parent, order: Order) -> Recipe:
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


def _trainer(parent: Parent, pool: Pool, known: int, recipe: Recipe, order: Order, runtime: Runtime) -> Extension:
    from dsim_asap.incremental.training import Extension

    return Extension(pool, known, parent.encoder(), parent.model.sha256, recipe, order.seed, runtime)


def _results(parent: Parent, pool: Pool, known: int, trained: Trained, order: Order) -> dict[str, Any]:
    """What the manifest tells of the extension; the measurements are of the images that it was given."""
    import numpy as np

    from dsim.stats.embedding import eqc
    from dsim_asap.incremental.training import points_of

    size = parent.recipe.size
    before = [cloud.numpy() for cloud in points_of(parent.encoder(), pool, size, trained.device)]
    after = [cloud.numpy() for cloud in points_of(trained.autoencoder.encoder, pool, size, trained.device)]
    moved = [np.linalg.norm(b - a, axis=1).mean() for b, a in zip(before[:known], after[:known], strict=True)]
    counts = {name: len(cloud) for name, cloud in zip(pool.names, after, strict=True)}
    return {
        "extends": {"id": parent.model.id, "sha256": parent.model.sha256},
        "method": order.method,
        "memory": {name: counts[name] for name in pool.names[:known]},
        "images": {name: counts[name] for name in pool.names[known:]},
        "nearest": {name: pool.names[near] for name, near in _nearest(pool.names, after, known).items()},
        "eqc_before": _rounded(eqc(before)),
        "eqc_after": _rounded(eqc(after)),
        "moved": _rounded(float(np.mean(moved))),
        "moved_share": _rounded(float(np.mean(moved)) / _apart(before[:known])),
    }


def _nearest(names: Sequence[str], clouds: Sequence[NDArray[np.float64]], known: int) -> dict[str, int]:
    """The known dataset nearest to each new one, by the mean distance."""
    from dsim.stats.euclidean import mean_distance

    return {
        name: min(range(known), key=lambda one: mean_distance(clouds[one], cloud))
        for name, cloud in zip(names[known:], clouds[known:], strict=True)
    }


def _apart(clouds: Sequence[NDArray[np.float64]]) -> float:
    """Mean distance between the datasets, the yardstick of how far one moved; NaN for a single one."""
    import itertools

    import numpy as np

    from dsim.stats.euclidean import mean_distance

    between = [mean_distance(a, b) for a, b in itertools.combinations(clouds, 2)]
    return float(np.mean(between)) if between else float("nan")


def _rounded(value: float) -> float:
    return round(value, 6)


def _write(
    folder: Path,
    trained: Trained,
    recipe: Recipe,
    parent: Parent,
    new: Sequence[Dataset],
    results: Mapping[str, Any],
    order: Order,
) -> None:
    """The folder of the extended model: its pool is the parent's and the new datasets."""
    import tomli_w

    from dsim.files import write_text
    from dsim_asap.folder import Description, write_folder
    from dsim_asap.incremental.card import write_card

    key = {"parent": parent.model.sha256, "recipe": recipe.record(), "seed": order.seed, **results}
    digest = hashlib.sha256(json.dumps(key, sort_keys=True).encode()).hexdigest()[:16]
    description = Description(
        id=f"{parent.model.id.partition('.')[0]}.extended.{digest}",
        title=f"ASAP, {parent.model.id} extended by {', '.join(dataset.name for dataset in new)}",
        licence="as the model that it extends, and the images that it was extended by",
        pool=new,
        results={name: value for name, value in results.items() if value == value},  # what is NaN is not told
        use=_USE,
    )
    write_folder(folder, trained, recipe, order.seed, description)
    manifest = tomllib.loads((folder / "manifest.toml").read_text(encoding="utf-8"))
    manifest["training"]["pool"] = [*map(dict, parent.model.pool), *manifest["training"]["pool"]]
    write_text(folder / "manifest.toml", tomli_w.dumps(manifest))
    write_card(folder)
    (folder / "checkpoint.safetensors").unlink(missing_ok=True)


def _generator(seed: int) -> Any:
    import torch

    return torch.Generator().manual_seed(seed)
