"""Truth and published distances by name, or from a file."""

from __future__ import annotations

import csv
import hashlib
import io
import json
import math
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, UnknownNameError, UsageError, repeated
from dsim.files import read_text
from dsim.files.shipped import shipped
from dsim.measures import SimilarityMatrix, decide
from dsim.registry import Direction, default

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.truth.matrix import TransferMatrix


_TRUTH, _MATRIX, _PUBLISHED = "truth.json", "matrix.json", "published.json"


def truth_names() -> list[str]:
    """Return the names of the stored truths, sorted.

    >>> "asap-dsc" in truth_names()
    True
    """
    return _stored("truth", _TRUTH)


def distance_names() -> list[str]:
    """Return the names of the stored published distances, sorted.

    >>> "asap-published" in distance_names()
    True
    """
    return _stored("distances", _MATRIX)


def open_truth(
    name_or_path: str | Path, *, score: str | None = None, bounds: tuple[float, float] | None = None
) -> TransferMatrix:
    """Return a stored truth by its name, or one from a file.

    Parameters
    ----------
    name_or_path : one of ``truth_names()``, a ``.json`` (dsim.transfer/1), a ``.csv``, or a folder with a truth.json.
    score : which column of a CSV with several; of any other truth, what it must be of.
    bounds : of a CSV's score that is not DSC, AUC or accuracy.

    Raises UnknownNameError with the nearest name and the list, DataError where a file is not what it should be.

    >>> open_truth("asap-dsc").score
    'DSC'
    """
    from dsim.truth.matrix import TransferMatrix

    path = _resolve(name_or_path, "truth", _TRUTH)
    if path.suffix.lower() == ".csv":
        return TransferMatrix.from_csv(path, score=score, bounds=bounds)
    truth = TransferMatrix.from_json(path)
    if score is not None and score != truth.score:
        raise DataError(f"truth {truth.name!r} is of {truth.score}, not {score}", hint=f"give --score {truth.score}")
    return truth


def open_distances(name_or_path: str | Path, *, direction: str | Direction | None = None) -> SimilarityMatrix:
    """Return stored published distances by name, or the values of a measure from a file.

    Parameters
    ----------
    name_or_path : one of ``distance_names()``, a ``.json`` (dsim.matrix/1), a wide ``.csv`` as ``matrix.to_csv`` writes
        it, or a folder with a matrix.json, as ``dsim compare --out`` writes it.
    direction : ``distance`` or ``similarity``; a CSV needs it, a JSON document must agree with it.

    Raises UnknownNameError for another name, DataError for a file that is not a matrix, and UsageError where the
    direction is missing or contradicts the file.

    >>> open_distances("asap-published").direction.name
    'DISTANCE'
    """

    return _read_distances(_resolve(name_or_path, "distances", _MATRIX), direction)


def published(truth_name: str) -> list[dict[str, Any]]:
    """Return rows that papers print of measures judged on a stored truth; none where no paper prints any.

    Each has ``measure``, as it is called there; ``published``, numbers by the names of dsim.evaluation's scores (shares
    of targets in [0, 1]); ``printed``, what stands in the paper under the paper's words; ``source``; and ``note``.

    >>> next(row for row in published("asap-dsc") if row["measure"] == "ASAP")["published"]["pearson"]
    0.148
    """
    path = shipped("truth") / truth_name / _PUBLISHED
    if truth_name not in truth_names() or not path.is_file():
        return []
    rows: list[dict[str, Any]] = json.loads(path.read_text("utf-8"))["rows"]
    return rows


def _stored(folder: str, file: str) -> list[str]:
    return sorted(path.parent.name for path in shipped(folder).glob(f"*/{file}"))


def _resolve(name_or_path: str | Path, folder: str, file: str) -> Path:
    """The file that is meant; a stored name goes before a file of that name."""
    known = _stored(folder, file)
    if str(name_or_path) in known:
        return shipped(folder) / str(name_or_path) / file
    path = Path(name_or_path).expanduser()
    if path.is_dir() and (path / file).is_file():
        return path / file
    if path.is_dir():
        raise DataError(
            f"the folder {path} holds no {file}", hint="give the file itself, or one of: " + ", ".join(known)
        )
    if path.is_file() or isinstance(name_or_path, Path) or path.suffix.lower() in (".json", ".csv") or path.parent.name:
        return path
    hint = f"give a .json or .csv, or one of: {', '.join(known)}"
    if folder == "truth":
        raise UnknownNameError("truth", str(name_or_path), known, hint=hint)
    near = [*known, *default().measures]
    raise UnknownNameError("published distances", str(name_or_path), near, hint=f"{hint}; or a measure: dsim measures")


_EMPTY = "empty in the CSV"


def _read_distances(path: Path, direction: str | Direction | None = None) -> SimilarityMatrix:
    """The matrix of a JSON document or of a wide CSV; see ``open_distances``."""
    if direction is not None and direction not in tuple(Direction):
        raise UsageError(f"{str(direction)!r} is not a direction", hint="--direction is distance or similarity")
    if path.suffix.lower() == ".csv":
        return _of_csv(path, None if direction is None else Direction(direction))
    matrix = SimilarityMatrix.from_json(path)
    if direction is not None and matrix.direction != direction:
        raise UsageError(
            f"{path} says that {matrix.measure} is a {matrix.direction}, not a {Direction(direction)}",
            hint=f"leave --direction out, or give --direction {matrix.direction}",
        )
    return matrix


def _of_csv(path: Path, direction: Direction | None) -> SimilarityMatrix:
    text = read_text(path)
    sources, targets, rows = _wide(path, text)
    if direction is None:
        raise UsageError(
            f"{path}: a CSV does not say whether small or large is similar", hint="--direction distance|similarity"
        )
    import numpy as np

    values = np.array(rows, dtype=np.float64)
    return matrix_of(
        # A file has no version: whatever asks for versioned measures refuses it.
        measure=path.name,
        direction=direction,
        sources=sources,
        targets=targets,
        values=values,
        reasons=_EMPTY,
        why="a CSV holds no intervals",
        provenance={"source": f"the file {path.name}", "sha256": hashlib.sha256(text.encode()).hexdigest()},
    )


def matrix_of(
    measure: str,
    direction: Direction,
    sources: Sequence[str],
    targets: Sequence[str],
    values: NDArray[np.float64],
    reasons: str,
    why: str,
    provenance: dict[str, object],
) -> SimilarityMatrix:
    """Return a matrix of float64 values (sources, targets) alone.

    NaN has the one reason ``reasons``; equal names are one dataset; ``why`` is the reason that no winner is assessed.
    """
    import numpy as np

    same = np.array([[source == target for target in targets] for source in sources])
    matrix = SimilarityMatrix(
        measure=measure,
        direction=direction,
        unit="",
        sources=tuple(sources),
        targets=tuple(targets),
        values=values,
        notes=tuple(tuple(reasons if math.isnan(value) else "" for value in row) for row in values),
        same=same,
        verdicts={},
        provenance=provenance,
    )
    verdicts = {target: decide(target, matrix.distances(target), not_assessed=why) for target in matrix.targets}
    return replace(matrix, verdicts=verdicts)


def _wide(path: Path, text: str) -> tuple[list[str], list[str], list[list[float]]]:
    """Sources, targets, and values of a table with a row for each source and a column for each target."""
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [cell.strip() for cell in next(reader, [])]
    if len(header) < 2 or header[0] != "source" or "target" in header[1:2]:
        raise DataError(
            f"{path} does not begin with source and the names of targets",
            hint="a row for each source, a column for each target, as matrix.csv of dsim compare",
        )
    sources, rows = [], []
    for cells in reader:
        if not cells:
            continue
        if len(cells) != len(header):
            raise DataError(
                f"{path}, line {reader.line_num} has {len(cells)} cells; line 1 has {len(header)}",
                hint="leave cells without a value empty, and quote names that hold a comma",
            )
        sources.append(cells[0].strip())
        rows.append([_number(path, reader.line_num, cell.strip()) for cell in cells[1:]])
    for role, names in (("source", sources), ("target", header[1:])):
        _check_names(path, role, names)
    return sources, header[1:], rows


def _check_names(path: Path, role: str, names: Sequence[str]) -> None:
    if not names or not all(names):
        raise DataError(f"{path} has no {role}, or one without a name", hint=f"name every {role}")
    if twice := repeated(names):
        raise DataError(f"{path} names {role} {twice[0]!r} more than once", hint=f"one {role}, one name")


def _number(path: Path, line: int, cell: str) -> float:
    if cell.lower() in ("", "nan"):
        return math.nan
    try:
        value = float(cell)
    except ValueError:
        value = math.inf
    if math.isinf(value):
        raise DataError(
            f"{path}, line {line}: {cell!r} is not a finite number",
            hint="write it with a point, or leave the cell empty",
        )
    return value
