"""Everything that a number depends on, so that it can travel with the number."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import PackageNotFoundError, version
from typing import Any

from dsim import __version__
from dsim.compare.plan import Plan
from dsim.data.dataset import Dataset
from dsim.registry import default

_LIBRARIES = ("numpy", "scipy", "scikit-learn", "torch", "torchvision", "timm", "h5py", "pillow", "tifffile")


def measure_identity(plan: Plan) -> dict[str, Any]:
    """Identity of the measure as it stands after fitting: version, parameters, plugin, extractors, training pool."""
    measure = plan.measure
    identity: dict[str, Any] = {
        "measure": measure.identity,
        "plugin": _plugin(measure.spec.name),
        "extractors": [_recipe(reference, plan) for reference in measure.extractors()],
    }
    if measure.fits_pool:
        identity["pool"] = sorted(plan.fingerprints[dataset.name] for dataset in plan.sources)
    return identity


def _plugin(measure: str) -> str:
    registry = default()
    if measure not in registry.measures:
        return "given as an object"
    plugin = registry.origin(measure)
    return f"{plugin.dist} {plugin.version}"


def _recipe(reference: str, plan: Plan) -> Mapping[str, Any]:
    from dsim.features import recipe

    return recipe(reference, plan.runtime).key()


def provenance(plan: Plan, identity: Mapping[str, Any]) -> dict[str, Any]:
    """The record that a matrix carries."""
    return {
        "dsim": __version__,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        **identity,
        "parameters": {name: _plain(value) for name, value in plan.measure.params.items()},
        "seed": plan.seed,
        "bootstrap": plan.bootstrap,
        "device": plan.runtime.device,
        "datasets": {name: _described(dataset, plan) for name, dataset in plan.datasets.items()},
        "libraries": {name: found for name in _LIBRARIES if (found := _version(name))},
    }


def _described(dataset: Dataset, plan: Plan) -> dict[str, Any]:
    return {
        "location": dataset.location,
        "format": dataset.format,
        "samples": len(dataset),
        "fingerprint": plan.fingerprints[dataset.name],
        "resampled_by": "image" if dataset.groups is None else "group",
        "skipped": list(dataset.skipped),
    }


def _plain(value: Any) -> Any:
    return list(value) if isinstance(value, tuple) else value


def _version(library: str) -> str | None:
    try:
        return version(library)
    except PackageNotFoundError:
        return None
