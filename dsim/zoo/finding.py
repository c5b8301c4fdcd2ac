"""Which models there are, and which datasets they have seen."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import DataError, UnknownNameError
from dsim.zoo.manifest import NAME, read_manifest
from dsim.zoo.model import Model

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset


def read_model(folder: Path) -> Model:
    """The model of a folder; raises DataError where its manifest is wrong."""
    manifest = read_manifest(folder)
    return Model(manifest["id"], folder, manifest, folder / manifest["weights"]["file"])


def models() -> list[Model]:
    """All models of the zoo, by id; two of one id are refused."""
    from dsim.registry import default

    found: dict[str, Model] = {}
    for place in default().zoo_paths():
        for manifest in sorted(place.glob(f"*/{NAME}")):
            model = read_model(manifest.parent)
            if model.id in found:
                raise DataError(
                    f"two zoo models have the id {model.id!r}: {found[model.id].folder} and {model.folder}",
                    hint="an id is given once; raise the revision of the newer one",
                )
            found[model.id] = model
    return sorted(found.values(), key=lambda model: model.id)


def find(id: str) -> Model:
    """The model of that id; an unknown one is refused with the nearest known."""
    known = {model.id: model for model in models()}
    if id not in known:
        raise UnknownNameError("zoo model", id, known, hint="dsim zoo list shows them")
    return known[id]


def trained_on(model: Model, dataset: Dataset) -> str | None:
    """Why a comparison with this dataset is not fair, or None: the model was trained on it.

    Noticed by the fingerprint of the images, so that a dataset under another name is noticed too.
    """
    for entry in model.pool:
        if entry["images_fingerprint"] == dataset.images_fingerprint:
            return (
                f"dataset {dataset.name!r} is in the training pool of {model.id}"
                f" (as {entry['name']!r}, {entry['n']} images)"
            )
    return None
