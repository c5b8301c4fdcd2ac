"""The values of a measure from a file that may not say everything: what it does not say is asked for, never guessed."""

from __future__ import annotations

import csv
import hashlib
import io
import math
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import DataError, UsageError, repeated
from dsim.files import read_text
from dsim.measures import SimilarityMatrix, Verdict
from dsim.registry import Direction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_EMPTY = "empty in the CSV"


def read_distances(path: Path, direction: str | Direction | None = None) -> SimilarityMatrix:
    """The matrix of a JSON document or of a wide CSV; see ``open_distances``."""
    if direction is not None and direction not in tuple(Direction):
        raise UsageError(f"no direction {str(direction)!r}", hint="--direction is distance or similarity")
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
    """A matrix of values alone: NaN has the one reason, equal names are one dataset, ``why`` no winner is assessed."""
    import numpy as np

    same = np.array([[source == target for target in targets] for source in sources])
    # The dataset itself is never ranked.
    distances = np.where(same, np.nan, direction.sign * values)
    return SimilarityMatrix(
        measure=measure,
        direction=direction,
        unit="",
        sources=tuple(sources),
        targets=tuple(targets),
        values=values,
        notes=tuple(tuple(reasons if math.isnan(value) else "" for value in row) for row in values),
        same=same,
        verdicts={
            target: _verdict(target, sources, column, why) for target, column in zip(targets, distances.T, strict=True)
        },
        provenance=provenance,
    )


def _verdict(target: str, sources: Sequence[str], distances: NDArray[np.float64], why: str) -> Verdict:
    order = [int(position) for position in distances.argsort(kind="stable") if not math.isnan(distances[position])]
    if not order:
        return Verdict(target, None, None, None, math.nan, math.nan, "no source has a value")
    best, second = sources[order[0]], sources[order[1]] if len(order) > 1 else None
    alike = [sources[position] for position in order if distances[position] == distances[order[0]]]
    if len(alike) > 1:
        named = f"no clear winner: {', '.join(alike)} are equally near"
        return Verdict(target, best, second, False, 0.0, 0.0, named)
    return Verdict(target, best, second, None, math.nan, math.nan, f"{best} is nearest; not assessed: {why}")


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
