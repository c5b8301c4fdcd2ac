"""The model that is extended: what a folder of the zoo still knows of its training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import UsageError
from dsim_asap.recipe import Recipe

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.zoo import Model
    from dsim_asap.model import Encoder

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
#: What may be set otherwise: all that does not change the network, or what its points mean.
FREE = ("alpha", "beta", "draws", "augment", "epochs", "batch", "optimizer", "lr", "weight_decay", "precision")


@dataclass(frozen=True)
class Parent:
    """A trained ASAP model, and the recipe by which it was trained."""

    model: Model
    recipe: Recipe

    def encoder(self) -> Encoder:
        """Its encoder, weights verified, in evaluation mode on the CPU."""
        from dsim_asap.model import Encoder

        encoder = self.model.build()
        assert isinstance(encoder, Encoder), "the builder was checked"
        return encoder

    def recipe_with(self, settings: Mapping[str, str]) -> Recipe:
        """The recipe of an extension: the parent's losses, ``EXTENSION``, and these settings over both.

        Raises UnknownNameError for a setting that is not in ``FREE``, UsageError for a wrong value.
        """
        from dsim.errors import UnknownNameError
        from dsim_asap.specs import TRAINING

        free = {parameter.name: parameter for parameter in TRAINING if parameter.name in FREE}
        for name in settings:
            if name not in free:
                hint = f"all else is the parent's; these can be set: {', '.join(free)}"
                raise UnknownNameError("setting of an extension", name, free, hint=hint)
        changed = {name: free[name].parse(text) for name, text in settings.items()}
        return replace(self.recipe, **{**EXTENSION, **changed})

    def knows(self, dataset: Dataset) -> bool:
        """Whether its pool holds these images, or images under this name: a memory holds but some of a dataset."""
        pool = self.model.pool
        return dataset.name in {entry["name"] for entry in pool} or self.holds(dataset)

    def holds(self, dataset: Dataset) -> bool:
        """Whether its pool holds exactly these images."""
        return dataset.images_fingerprint in {entry["images_fingerprint"] for entry in self.model.pool}


def open_parent(reference: str) -> Parent:
    """The model of ``zoo:ID`` or ``file:FOLDER``.

    Raises UsageError for another kind of reference, and for a model that is no ASAP model.
    """
    from dsim.zoo import find, read_model
    from dsim_asap.encoder import BUILDER

    kind, _, name = reference.partition(":")
    if kind not in ("zoo", "file") or not name:
        raise UsageError(f"{reference!r} is no trained model", hint="give zoo:ID or file:FOLDER; dsim zoo list")
    model = find(name) if kind == "zoo" else read_model(Path(name).expanduser())
    if model.manifest["builder"] != BUILDER:
        raise UsageError(f"{model.id} is no ASAP model, so it cannot be extended", hint="give one: dsim zoo list")
    settings = dict(model.manifest["training"]["settings"])
    return Parent(model, Recipe(**{**settings, "w": tuple(settings["w"])}))


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
