"""What ``dsim compare`` wrote, read again: one measure, or several with their agreement."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError
from dsim.files.documents import read
from dsim.measures import SimilarityMatrix
from dsim.measures.matrix import SCHEMA

if TYPE_CHECKING:
    from dsim.comparison.measure_agreement import Agreement

_AGREEMENT = "dsim.agreement/1"
_MATRIX, _TOGETHER = "matrix.json", "agreement.json"
_HINT = "give the folder that dsim compare wrote (--out), or the matrix.json or agreement.json in it"


@dataclass(frozen=True)
class Results:
    """Matrices with the folders that hold their pictures, None where nothing was written.

    ``seconds`` : of each measure, where known. ``failed`` : measures without a matrix, with their reasons.
    """

    matrices: tuple[SimilarityMatrix, ...]
    folders: tuple[Path | None, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)

    @cached_property
    def agreement(self) -> Agreement | None:
        """Where the measures agree; None of a single one."""
        from dsim.comparison.measure_agreement import agreement

        if len(self.matrices) < 2:
            return None
        return agreement(self.matrices, seconds=self.seconds, failed=self.failed)


def open_results(path: str | Path) -> Results:
    """Read the results in a folder, or behind a matrix.json or an agreement.json.

    Raises DataError where there are none, where they are damaged, or where a folder holds several measures and no
    agreement.json says which belong together.
    """
    found = _document(Path(path))
    document = read(found, _HINT)
    schema = document.get("schema")
    if schema == _AGREEMENT:
        return _together(found, document)
    if schema == SCHEMA:
        return Results((SimilarityMatrix.from_dict(document, str(found)),), (found.parent,))
    raise DataError(f"{found} has schema {schema!r}, neither {SCHEMA!r} nor {_AGREEMENT!r}", hint=_HINT)


def _document(path: Path) -> Path:
    """The file that says what there is: a folder's agreement.json, else its matrix.json."""
    if not path.is_dir():
        return path
    # Compare removes the agreement of an earlier run when it writes a single matrix, but not the other way round.
    for name in (_TOGETHER, _MATRIX):
        if (path / name).is_file():
            return path / name
    below = sorted(path.glob(f"*/{_MATRIX}"))
    if len(below) == 1:
        return below[0]
    if below:
        folders = ", ".join(one.parent.name for one in below)
        raise DataError(f"{path} holds several measures and no {_TOGETHER}: {folders}", hint="name one of the folders")
    raise DataError(f"there is no {_MATRIX} in {path}", hint=_HINT)


def _together(path: Path, document: Mapping[str, Any]) -> Results:
    try:
        told = {entry["measure"]: entry["seconds"] for entry in document["measures"]}
        failed = {entry["measure"]: entry["reason"] for entry in document["failed"]}
    except (KeyError, TypeError) as error:
        raise DataError(f"{path} is no whole {_AGREEMENT}: {type(error).__name__}: {error}", hint=_HINT) from None
    found: dict[str, tuple[SimilarityMatrix, Path]] = {}
    for beside in sorted(path.parent.glob(f"*/{_MATRIX}")):
        matrix = SimilarityMatrix.from_json(beside)
        found[matrix.measure] = (matrix, beside.parent)
    _refuse_missing(path, [measure for measure in told if measure not in found])
    chosen = [found[measure] for measure in told]
    seconds = {measure: float(value) for measure, value in told.items() if value is not None}
    return Results(tuple(one for one, _ in chosen), tuple(folder for _, folder in chosen), seconds, failed)


def _refuse_missing(path: Path, measures: Sequence[str]) -> None:
    if measures:
        raise DataError(
            f"{path} speaks of {', '.join(measures)}, and no {_MATRIX} beside it is of that",
            hint="put the folders of the measures beside it, or compare again",
        )
