"""A truth as a tidy CSV, one measured score a line: ``source,target[,repetition],SCORE``."""

from __future__ import annotations

import csv
import hashlib
import io
import math
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, did_you_mean
from dsim.files import read_text
from dsim.truth.checks import REPETITIONS, TruthFields, bounds_of

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


_PAIR = ("source", "target")
_REPETITION = "repetition"
_HEADER = "source,target,DSC or source,target,repetition,AUC; a score in percent is DSC%"
#: ``fold3``: what was repeated, and which one it is.
_NUMBERED = re.compile(rf"({'|'.join(REPETITIONS)})[ _-]?(\d+)")


@dataclass(frozen=True)
class _Column:
    """The column that holds the scores: its header, the score, its unit, and its bounds."""

    header: str
    score: str
    unit: str
    bounds: tuple[float, float]


@dataclass(frozen=True)
class _Line:
    """One measured score. An empty source stands for training without one; an empty word for a single measurement."""

    number: int
    source: str
    target: str
    word: str
    repetition: int
    score: float

    def __str__(self) -> str:
        pair = f"{self.source} -> {self.target}" if self.source else f"the baseline on {self.target}"
        return f"{pair}, {self.word}{self.repetition}" if self.word else pair


def to_table(truth: TruthFields, path: str | Path | None) -> str:
    """Return the CSV text, lines of the baseline first; scores that were not measured have no line.

    Raises DsimError where the file cannot be written.
    """
    written = io.StringIO()
    writer = csv.writer(written, lineterminator="\n")
    repeated = bool(truth.repetition)
    writer.writerow([*_PAIR, *([_REPETITION] if repeated else []), f"{truth.score}{truth.unit}"])
    for source, target, repetition, score in _measured(truth):
        numbered = [f"{truth.repetition}{repetition + 1}"] if repeated else []
        writer.writerow([source, target, *numbered, repr(score)])
    text = written.getvalue()
    if path is not None:
        from dsim.files import write_text

        write_text(Path(path), text)
    return text


def _measured(truth: TruthFields) -> Iterator[tuple[str, str, int, float]]:
    rows = [] if truth.baseline is None else [("", truth.baseline)]
    rows += list(zip(truth.sources, truth.values, strict=True))
    for source, row in rows:
        for target, scores in zip(truth.targets, row.tolist(), strict=True):
            for repetition, score in enumerate(scores):
                if not math.isnan(score):
                    yield source, target, repetition, score


def read_table(
    path: Path, *, name: str | None = None, score: str | None = None, bounds: tuple[float, float] | None = None
) -> dict[str, Any]:
    """Return the fields of the TransferMatrix that a table holds.

    Raises DataError, which names the line and the fix. Values are float64 (sources, targets, repetitions).
    """
    text = read_text(path)
    reader = csv.reader(io.StringIO(text, newline=""))
    header = [cell.strip() for cell in next(reader, [])]
    column = _score_column(path, header, score, bounds)
    lines = [_line(path, reader.line_num, header, cells, column) for cells in reader if cells]
    if not lines:
        raise DataError(f"{path} has no lines below its header", hint="give one line for each measured score")
    return _assembled(path, lines, column, name or path.stem, hashlib.sha256(text.encode()).hexdigest())


def _score_column(path: Path, header: Sequence[str], score: str | None, bounds: tuple[float, float] | None) -> _Column:
    _check_header(path, header)
    others = [column for column in header if column not in (*_PAIR, _REPETITION)]
    chosen = [column for column in others if score in (None, _named(column))]
    if len(chosen) != 1:
        raise _no_single_score(path, others, score)
    known, unit = _named(chosen[0]), "%" if chosen[0].endswith("%") else ""
    return _Column(chosen[0], known, unit, bounds_of(known, unit, given=bounds))


def _named(column: str) -> str:
    return column.removesuffix("%").strip()


def _check_header(path: Path, header: Sequence[str]) -> None:
    missing = [column for column in _PAIR if column not in header]
    if missing:
        semicolons = any(";" in cell for cell in header)
        fault = "; it separates by semicolons, not commas" if semicolons else ""
        raise DataError(
            f"{path} has no column {' and no column '.join(map(repr, missing))} in line 1{fault}",
            hint=f"the first line is {_HEADER}",
        )
    if len(set(header)) < len(header) or not all(header):
        raise DataError(
            f"{path} has a column without a name, or two of one name, in line 1: {', '.join(header)}",
            hint=f"the first line is {_HEADER}",
        )


def _no_single_score(path: Path, others: Sequence[str], score: str | None) -> DataError:
    if not others:
        return DataError(f"{path} has no column with scores in line 1", hint=f"the first line is {_HEADER}")
    scores = [_named(column) for column in others]
    if score is not None and score not in scores:
        return DataError(
            f"{path} has no column with the score {score!r}.{did_you_mean(score, scores)}",
            hint=f"it has: {', '.join(scores)}",
        )
    return DataError(
        f"{path} has {len(others)} columns besides source, target and repetition: {', '.join(others)}",
        hint="a column of seeds or folds is named repetition; of several scores say which: --score NAME",
    )


def _line(path: Path, number: int, header: Sequence[str], cells: Sequence[str], column: _Column) -> _Line:
    if len(cells) != len(header):
        raise DataError(
            f"{path}, line {number} has {len(cells)} cells; line 1 has {len(header)}",
            hint="quote names that hold a comma, and write numbers with a point",
        )
    row = dict(zip(header, (cell.strip() for cell in cells), strict=True))
    if not row["target"]:
        raise DataError(
            f"{path}, line {number} has no target", hint="name it; only the source is empty, for the baseline"
        )
    word, repetition = _repetition(path, number, row.get(_REPETITION))
    score = _number(path, number, row[column.header])
    line = _Line(number, row["source"], row["target"], word, repetition, score)
    low, high = column.bounds
    if not low <= score <= high:
        percent = not column.unit and 1 < score <= 100
        raise DataError(
            f"{path}, line {number}: the {column.score} of {line} is {score:g}, outside {low:g} to {high:g}",
            hint=f"name the column {column.score}% if scores run to 100" if percent else "correct the value",
        )
    return line


def _repetition(path: Path, number: int, cell: str | None) -> tuple[str, int]:
    if cell is None:
        return "", 1
    found = _NUMBERED.fullmatch(cell)
    if found is None:
        raise DataError(
            f"{path}, line {number}: the repetition {cell!r} does not say what was repeated",
            hint="write seed1, seed2, ... (trained anew) or fold1, fold2, ... (the same folds for all sources)",
        )
    return found[1], int(found[2])


def _number(path: Path, number: int, cell: str) -> float:
    missing = cell.lower() in ("", "nan", "na", "null", "none", "-")
    try:
        value = math.nan if missing else float(cell)
    except ValueError:
        raise DataError(
            f"{path}, line {number}: the score {cell!r} is not a number", hint="write it with a point: 0.94"
        ) from None
    if missing:
        raise DataError(
            f"{path}, line {number} has no score{f' but {cell!r}' if cell else ''}",
            hint="leave out the lines of what was not measured",
        )
    return value


def _assembled(path: Path, lines: Sequence[_Line], column: _Column, name: str, sha256: str) -> dict[str, Any]:
    word = _one_word(path, lines)
    _refuse_twice(path, lines)
    sources = tuple(dict.fromkeys(line.source for line in lines if line.source))
    targets = tuple(dict.fromkeys(line.target for line in lines))
    if not sources:
        raise DataError(f"{path} has no line with a source", hint="name the sources; an empty one is the baseline")
    values, baseline = _filled(lines, sources, targets)
    return {
        "name": name,
        "score": column.score,
        "unit": column.unit,
        "sources": sources,
        "targets": targets,
        "values": values,
        "bounds": column.bounds,
        "repetition": word,
        "baseline": baseline if any(not line.source for line in lines) else None,
        "provenance": {"source": f"the file {path.name}", "sha256": sha256},
    }


def _filled(
    lines: Sequence[_Line], sources: Sequence[str], targets: Sequence[str]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Values and baseline. Repetitions are counted in the order of their numbers: seeds need not begin with 1."""
    import numpy as np

    numbers = sorted({line.repetition for line in lines})
    rows = {source: position for position, source in enumerate(sources)}
    columns = {target: position for position, target in enumerate(targets)}
    values = np.full((len(sources), len(targets), len(numbers)), np.nan)
    baseline = np.full((len(targets), len(numbers)), np.nan)
    for line in lines:
        block = values[rows[line.source]] if line.source else baseline
        block[columns[line.target], numbers.index(line.repetition)] = line.score
    return values, baseline


def _one_word(path: Path, lines: Sequence[_Line]) -> str:
    first = lines[0]
    for line in lines:
        if line.word != first.word:
            raise DataError(
                f"{path}: line {first.number} repeats a {first.word}, line {line.number} a {line.word}",
                hint="a truth repeats seeds or folds, not both",
            )
    return first.word


def _refuse_twice(path: Path, lines: Sequence[_Line]) -> None:
    first: dict[tuple[str, str, int], _Line] = {}
    for line in lines:
        key = (line.source, line.target, line.repetition)
        if key in first:
            raise DataError(
                f"{path}: lines {first[key].number} and {line.number} both give {line}",
                hint="leave one of them out, or number repetitions in a column repetition: seed1, seed2, ...",
            )
        first[key] = line
