"""Which models there are, and which datasets they have seen."""

from __future__ import annotations

import contextlib
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
    """All models of the zoo, by id; a wrong manifest, and an id that is given twice, are refused."""
    found: dict[str, Model] = {}
    for model in map(read_model, _folders()):
        if model.id in found:
            raise DataError(
                f"two zoo models have the id {model.id!r}: {found[model.id].folder} and {model.folder}",
                hint="an id is given once; raise the revision of the newer one",
            )
        found[model.id] = model
    return sorted(found.values(), key=lambda model: model.id)


def find(id: str) -> Model:
    """The model of that id; an unknown one is refused with the nearest known.

    Another model's wrong manifest stands in nobody's way.
    """
    known: dict[str, Model] = {}
    for folder in _folders():
        with contextlib.suppress(DataError):
            model = read_model(folder)
            known.setdefault(model.id, model)
    if id not in known:
        raise UnknownNameError("zoo model", id, known, hint="dsim zoo list shows them")
    return known[id]


def _folders() -> list[Path]:
    """Folders with a manifest, in the order of the plugins that bring them."""
    from dsim.registry import default

    return [manifest.parent for place in default().zoo_paths() for manifest in sorted(place.glob(f"*/{NAME}"))]


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
