"""Fingerprints in files: JSON that can be read by eye, and that holds no image and no feature of one."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dsim.errors import DataError
from dsim.files import write_text
from dsim.files.documents import digest
from dsim_kld.fingerprint import Fingerprint

SCHEMA = "dsim.fingerprint/1"
#: What stands for a recipe where features came with the dataset: nobody knows of which network they are.
GIVEN = {"extractor": "given with the dataset"}

_AGAIN = "write it again: dsim fingerprint write DATASET --out FILE"


@dataclass(frozen=True)
class Record:
    """A fingerprint with all that its comparison depends on.

    ``reference`` calls the extractor again ("" for features that were given); ``recipe`` identifies it; ``bins`` and
    ``scale`` lay the bins; ``dataset`` is the sha256 that identifies the data; ``origin`` is the file it came from.
    """

    name: str
    fingerprint: Fingerprint
    reference: str
    recipe: Mapping[str, str]
    bins: int
    scale: float
    dataset: str
    created: str = ""
    dsim: str = ""
    origin: str = "memory"

    @property
    def recipe_digest(self) -> str:
        """sha256 of the extractor's recipe: equal where the features mean the same."""
        return digest(dict(self.recipe))


def write_record(record: Record, path: Path) -> None:
    """Write a fingerprint as one JSON document, atomically. The features of single images are left out."""
    document = _document(record)
    write_text(path, json.dumps({**document, "sha256": digest(document)}, ensure_ascii=False, allow_nan=False) + "\n")


def read_record(path: Path) -> Record:
    """Read and verify a file; raises DataError that names it where it is anything but a whole fingerprint."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DataError(f"there is no fingerprint {path}", hint=_AGAIN) from None
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read the fingerprint {path}: {error}", hint=_AGAIN) from error
    if not isinstance(document, dict) or "schema" not in document:
        raise DataError(f"{path} is no fingerprint: it names no schema", hint=_AGAIN)
    if document["schema"] != SCHEMA:
        raise DataError(
            f"{path} has schema {document['schema']!r}, and this dsim ({_version()}) reads {SCHEMA!r}",
            hint="write it with the same version of dsim on both sides",
        )
    told = document.pop("sha256", None)
    if told != digest(document):
        raise DataError(f"{path} is damaged or was changed: its checksum does not match", hint=_AGAIN)
    try:
        return _record(document, str(path))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is no whole fingerprint: {type(error).__name__} {error}", hint=_AGAIN) from error


def is_record(path: str) -> bool:
    """Whether a path means a fingerprint rather than a dataset."""
    return path.lower().endswith(".json")


def refuse_strangers(records: Sequence[Record]) -> None:
    """Raise DataError, naming two files, where not all fingerprints were made in the same way."""
    first = records[0]
    for other in records[1:]:
        for what, one, two in (
            ("extractor", first.recipe_digest, other.recipe_digest),
            ("number of features", len(first.fingerprint.mean), len(other.fingerprint.mean)),
            ("bins", (first.bins, first.scale), (other.bins, other.scale)),
        ):
            if one != two:
                raise DataError(
                    f"{first.origin} and {other.origin} were not made in the same way, and have no common measure: "
                    f"{what} {_told(first, what)} and {_told(other, what)}",
                    hint="write both with the same --extractor, weights, --bins and --scale",
                )


def _told(record: Record, what: str) -> str:
    if what == "extractor":
        return f"{record.reference or GIVEN['extractor']} (recipe {record.recipe_digest[:12]})"
    return str(len(record.fingerprint.mean)) if what != "bins" else f"{record.bins} at scale {record.scale:g}"


def _document(record: Record) -> dict[str, Any]:
    found = record.fingerprint
    return {
        "schema": SCHEMA,
        "name": record.name,
        "images": found.count,
        "features": len(found.mean),
        "extractor": {
            "reference": record.reference,
            "recipe": dict(record.recipe),
            "sha256": record.recipe_digest,
        },
        "bins": {"count": record.bins, "scale": record.scale},
        "provenance": {
            "dsim": record.dsim or _version(),
            "created": record.created or datetime.now(UTC).isoformat(timespec="seconds"),
            "dataset": record.dataset,
        },
        "mean": found.mean.tolist(),
        "histograms": [_packed(row) for row in found.histograms],
    }


def _packed(row: NDArray[np.int64]) -> list[int]:
    """A histogram without the zeros at its ends: [first bin, counts...]."""
    filled = np.flatnonzero(row)
    return [int(filled[0]), *row[filled[0] : filled[-1] + 1].tolist()] if len(filled) else [0]


def _record(document: Mapping[str, Any], origin: str) -> Record:
    bins, count = int(document["bins"]["count"]), int(document["images"])
    mean = np.array(document["mean"], dtype=np.float64)
    histograms = np.zeros((int(document["features"]), bins), dtype=np.int64)
    for row, packed in zip(histograms, document["histograms"], strict=True):
        row[packed[0] : packed[0] + len(packed) - 1] = packed[1:]
    if mean.shape != (len(histograms),) or not np.isfinite(mean).all() or (histograms.sum(axis=1) != count).any():
        raise ValueError("the numbers do not fit each other")
    extractor, provenance = document["extractor"], document["provenance"]
    return Record(
        name=str(document["name"]),
        fingerprint=Fingerprint(count, mean, histograms, np.zeros((0, len(mean)), dtype=np.float32)),
        reference=str(extractor["reference"]),
        recipe=dict(extractor["recipe"]),
        bins=bins,
        scale=float(document["bins"]["scale"]),
        dataset=str(provenance["dataset"]),
        created=str(provenance["created"]),
        dsim=str(provenance["dsim"]),
        origin=origin,
    )


def _version() -> str:
    from importlib.metadata import version

    return version("dsim")
