"""What was measured of candidates on targets whose masks are known: what the prior learns from."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.files.atomic import write_text
from dsim.files.documents import array, check, nullable, read

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Array = NDArray[np.float64]

SCHEMA = "dsim.selection/1"
_HINT = "python -m benchmarks.selection --data DATA writes it"
#: Dice is kept in whole parts of so many.
_PARTS = 1000


@dataclass(frozen=True)
class RecordedTarget:
    """One target: c candidates, none of which was trained on it, and their Dice on all of its n images.

    Parameters
    ----------
    kind : how its images were made and of what, as known kinds name it. ``models`` : of each candidate its id in the
        zoo, empty for one of a file. ``sources`` : of each, what it was trained on.
    signals : by name (c,). ``agreement`` : (c, c). ``dice`` : (c, n), in [0, 1].
    """

    name: str
    kind: str
    fingerprint: str
    candidates: tuple[str, ...]
    models: tuple[str, ...]
    sources: tuple[tuple[str, ...], ...]
    signals: Mapping[str, Array]
    agreement: Array
    dice: Array

    def of(self, positions: Sequence[int]) -> RecordedTarget:
        """Return the same of these candidates (c,) only."""
        chosen = [int(position) for position in positions]
        return RecordedTarget(
            self.name,
            self.kind,
            self.fingerprint,
            tuple(self.candidates[position] for position in chosen),
            tuple(self.models[position] for position in chosen),
            tuple(self.sources[position] for position in chosen),
            {name: values[chosen] for name, values in self.signals.items()},
            self.agreement[chosen][:, chosen],
            self.dice[chosen],
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; Dice in thousandths, agreement in hundredths."""
        return {
            "name": self.name,
            "kind": self.kind,
            "fingerprint": self.fingerprint,
            "candidates": list(self.candidates),
            "models": list(self.models),
            "sources": [list(names) for names in self.sources],
            "signals": {name: nullable(values.round(4)) for name, values in self.signals.items()},
            "agreement": (100 * self.agreement).round().astype(int).tolist(),
            "dice": (_PARTS * self.dice).round().astype(int).tolist(),
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], where: str) -> RecordedTarget:
        """Return the object of a JSON document; raises DataError where its rows differ in length."""
        what = f"{document['name']} in {where}"
        return cls(
            document["name"],
            document["kind"],
            document["fingerprint"],
            tuple(document["candidates"]),
            tuple(document["models"]),
            tuple(tuple(names) for names in document["sources"]),
            {name: array(values, what, _HINT) for name, values in document["signals"].items()},
            array(document["agreement"], what, _HINT) / 100,
            array(document["dice"], what, _HINT) / _PARTS,
        )


@dataclass(frozen=True)
class Record:
    """Measured targets, and how choices that were learnt from all but one of them fared on that one.

    Parameters
    ----------
    version : of the signals: of other ones the record says nothing. ``fitted`` : what the prior of all targets found,
        so that nobody waits for it again; empty before it was fitted. ``errors`` : of choices and verdicts, each
        learnt without the target that it is about; empty before they were measured.
    """

    name: str
    command: str
    version: int
    targets: tuple[RecordedTarget, ...]
    fitted: Mapping[str, Any] = field(default_factory=dict)
    errors: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self, path: Path | None = None) -> str:
        """Return the JSON text, of schema ``dsim.selection/1``; written atomically where a path is given."""
        from dsim.runtime import VERSION

        document = {
            "schema": SCHEMA,
            "name": self.name,
            "dsim": VERSION,
            "command": self.command,
            "signals_version": self.version,
            "fitted": dict(self.fitted),
            "errors": dict(self.errors),
            "targets": [target.to_dict() for target in self.targets],
        }
        text = _text(document)
        if path is not None:
            write_text(path, text + "\n")
        return text


def _text(document: Mapping[str, Any]) -> str:
    """The JSON text: a line for each part and each target, since the numbers are many."""
    *parts, (_, targets) = document.items()
    lines = [f'"{name}": {json.dumps(value, allow_nan=False)}' for name, value in parts]
    rows = ",\n".join(json.dumps(target, allow_nan=False) for target in targets)
    return "{\n" + ",\n".join(lines) + ',\n"targets": [\n' + rows + "\n]\n}"


def read_record(path: Path) -> Record:
    """Return the record of a file; raises DataError where it is not of schema ``dsim.selection/1``."""
    document = read(path, _HINT)
    check(document, SCHEMA, str(path), _HINT)
    targets = tuple(RecordedTarget.from_dict(target, str(path)) for target in document["targets"])
    return Record(
        document["name"],
        document["command"],
        document["signals_version"],
        targets,
        document["fitted"],
        document["errors"],
    )


@lru_cache(maxsize=1)
def shipped_record() -> Record:
    """Return the record that dsim ships; raises DataError where the installation lacks it, or it is damaged."""
    from dsim.files.shipped import shipped

    return read_record(shipped("selection") / "biomed16.json")
