"""Features of a dataset, through the store: computed once for the same images and the same recipe."""

from __future__ import annotations

from collections.abc import Sequence
from functools import lru_cache
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError
from dsim.features.extractor import Blueprint, Extractor, Recipe, prepare
from dsim.runtime import Runtime

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data.dataset import Dataset

#: Bumped when the meaning of what is stored changes.
SCHEMA = 1


def recipe(reference: str, runtime: Runtime | None = None) -> Recipe:
    """Everything that the features of an extractor depend on besides the images.

    Finds the weights, downloading them if it may, and imports torch only where a library must be asked for the first
    time. Raises UsageError for a wrong reference and WeightsError for weights that cannot be reached.

    >>> recipe("pixels:[side=8]").transform
    'square@1[channels=1,side=8]'
    """
    return prepare(reference, runtime or Runtime()).recipe


def extract(dataset: Dataset, reference: str, runtime: Runtime) -> NDArray[np.float32]:
    """Features of every sample in the dataset's order, float32 (n, d).

    From the store where they are known: then no image is decoded and torch is not imported. Raises WeightsError,
    UnreadableImageError, and DataError where a feature is not finite.
    """
    from dsim.store.content import ContentStore

    blueprint = prepare(reference, runtime)
    store = ContentStore(runtime.cache, runtime.progress.note)
    key = feature_key(dataset, blueprint.recipe)
    record = store.get("features", key)
    if record is not None:
        return _in_order_of(dataset.ids, record.attributes["ids"], record.arrays["features"])
    features = _compute(dataset, blueprint, runtime)
    attributes = {"ids": list(dataset.ids), "dataset": dataset.name, "reference": blueprint.recipe.reference}
    store.try_put("features", key, {"features": features}, attributes)
    return features


def feature_key(dataset: Dataset, recipe: Recipe) -> dict[str, Any]:
    """Identity of features: images, how they are read, which of them, and the recipe."""
    from dsim.data.treatment import TREATMENT_VERSION

    return {
        "schema": SCHEMA,
        "images": dataset.images_fingerprint,
        "treatment": TREATMENT_VERSION,
        # Ids and bytes of the selected samples are in the fingerprint; their number is for people.
        "samples": len(dataset),
        **recipe.key(),
    }


def _compute(dataset: Dataset, blueprint: Blueprint, runtime: Runtime) -> NDArray[np.float32]:
    import numpy as np

    from dsim.features.pipeline import stream
    from dsim.features.transforms import parse_transform

    extractor = _opened(blueprint, runtime.device)
    transform = parse_transform(blueprint.recipe.transform)
    features: NDArray[np.float32] | None = None
    done = 0
    with runtime.progress.task(f"features of {dataset.name}", len(dataset), "images") as task:
        for batch in stream(dataset, transform, min(runtime.batch, extractor.batch), runtime.workers):
            rows = extractor(batch)
            if features is None:
                features = np.empty((len(dataset), rows.shape[1]), dtype=np.float32)
            features[done : done + len(rows)] = rows
            done += len(rows)
            task.advance(len(rows))
    assert features is not None, "a dataset holds at least one sample"
    _refuse_not_finite(dataset, features, blueprint.recipe)
    return features


@lru_cache(maxsize=1)
def _opened(blueprint: Blueprint, device: str) -> Extractor:
    """The last network stays open: the next dataset needs it again."""
    return blueprint.open(device)


def _refuse_not_finite(dataset: Dataset, features: NDArray[np.float32], recipe: Recipe) -> None:
    import numpy as np

    bad = np.flatnonzero(~np.isfinite(features).all(axis=1))
    if len(bad):
        raise DataError(
            f"{recipe.reference} gives no finite features for {len(bad)} samples of dataset {dataset.name!r}, "
            f"the first {dataset.ids[bad[0]]!r}",
            hint="look at these images, or check the weights",
        )


def _in_order_of(ids: Sequence[str], stored: Sequence[str], features: NDArray[np.float32]) -> NDArray[np.float32]:
    """Rows by name: the fingerprint does not depend on the order of the samples, the features do."""
    if list(ids) == list(stored):
        return features
    row = {sample: index for index, sample in enumerate(stored)}
    return features[[row[sample] for sample in ids]]
