"""What the candidates do on each target of the study: the row of a record, on the images that the study uses."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np

from benchmarks.adaptation.design import NUCLEI, NUCLEI_SETS, Case, reference_of
from dsim.runtime import Runtime
from dsim.selection import CandidateModel, RecordedTarget, gather_evidence

#: Images on which candidates are compared with each other.
LOOKED = 12


def gather_row(case: Case, former: RecordedTarget, folder: Path, count: int, runtime: Runtime) -> RecordedTarget:
    """Return the row of a target: candidates are all other sets of the record, and the nuclei without the target.

    ``former`` : a row of the same target, whose distances to the sources are taken over. Dice is known of the first
    ``count`` annotated images and of the scored ones; NaN elsewhere.
    """
    names = [*former.candidates, NUCLEI]
    sources = [former_sources(name, case.target.name) for name in names]
    models = [
        CandidateModel(reference_of(folder, name, case.target.name), name, tuple(of))
        for name, of in zip(names, sources, strict=True)
    ]
    known = {*case.order[:count], *case.scored}
    masked = tuple(index in known for index in range(len(case.target)))
    evidence = gather_evidence(replace(case.target, masked=masked), models, runtime, images=LOOKED)
    dice = np.full((len(models), len(case.target)), np.nan)
    dice[:, list(evidence.annotated)] = evidence.scores
    distance = dict(zip(former.candidates, former.signals["energy"].tolist(), strict=True))
    energy = np.array([min(distance[each] for each in of) for of in sources])
    return RecordedTarget(
        name=former.name,
        kind=former.kind,
        fingerprint=former.fingerprint,
        candidates=tuple(names),
        sources=tuple(map(tuple, sources)),
        signals={**evidence.signals, "energy": energy},
        agreement=evidence.agreement,
        dice=dice,
    )


def former_sources(candidate: str, target: str) -> list[str]:
    """Return the sets that a candidate was trained on, when the target is left out."""
    return [name for name in NUCLEI_SETS if name != target] if candidate == NUCLEI else [candidate]


def write_row(row: RecordedTarget, path: Path) -> None:
    """Write a row; NaN becomes null."""
    document = {
        "name": row.name,
        "kind": row.kind,
        "fingerprint": row.fingerprint,
        "candidates": row.candidates,
        "sources": row.sources,
        "signals": {name: values.tolist() for name, values in row.signals.items()},
        "agreement": row.agreement.tolist(),
        "dice": [[None if np.isnan(value) else value for value in line] for line in row.dice],
    }
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(document), encoding="utf-8")


def read_rows(paths: Sequence[Path]) -> list[RecordedTarget]:
    """Return the rows of these files."""
    rows = []
    for path in paths:
        document = json.loads(path.read_text("utf-8"))
        arrays = {name: np.array(document[name], dtype=float) for name in ("agreement", "dice")}
        signals = {name: np.array(values, dtype=float) for name, values in document["signals"].items()}
        names = {name: tuple(map(_frozen, document[name])) for name in ("candidates", "sources")}
        rows.append(
            RecordedTarget(
                document["name"], document["kind"], document["fingerprint"], **names, signals=signals, **arrays
            )
        )
    return rows


def _frozen(value: str | list[str]) -> str | tuple[str, ...]:
    return value if isinstance(value, str) else tuple(value)
