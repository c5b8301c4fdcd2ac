"""The zoo's sources: datasets that its segmentation models were trained on, by features, without their images.

Of each dataset the zoo ships the features of a few extractors, with ids and digests of the images. The features are
put into the cache under the key that they would have been computed under, so that every measure of them finds them
there and gives the number, to the last bit, that it would give beside the images. Where images are at hand, the
nearest to those of a target are found and drawn.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from dsim.data import Dataset, brightened, thumbnail, write_line
from dsim.errors import DataError, NeedError, UsageError
from dsim.files import replacing, slug
from dsim.measures import EXTRACTOR
from dsim.runtime import Runtime

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from PIL import Image, ImageDraw

    from dsim.data import Dataset
    from dsim.runtime import Runtime


#: The shipped extractor, on whose features most measures stand.
REFERENCE = str(EXTRACTOR.default)


@dataclass(frozen=True)
class Nearest:
    """An image of the target, by position, with positions of the nearest images of the source and their distances."""

    image: int
    neighbours: tuple[int, ...]
    distances: tuple[float, ...]

    def to_dict(self, target: Dataset, source: Dataset) -> dict[str, Any]:
        """Return the JSON object, with images by their ids."""
        pairs = zip(self.neighbours, self.distances, strict=True)
        near = [{"image": source.ids[index], "distance": distance} for index, distance in pairs]
        return {"image": target.ids[self.image], "nearest": near}


def nearest_images(
    target: Dataset, source: Dataset, runtime: Runtime, *, images: int = 6, neighbours: int = 5
) -> tuple[Nearest, ...]:
    """Return, for images spread evenly over the target, the nearest of the source by Euclidean distance of features.

    Raises WeightsError where the extractor's weights cannot be reached, and UnreadableImageError.
    Features are float32 (n, d).
    """
    import numpy as np

    from dsim.data import evenly
    from dsim.embeddings import find_neighbours
    from dsim.features import extract, feature_rows

    shown = evenly(len(target), images)
    wanted = np.asarray(extract(target, REFERENCE, runtime)[shown], dtype=np.float64)
    count = min(neighbours, len(source))
    positions, distances = find_neighbours(wanted, feature_rows(source, REFERENCE, runtime), count)
    return tuple(
        Nearest(image, tuple(near.tolist()), tuple(far.tolist()))
        for image, near, far in zip(shown, positions, distances, strict=True)
    )


_SIDE, _GAP, _TITLE, _CAPTION, _BETWEEN = 128, 10, 34, 18, 30
_PAPER, _INK, _FAINT = (255, 255, 255), (20, 20, 20), (90, 90, 90)


def write_sheet(path: Path, target: Dataset, source: Dataset, rows: Sequence[Nearest]) -> None:
    """Write a PNG: one row per image of the target, the nearest of the source to its right with their distances.

    Masks of the source are outlined; those of the target, if it has any, are not shown. Raises DsimError where the file
    cannot be written.
    """
    with replacing(path) as temporary:
        _draw(target, source, rows).save(temporary)


def _draw(target: Dataset, source: Dataset, rows: Sequence[Nearest]) -> Image.Image:
    from PIL import Image, ImageDraw

    bare = replace(target, masked=False)
    step, columns = _SIDE + _CAPTION + _GAP, len(rows[0].neighbours)
    left = _GAP + _SIDE + _BETWEEN
    sheet = Image.new("RGB", (left + columns * (_SIDE + _GAP), _TITLE + len(rows) * step), _PAPER)
    pen = ImageDraw.Draw(sheet)
    write_line(pen, (_GAP, 8), target.name, _INK, 15, _SIDE + _BETWEEN - 6)
    shown = []
    for down, row in enumerate(rows):
        top = _TITLE + down * step
        shown.append(_put(sheet, pen, (bare, row.image), (_GAP, top), target.ids[row.image]))
        for across, (index, distance) in enumerate(zip(row.neighbours, row.distances, strict=True)):
            place = (left + across * (_SIDE + _GAP), top)
            shown.append(_put(sheet, pen, (source, index), place, f"{distance:.3g}  {source.ids[index]}"))
    title = f"nearest images of {source.name}{brightened(shown)}"
    write_line(pen, (left, 8), title, _INK, 15, sheet.width - left)
    return sheet


def _put(
    sheet: Image.Image, pen: ImageDraw.ImageDraw, what: tuple[Dataset, int], place: tuple[int, int], caption: str
) -> Image.Image:
    """One image in the middle of its square, with its caption; returns it."""
    picture = thumbnail(*what, _SIDE)
    sheet.paste(picture, (place[0] + (_SIDE - picture.width) // 2, place[1] + (_SIDE - picture.height) // 2))
    write_line(pen, (place[0], place[1] + _SIDE + 2), caption, _FAINT, 12, _SIDE)
    return picture


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
    shelves = [shelf for shelf in map(read, paths) if shelf.dataset.images_fingerprint in trained]
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
        from dsim.features import feature_key, recipe
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


def write(dataset: Dataset, folder: Path, runtime: Runtime, extractor: str = REFERENCE) -> Path:
    """Write the part of a dataset that the zoo ships into a folder; return the file. Its images must have 8 bits.

    Raises DataError for deeper ones: their scaling would have to be shipped too. Features are float32 (n, d).
    """
    import numpy as np
    from safetensors.numpy import save_file

    from dsim.features import extract, feature_key, recipe

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


def read(path: Path) -> Shelf:
    """Return the shelf that ``write`` wrote, features (n, d). Raises DataError for another file or a damaged one."""
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
