"""What a measured truth must be before it is stored."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

import numpy as np

from dsim.data.dataset import Dataset
from dsim.data.opening import open_dataset
from dsim.errors import DataError
from dsim.truth import TransferMatrix

PROVENANCE = (
    "about",
    "scenario",
    "recipe",
    "rules",
    "parameters",
    "seed",
    "all foreground",
    "conditions",
    "hours",
    "date",
    "images scored",
    "trainings",
)
#: A path of one machine, in any text.
_PLACE = re.compile(r"""(?:^|[\s"'=(])(?:/[A-Za-z]|~/|[A-Z]:\\)""")


def opened(truth: TransferMatrix, data: Path) -> dict[str, Dataset]:
    """The datasets of the truth below ``data``, by name; DataError unless they are those that were measured."""
    found = {}
    for name in dict.fromkeys((*truth.sources, *truth.targets)):
        entry = truth.datasets[name]
        dataset = open_dataset(data / entry.location)
        if dataset.images_fingerprint != entry.fingerprint:
            raise DataError(
                f"the images of {entry.location} are not those that truth {truth.name!r} was measured on",
                hint="the fingerprint in truth.json is of other images",
            )
        found[name] = dataset
    return found


def check(truth: TransferMatrix) -> None:
    """Raise DataError for a truth that does not say how it was made, or that says where on which machine."""
    faults = [f"its provenance lacks {key!r}" for key in PROVENANCE if key not in truth.provenance]
    faults += [f"{source} to {target} was not measured: {why}" for source, target, why in truth.missing]
    if truth.repetitions < 3:
        faults.append(f"{truth.repetitions} repetitions, and 3 are needed to tell sources from noise")
    if not faults and np.isnan(truth.values).any():
        faults.append("some repetitions were not measured")
    if not faults and len(truth.provenance["trainings"]) != len(truth.sources) * truth.repetitions:
        faults.append("the record of some trainings is missing")
    faults += [f"{name} has no {what}" for name in truth.sources for what in _unsaid(truth, name)]
    faults += [f"it names a place of one machine: {text!r}" for text in _texts(truth.to_dict()) if _PLACE.search(text)]
    if faults:
        raise DataError(f"truth {truth.name!r} cannot be stored: {faults[0]}", hint="measure it again, to the end")


def _unsaid(truth: TransferMatrix, name: str) -> list[str]:
    entry = truth.datasets.get(name)
    return [what for what in ("images", "location", "fingerprint") if entry is None or not getattr(entry, what)]


def _texts(value: Any) -> list[str]:
    """All texts of a JSON document, keys too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, dict):
        return [text for pair in value.items() for part in pair for text in _texts(part)]
    return [text for part in value for text in _texts(part)] if isinstance(value, list | tuple) else []
