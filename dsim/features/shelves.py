"""Shelves of the zoo: features of datasets that its models were trained on, without their images.

Of each dataset the zoo ships the features of a few extractors, with ids and digests of the images. The features are
put into the cache under the key that they would have been computed under, so that every measure of them finds them
there and gives the number, to the last bit, that it would give beside the images.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from dsim.data import Dataset
from dsim.errors import DataError, NeedError, UsageError
from dsim.features.extraction import extract, feature_key, recipe
from dsim.files import replacing, slug

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.runtime import Runtime

SCHEMA = "dsim.features/1"
#: Below each folder of models: one file per dataset; of further extractors in a folder each.
FOLDER = "features"
_FORMS = ("*.safetensors", "*/*.safetensors")
_AGAIN = "python benchmarks/zoo_features.py makes it again from the images"


@dataclass(frozen=True)
class _Absent:
    """Images that are not at hand. Their digests are known, so that they are recognised wherever they turn up."""

    name: str
    extractors: tuple[str, ...]
    digests: tuple[str, ...]

    def image(self, index: int) -> NoReturn:
        known = " and ".join(self.extractors)
        raise NeedError(
            f"the images of {self.name!r} are not at hand: the zoo has their features of {known} only",
            hint="give a dataset with images: --sources PATH..., or choose a measure of these features: ensemble",
        )

    def image_digest(self, index: int) -> str:
        return self.digests[index]

    mask = image

    def mask_digest(self, index: int) -> NoReturn:
        self.image(index)


def zoo_sources(runtime: Runtime) -> list[Dataset]:
    """Return the datasets that segmentation models of the zoo were trained on, by name, their features in the cache.

    Raises UsageError where there are fewer than two, DataError for a damaged file or one of other weights.
    """
    from dsim.registry import default
    from dsim.zoo import models

    trained = {entry["images_fingerprint"] for model in models() if model.segments for entry in model.pool}
    places = [place / FOLDER for place in default().zoo_paths()]
    # Those beside the folders first: of the reference.
    paths = [path for place in places for form in _FORMS for path in sorted(place.glob(form))]
    shelves = [shelf for shelf in map(read_shelf, paths) if shelf.dataset.images_fingerprint in trained]
    sources = _join_shelves(shelves)
    if len(sources) < 2:
        raise UsageError(
            "the zoo has no sources to choose from: datasets with features and a segmentation model",
            hint="name the datasets to choose from: --sources PATH...",
        )
    for shelf in shelves:
        shelf.put_into_cache(runtime)
    return sorted(sources, key=lambda dataset: dataset.name)


def _join_shelves(shelves: Sequence[Shelf]) -> list[Dataset]:
    """One dataset for all shelves of the same images under one name, which knows of which extractors there are."""
    known: dict[tuple[str, str], list[Shelf]] = {}
    for shelf in shelves:
        known.setdefault((shelf.dataset.name, shelf.dataset.images_fingerprint), []).append(shelf)
    sources = []
    for same in known.values():
        dataset, extractors = same[0].dataset, tuple(shelf.extractor for shelf in same)
        sources.append(replace(dataset, backing=replace(dataset.backing, extractors=extractors)))  # type: ignore[type-var]
    return sources


@dataclass(frozen=True)
class Shelf:
    """The part of one dataset that the zoo ships.

    Parameters
    ----------
    dataset : names and digests of its images, which are not at hand.
    features : float32 (n, d), in the dataset's order. ``key`` : what they depend on, as the cache knows them.
    """

    path: Path
    dataset: Dataset
    extractor: str
    key: Mapping[str, Any]
    features: NDArray[np.float32]

    def put_into_cache(self, runtime: Runtime) -> None:
        """Store the features (n, d) as if they had been computed here; DataError where this dsim computes others."""
        from dsim.store import ContentStore

        key = feature_key(self.dataset, recipe(self.extractor, runtime))
        if key != self.key:
            differing = sorted(name for name in key.keys() | self.key.keys() if key.get(name) != self.key.get(name))
            raise DataError(
                f"{self.path} holds features that this dsim would not compute: {', '.join(differing)} differ",
                hint=_AGAIN,
            )
        store = ContentStore(runtime.cache, runtime.progress.note)
        if not store.path("features", key).exists():
            attributes = {"ids": list(self.dataset.ids), "dataset": self.dataset.name, "reference": self.extractor}
            store.put("features", key, {"features": self.features}, attributes)


def write_shelf(dataset: Dataset, folder: Path, runtime: Runtime, extractor: str) -> Path:
    """Write the part of a dataset that the zoo ships into a folder; return the file. Its images must have 8 bits.

    Raises DataError for deeper ones: their scaling would have to be shipped too. Features are float32 (n, d).
    """
    import numpy as np
    from safetensors.numpy import save_file

    if set(dataset.dtypes or ("unknown",)) != {"uint8"}:
        raise DataError(
            f"{dataset.name!r} has images that are not known to have 8 bits", hint="convert them to 8 bits first"
        )
    features = np.ascontiguousarray(extract(dataset, extractor, runtime))
    facts = {
        "schema": SCHEMA,
        "name": dataset.name,
        "ids": list(dataset.ids),
        "image_digests": list(dataset.image_digests),
        "groups": None if dataset.groups is None else list(dataset.groups),
        "extractor": extractor,
        "key": feature_key(dataset, recipe(extractor, runtime)),
        "sha256": _sha256(features),
    }
    path = folder / f"{slug(dataset.name)}.safetensors"
    with replacing(path) as temporary:
        save_file({"features": features}, temporary, metadata={"dsim": json.dumps(facts)})
    return path


def read_shelf(path: Path) -> Shelf:
    """Return the shelf that ``write_shelf`` wrote, features (n, d). Raises DataError for another or a damaged file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="np") as file:
            facts = json.loads((file.metadata() or {})["dsim"])
            features = file.get_tensor("features")
        if facts["schema"] != SCHEMA or facts["sha256"] != _sha256(features):
            raise ValueError(f"not {SCHEMA}, or not the features that were written")
        name, extractor = str(facts["name"]), str(facts["extractor"])
        dataset = Dataset(
            name=name,
            ids=tuple(facts["ids"]),
            backing=_Absent(name, (extractor,), tuple(facts["image_digests"])),
            groups=None if facts["groups"] is None else tuple(facts["groups"]),
            dtypes=("uint8",) * len(features),
            location=f"zoo:{name}",
            format="features",
        )
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise DataError(f"{path} does not hold features of a dataset: {error}", hint=_AGAIN) from error
    return Shelf(path, dataset, extractor, facts["key"], features)


def _sha256(features: NDArray[np.float32]) -> str:
    return hashlib.sha256(features.tobytes()).hexdigest()
