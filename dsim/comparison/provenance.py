"""Provenance: everything that a number depends on, so that it can travel with the number."""

from __future__ import annotations

import hashlib
import inspect
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

from dsim.comparison.plan import Plan
from dsim.data import Dataset, count_shared_images
from dsim.files.documents import plain
from dsim.registry import Need, default, parse_bracketed
from dsim.runtime import VERSION, Runtime

_LIBRARIES = (
    "numpy",
    "scipy",
    "scikit-learn",
    "torch",
    "torchvision",
    "timm",
    "h5py",
    "pillow",
    "tifffile",
    "umap-learn",
    "numba",
    "pot",
)


def measure_identity(plan: Plan) -> dict[str, Any]:
    """Return the identity of the measure after fitting: version, parameters, plugin, extractors, training pool.

    Raises WeightsError where the weights of an extractor cannot be reached.
    """
    measure = plan.measure
    identity: dict[str, Any] = {
        "measure": measure.identity,
        # All of them: a default that changes changes the numbers.
        "parameters": {name: plain(value) for name, value in measure.params.items()},
        "plugin": plugin_of(measure.spec.name),
        "code": code_of(type(measure)),
        "extractors": [] if _brings_features(plan) else [_recipe(ref, plan) for ref in measure.extractors()],
    }
    if measure.fits_pool:
        identity["pool"] = sorted(plan.fingerprints[plan.source_name(dataset.name)] for dataset in plan.sources)
        if measure.fitted:
            identity["fitted"] = measure.fitted
    return identity


def plugin_of(measure: str) -> str:
    """Return the distribution and version that brings the measure of that name."""
    registry = default()
    if measure not in registry.measures:
        return "given as an object"
    plugin = registry.origin(measure)
    return f"{plugin.dist} {plugin.version}"


def code_of(kind: type) -> str:
    """Return a digest of a measure's source file: an author who edits it must not meet yesterday's numbers."""
    try:
        text = Path(inspect.getfile(kind)).read_text("utf-8")
    except (OSError, TypeError):
        text = repr(kind)  # typed in at a prompt: it has no source file
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _brings_features(plan: Plan) -> bool:
    """Whether no extractor will run: every dataset was given with features, and the measure takes them."""
    given = all(dataset.features is not None for dataset in plan.datasets.values())
    return given and Need.FEATURES in plan.measure.needs


def _recipe(reference: str, plan: Plan) -> Mapping[str, Any]:
    from dsim.features import recipe

    return recipe(reference, plan.runtime).key()


def conditions(runtime: Runtime) -> str:
    """Return the versions and the device of computations now, as canonical JSON."""
    # Where torch was not imported, no network ran: the processor did the work, whatever device was asked for.
    device = runtime.resolved_device() if "torch" in sys.modules else "cpu"
    libraries = {name: found for name in _LIBRARIES if (found := _version(name))}
    return json.dumps({"dsim": VERSION, "device": device, "libraries": libraries}, sort_keys=True)


def provenance(
    plan: Plan, identity: Mapping[str, Any], cell_conditions: Sequence[str], remarks: Mapping[str, Sequence[str]]
) -> dict[str, Any]:
    """Return the record that a matrix carries, from the conditions of each cell and the remarks on datasets."""
    return {
        "dsim": VERSION,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **identity,
        "seed": plan.seed,
        "bootstrap": plan.bootstrap,
        "test": plan.test,
        "datasets": {
            name: {**_described(dataset, plan), "remarks": list(remarks.get(name, ()))}
            for name, dataset in plan.datasets.items()
        },
        "shared_images": _shared_images(plan),
        "conditions": [{"cells": count, **json.loads(text)} for text, count in Counter(cell_conditions).items()],
    }


def _shared_images(plan: Plan) -> list[dict[str, Any]]:
    """Pairs of different datasets that share images, as far as the measure sees the images of both."""
    looks = Need.IMAGES in plan.measure.needs
    seen = [[one for one in group if looks or one.features is None] for group in (plan.sources, plan.targets)]
    pairs = [(source, target) for target in seen[1] for source in seen[0] if not plan.is_same(source, target)]
    counted = ((source.name, target.name, count_shared_images(target, source)) for source, target in pairs)
    return [{"source": source, "target": target, "images": count} for source, target, count in counted if count]


def _described(dataset: Dataset, plan: Plan) -> dict[str, Any]:
    return {
        "location": dataset.location,
        "options": dataset.options,
        "format": dataset.format,
        "samples": len(dataset),
        "fingerprint": plan.fingerprints[dataset.name],
        "resampled_by": "image" if dataset.groups is None else "group",
        "treatment": dataset.treatment.describe(),
        "notes": list(dataset.notes),
        "skipped": list(dataset.skipped),
        "seen_by": _seen_by(dataset, plan),
    }


def _seen_by(dataset: Dataset, plan: Plan) -> list[str]:
    """Zoo models that the measure uses and that were trained on this dataset: as a target it is not an honest test."""
    if dataset.backing is None:
        return []
    from dsim.zoo import find, trained_on

    # A reference can hold another one: asap-style:zoo:ID.
    heads = [f":{parse_bracketed(reference)[0]}" for reference in plan.measure.extractors()]
    models = [find(head.rpartition(":zoo:")[2]) for head in heads if ":zoo:" in head]
    return [model.id for model in models if trained_on(model, dataset)]


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
