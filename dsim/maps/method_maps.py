"""The maps of methods: trained in run folders, extracted through the cache, laid out once and kept."""

from __future__ import annotations

import hashlib
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import DataError, UsageError
from dsim.maps.methods import Method, product_of, reference_of
from dsim.registry import Product

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.learning import TrainedModel
    from dsim.runtime import Runtime

Floats = NDArray[np.float64]

#: Below the folder of a comparison: the runs of trainers, and the places of laid out images.
RUNS, PLACES = "runs", "places"
#: Libraries on whose version a layout depends.
_LIBRARIES: Mapping[str, tuple[str, ...]] = {
    "tsne": ("openTSNE", "numpy", "scikit-learn"),
    "umap": ("umap-learn", "numba", "numpy", "scikit-learn"),
    "pca": ("numpy", "scikit-learn"),
}


@dataclass(frozen=True)
class SeededMap:
    """The map of a dataset by one method and one seed.

    Parameters
    ----------
    points : places in the plane, float64 (n, 2), in the order of the dataset. ``seed`` : of training and layout.
    features : what was laid out, or what the network that draws the map gives before its projector, (n, d); None
        where they are not known.
    seconds : of training and layout; features come from the cache, and are not counted.
    facts : where the map comes from: the extractor's identity, the trainer and its settings, versions.
    """

    points: Floats
    seed: int
    features: NDArray[np.floating[Any]] | None
    seconds: float
    facts: Mapping[str, Any] = field(default_factory=dict)


def make_map(method: Method, dataset: Dataset, seed: int, out: Path | None, runtime: Runtime) -> SeededMap:
    """Return the map of a dataset by a method and a seed; what ``out`` holds already is not computed again.

    Parameters
    ----------
    out : folder below which trainings run, can be resumed, and layouts are kept; None for methods that train nothing.

    Raises
    ------
    UsageError
        Where a method trains and there is no folder, or where features without a layout are not places in the plane.
    DsimError
        What training, extraction and layout raise.
    """
    if method.trains:
        return _trained(method, dataset, seed, _needed(out, method), runtime)
    reference = _reference(method, dataset)
    features = _extract(dataset, reference, runtime)
    facts = {"features": _identity(reference, runtime)}
    if not method.layout:
        return SeededMap(_in_plane(features, method), seed, None, 0.0, facts)
    return _laid_out(method, features, seed, out, 0.0, facts)


def _needed(out: Path | None, method: Method) -> Path:
    if out is None:
        raise UsageError(f"method {method.text!r} trains a network, and needs a folder", hint="give out=FOLDER")
    return out


def _reference(method: Method, dataset: Dataset) -> str:
    if method.kind == "reference":
        return method.name
    if method.name != "pixels":
        return reference_of(method.name, 0)
    from dsim.learning import typical_side

    return reference_of("pixels", typical_side(dataset))


def _extract(dataset: Dataset, reference: str, runtime: Runtime) -> NDArray[np.float32]:
    from dsim.features import extract

    return extract(dataset, reference, runtime)


def _identity(reference: str, runtime: Runtime) -> dict[str, str]:
    from dsim.features import recipe

    return recipe(reference, runtime).key()


def _trained(method: Method, dataset: Dataset, seed: int, out: Path, runtime: Runtime) -> SeededMap:
    from dsim.learning import train
    from dsim.registry import default

    spec = default().trainer_spec(method.name)
    folder = run_folder(method, dataset, seed, out)
    models = train(method.name, [dataset], out=folder, seed=seed, runtime=runtime, **method.parameters)
    by_product = {model.product: model for model in models}
    seconds = _training_seconds(by_product[product_of(spec, method.layout)])
    facts: dict[str, Any] = {
        "trainer": f"{spec.name}@{spec.version}",
        "parameters": dict(method.parameters),
        "run": folder.relative_to(out).as_posix(),
    }
    extractor = by_product.get(Product.EXTRACTOR)
    features = None if extractor is None else _extract(dataset, extractor.reference, runtime)
    if method.layout and features is not None:
        facts["features"] = _identity(by_product[Product.EXTRACTOR].reference, runtime)
        return _laid_out(method, features, seed, out, seconds, facts)
    reference = by_product[Product.MAP].reference
    facts["features"] = _identity(reference, runtime)
    return SeededMap(_in_plane(_extract(dataset, reference, runtime), method), seed, features, seconds, facts)


def run_folder(method: Method, dataset: Dataset, seed: int, out: Path) -> Path:
    """Return the folder of a training: of its own for every dataset, setting and seed.

    Methods that differ in the layout only share it.
    """
    from dsim.files.documents import digest, plain
    from dsim.registry import default

    spec = default().trainer_spec(method.name)
    identity = {
        "trainer": f"{spec.name}@{spec.version}",
        "parameters": plain(method.parameters),
        "dataset": dataset.fingerprint(spec.needs),
    }
    return out / RUNS / f"{method.name}-{digest(identity)[:8]}-{seed}"


def _training_seconds(model: TrainedModel) -> float:
    """The seconds that a model's manifest says its training took; NaN where it says none."""
    from dsim.zoo import read_model

    try:
        training = read_model(model.path).manifest.get("training", {})
    except DataError:
        return float("nan")
    return float(training.get("seconds", "nan"))


def _in_plane(features: NDArray[np.float32], method: Method) -> Floats:
    if features.shape[1] != 2:
        raise UsageError(
            f"method {method.text!r} gives {features.shape[1]} features, and a place in the plane has 2",
            hint=f"lay them out: {method.text}+tsne",
        )
    return features.astype(np.float64)


def _laid_out(
    method: Method,
    features: NDArray[np.float32],
    seed: int,
    out: Path | None,
    seconds: float,
    facts: Mapping[str, Any],
) -> SeededMap:
    """The map by a layout of features; read where it was laid out before."""
    from dsim.embeddings import lay_out
    from dsim.files.documents import digest

    assert method.layout
    versions = {name: version(name) for name in _LIBRARIES[method.layout] if _installed(name)}
    provenance = {**facts, "layout": method.layout, "versions": versions}
    content = hashlib.sha256(np.ascontiguousarray(features).tobytes()).hexdigest()
    identity = {"features": content, "layout": method.layout, "seed": seed, "versions": versions}
    path = None if out is None else out / PLACES / f"{method.layout}-{digest(identity)[:16]}.npz"
    if path is not None and path.exists():
        with np.load(path, allow_pickle=False) as stored:
            return SeededMap(stored["points"], seed, features, seconds + float(stored["seconds"]), provenance)
    began = time.perf_counter()
    points = lay_out(features, method.layout, seed)
    elapsed = time.perf_counter() - began
    if path is not None:
        _store(path, points, elapsed)
    return SeededMap(points, seed, features, seconds + elapsed, provenance)


def _installed(name: str) -> bool:
    from importlib.util import find_spec

    module = {"umap-learn": "umap", "scikit-learn": "sklearn"}.get(name, name)
    return find_spec(module) is not None


def _store(path: Path, points: Floats, seconds: float) -> None:
    from dsim.files import replacing

    with replacing(path) as part, part.open("wb") as file:
        np.savez(file, points=points, seconds=seconds)
