"""Extraction: features of a dataset through the store, computed once for the same images and the same recipe."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import DataError, StoreError
from dsim.features.extractor import Blueprint, Extractor, Recipe, prepare
from dsim.runtime import Runtime

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.features.transforms import Transform
    from dsim.store import Rows
    from dsim.store.content import ContentStore, OpenRecord, Record

    LookUp = Callable[[ContentStore, str, Mapping[str, Any]], Record | OpenRecord | None]


#: Bumped when the meaning of what is stored changes.
SCHEMA = 1


def recipe(reference: str, runtime: Runtime | None = None) -> Recipe:
    """Return everything that the features of an extractor depend on besides the images.

    Finds the weights, downloading them if it may, and imports torch only where a library must be asked for the first
    time. Raises UsageError for a wrong reference and WeightsError for weights that cannot be reached.

    >>> recipe("pixels:[side=8]").transform
    'square@1[channels=1,side=8]'
    """
    return prepare(reference, runtime or Runtime()).recipe


def extract(dataset: Dataset, reference: str, runtime: Runtime) -> NDArray[np.float32]:
    """Return the features of every sample in the dataset's order, float32 (n, d).

    From the store where they are known: then no image is decoded and torch is not imported. Raises WeightsError,
    UnreadableImageError, and DataError where a feature is not finite.
    """

    from dsim.store import ContentStore

    return np.asarray(_features(dataset, reference, runtime, ContentStore.get))


def feature_rows(dataset: Dataset, reference: str, runtime: Runtime) -> Rows:
    """Return features as ``extract``, (n, d), but in the store and read by rows, in memory that n does not change.

    Where the store cannot be written, or holds the samples in another order, they are read into memory after all.
    Raises as ``extract`` does: WeightsError, UnreadableImageError, DataError.
    """
    from dsim.store import ContentStore

    return _features(dataset, reference, runtime, ContentStore.open)


def _features(dataset: Dataset, reference: str, runtime: Runtime, look_up: LookUp) -> Rows:

    from dsim.store import ContentStore

    dataset.remember_in(runtime.cache)
    blueprint = prepare(reference, runtime)
    store = ContentStore(runtime.cache, runtime.progress.note)
    key = feature_key(dataset, blueprint.recipe)
    record = look_up(store, "features", key)
    if record is None and _extract_into(store, key, dataset, blueprint, runtime):
        record = look_up(store, "features", key)
    if record is None:
        return np.concatenate(list(_batches(dataset, blueprint, runtime)))
    return _in_order_of(dataset.ids, record.attributes["ids"], record.arrays["features"])


def feature_key(dataset: Dataset, recipe: Recipe) -> dict[str, Any]:
    """Return the identity of features: images, how they are read, which of them, and the recipe.

    Raises NeedError without images.
    """
    from dsim.data import TREATMENT_VERSION

    return {
        "schema": SCHEMA,
        "images": dataset.images_fingerprint,
        "treatment": TREATMENT_VERSION,
        # Ids and bytes of the selected samples are in the fingerprint; their number is for people.
        "samples": len(dataset),
        **recipe.key(),
    }


def _extract_into(
    store: ContentStore, key: Mapping[str, Any], dataset: Dataset, blueprint: Blueprint, runtime: Runtime
) -> bool:
    """Extract the features and store them as they come; False, with a note, where the store does not take them."""
    attributes = {"ids": list(dataset.ids), "dataset": dataset.name, "reference": blueprint.recipe.reference}
    try:
        with store.writer("features", key, attributes) as writer:
            for rows in _batches(dataset, blueprint, runtime):
                writer.append("features", rows)
    except StoreError as error:
        runtime.progress.note(f"not kept in the cache: {error}")
        return False
    return True


def _batches(dataset: Dataset, blueprint: Blueprint, runtime: Runtime) -> Iterator[NDArray[np.float32]]:
    """Features as they are computed, float32 (b, d); DataError, at the end, where some are not finite."""

    from dsim.features.transforms import parse_transform

    extractor = _opened(blueprint, runtime.device)
    transform = parse_transform(blueprint.recipe.transform)
    done, bad = 0, []
    with runtime.progress.task(f"features of {dataset.name}", len(dataset), "images") as task:
        for batch in image_batches(dataset, transform, min(runtime.batch, extractor.batch), runtime.workers):
            rows = np.asarray(extractor(batch), dtype=np.float32)
            bad += (done + np.flatnonzero(~np.isfinite(rows).all(axis=1))).tolist()
            yield rows
            done += len(rows)
            task.advance(len(rows))
    _refuse_not_finite(dataset, bad, blueprint.recipe)


@lru_cache(maxsize=1)
def _opened(blueprint: Blueprint, device: str) -> Extractor:
    """The last network stays open: the next dataset needs it again."""
    return blueprint.open(device)


def _refuse_not_finite(dataset: Dataset, bad: Sequence[int], recipe: Recipe) -> None:
    if bad:
        raise DataError(
            f"{recipe.reference} gives no finite features for {len(bad)} samples of dataset {dataset.name!r}, "
            f"the first {dataset.ids[bad[0]]!r}",
            hint="look at these images, or check the weights",
        )


def _in_order_of(ids: Sequence[str], stored: Sequence[str], features: Rows) -> Rows:
    """Rows by name: the fingerprint does not depend on the order of the samples, the features do."""
    if list(ids) == list(stored):
        return features
    row = {sample: index for index, sample in enumerate(stored)}
    ordered: Rows = features[[row[sample] for sample in ids]]
    return ordered


_Images = Generator[NDArray[np.float32], None, None]

#: Batches decoded ahead of the one in use: enough to hide decoding, little enough to bound memory.
_AHEAD = 2


def image_batches(dataset: Dataset, transform: Transform, batch: int, workers: int) -> Iterator[NDArray[np.float32]]:
    """Yield transformed images in the dataset's order, float32 (b, C, H, W); the last batch may be smaller.

    At most ``_AHEAD`` batches wait, however long the dataset is. ``workers=0`` decodes in the caller's thread. An error
    in decoding, such as UnreadableImageError, is raised where its batch would have been; closing the iterator stops the
    threads.
    """
    images = _in_turn(dataset, transform) if workers == 0 else _ahead(dataset, transform, workers, _AHEAD * batch)
    try:
        for start in range(0, len(dataset), batch):
            size = min(batch, len(dataset) - start)
            yield np.stack([next(images) for _ in range(size)])
    finally:
        images.close()


def _in_turn(dataset: Dataset, transform: Transform) -> _Images:
    for index in range(len(dataset)):
        yield transform.apply(dataset.pixels(index))


def _ahead(dataset: Dataset, transform: Transform, workers: int, window: int) -> _Images:
    # Decided once, here: left to the threads, each would scan the whole dataset for its intensity range.
    _ = dataset.treatment

    def load(index: int) -> NDArray[np.float32]:
        return transform.apply(dataset.pixels(index))

    pool = ThreadPoolExecutor(workers, thread_name_prefix="dsim-decode")
    waiting: deque[Future[NDArray[np.float32]]] = deque()
    try:
        for index in range(len(dataset)):
            waiting.append(pool.submit(load, index))
            if len(waiting) > window:
                yield waiting.popleft().result()
        while waiting:
            yield waiting.popleft().result()
    finally:
        pool.shutdown(wait=True, cancel_futures=True)
