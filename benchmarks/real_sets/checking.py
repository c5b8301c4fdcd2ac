"""What a measured truth of real sets must be before it is stored."""

from __future__ import annotations

import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from dsim.data import Dataset, open_dataset
from dsim.errors import DataError
from dsim.truth import TransferMatrix

#: A path of one machine, in any text.
_PLACE = re.compile(r"""(?:^|[\s"'=(])(?:/[A-Za-z]|~/|[A-Z]:\\)""")


def opened(truth: TransferMatrix, data: Path) -> dict[str, Dataset]:
    """The datasets of the truth below ``data``, by name; DataError unless their images are those that were measured."""
    found = {}
    for name, entry in truth.datasets.items():
        dataset = open_dataset(data / entry.location).renamed(name)
        if dataset.images_fingerprint != entry.fingerprint:
            raise DataError(
                f"the images of {entry.location} are not those that truth {truth.name!r} was measured on",
                hint="the fingerprint in truth.json is of other images",
            )
        found[name] = dataset
    return found


def faults(truth: TransferMatrix, provenance: Sequence[str], fewest: int) -> list[str]:
    """Why it cannot be stored: it does not say how it was made, is not whole, or says where on which machine.

    ``provenance`` : the keys that it must have. ``fewest`` : repetitions.
    """
    found = [f"its provenance lacks {key!r}" for key in provenance if key not in truth.provenance]
    found += [f"{source} to {target} was not measured: {why}" for source, target, why in truth.missing]
    if truth.repetitions < fewest:
        found.append(f"{truth.repetitions} repetitions, and {fewest} are needed to tell sources from noise")
    if not found and np.isnan(truth.values).any():
        found.append("some repetitions were not measured")
    images = (name for name in truth.sources if name != truth.imagenet)
    found += [f"{name} has no {what}" for name in images for what in _unsaid(truth, name)]
    found += [f"it names a place of one machine: {text!r}" for text in _texts(truth.to_dict()) if _PLACE.search(text)]
    return found


def refuse(truth: TransferMatrix, found: Sequence[str]) -> None:
    """Raise DataError with the first of the faults, if there is any."""
    if found:
        raise DataError(f"truth {truth.name!r} cannot be stored: {found[0]}", hint="measure it again, to the end")


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
