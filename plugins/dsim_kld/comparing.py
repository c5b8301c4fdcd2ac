"""Fingerprints from files, and from datasets at hand, compared with each other."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.errors import DataError, UsageError
from dsim.measures import SimilarityMatrix, decide
from dsim.plugin import MeasureError
from dsim_kld.files import Record, is_record, read_record, refuse_strangers
from dsim_kld.making import make_record
from dsim_kld.measure import FingerprintDivergence

if TYPE_CHECKING:
    from dsim.runtime import Runtime


@dataclass(frozen=True)
class Way:
    """How fingerprints are compared; the rest of the measure's parameters stands in the files."""

    variant: str
    smoothing: float
    weights: str


def gather(paths: Sequence[str], extractor: str | None, runtime: Runtime) -> list[Record]:
    """The fingerprint of each path: read where it is a file, made alike where it is a dataset.

    Raises DataError where two were not made in the same way, UsageError where there is no file to tell how.
    """
    read = {path: read_record(Path(path)) for path in paths if is_record(path)}
    if not read:
        raise UsageError(
            "there is no fingerprint among these datasets", hint="name a *.json file, or use: dsim compare"
        )
    like = next(iter(read.values()))
    records = [
        read[path] if path in read else _made(path, extractor or like.reference, like, runtime) for path in paths
    ]
    refuse_strangers(records)
    return records


def _made(path: str, extractor: str, like: Record, runtime: Runtime) -> Record:
    from dsim.data.opener import open_dataset

    dataset = open_dataset(path)
    if not extractor and dataset.features is None:
        raise DataError(
            f"{like.origin} holds features that were given with its dataset, and {path} has none",
            hint="give features with both datasets, or write the fingerprint of images",
        )
    return make_record(dataset, extractor, like.bins, like.scale, runtime)


def compare_records(sources: Sequence[Record], targets: Sequence[Record] | None, way: Way) -> SimilarityMatrix:
    """The matrix of fingerprints that were made alike; without targets the sources are compared with each other."""
    columns = list(sources if targets is None else targets)
    if targets is None and len(sources) < 2:
        raise UsageError("one fingerprint cannot be compared with itself alone", hint="name a second, or --targets")
    _refuse_same_names(sources, columns)
    measure = _measure(sources[0], way)
    cells = [[_cell(measure, source, target) for target in columns] for source in sources]
    values = np.array([[value for value, _ in row] for row in cells], dtype=np.float64)
    same = np.array([[source.dataset == target.dataset for target in columns] for source in sources])
    matrix = SimilarityMatrix(
        measure=measure.identity,
        direction=measure.spec.direction,
        unit=measure.spec.unit,
        sources=tuple(record.name for record in sources),
        targets=tuple(record.name for record in columns),
        values=values,
        notes=tuple(tuple(note for _, note in row) for row in cells),
        same=same,
        verdicts={},
        provenance=_provenance(measure, [*sources, *columns], len(sources) * len(columns)),
    )
    why = "fingerprints hold no images to resample"
    verdicts = {name: decide(name, matrix.distances(name), not_assessed=why) for name in matrix.targets}
    return replace(matrix, verdicts=verdicts)


def _measure(record: Record, way: Way) -> FingerprintDivergence:
    parameters: dict[str, Any] = {"variant": way.variant, "smoothing": way.smoothing, "weights": way.weights}
    if record.reference:
        parameters["extractor"] = record.reference
    return FingerprintDivergence(bins=record.bins, scale=record.scale, **parameters)


def _cell(measure: FingerprintDivergence, source: Record, target: Record) -> tuple[float, str]:
    try:
        return measure.compare(source.fingerprint, target.fingerprint), ""
    except MeasureError as error:
        return math.nan, error.message


def _refuse_same_names(sources: Sequence[Record], targets: Sequence[Record]) -> None:
    hint = "write one with another name: --name NAME, or give NAME=PATH"
    for role, group in (("sources", sources), ("targets", targets)):
        names = [record.name for record in group]
        for name in names:
            if names.count(name) > 1:
                raise DataError(f"two {role} are named {name!r}", hint=hint)
    known = {record.name: record for record in sources}
    for target in targets:
        source = known.get(target.name, target)
        if source.dataset != target.dataset:
            raise DataError(
                f"a source and a target that differ are both named {target.name!r}: "
                f"{source.origin} and {target.origin}",
                hint=hint,
            )


def _provenance(measure: FingerprintDivergence, records: Sequence[Record], cells: int) -> dict[str, Any]:
    from importlib.metadata import version

    dsim = version("dsim")
    return {
        "dsim": dsim,
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "measure": measure.identity,
        "plugin": f"dsim {dsim}",
        "extractors": [dict(records[0].recipe)],
        "parameters": measure.params,
        "seed": 0,
        "bootstrap": 0,
        "datasets": {record.name: _described(record) for record in records},
        "conditions": [{"cells": cells, "dsim": dsim, "device": "cpu", "libraries": {"numpy": version("numpy")}}],
    }


def _described(record: Record) -> dict[str, Any]:
    made = f"made by dsim {record.dsim} at {record.created}" if record.created else "made for this comparison"
    return {
        "location": record.origin,
        "format": "fingerprint",
        "samples": record.fingerprint.count,
        "fingerprint": record.dataset,
        "resampled_by": "image",
        "treatment": {},
        "notes": [made],
        "skipped": [],
        "seen_by": [],
    }
