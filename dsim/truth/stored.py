"""Truth and published distances by name, or from a file."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, UnknownNameError
from dsim.files.shipped import shipped

if TYPE_CHECKING:
    from dsim.measures import SimilarityMatrix
    from dsim.registry import Direction
    from dsim.truth.matrix import TransferMatrix

_TRUTH, _MATRIX, _PUBLISHED = "truth.json", "matrix.json", "published.json"


def truth_names() -> list[str]:
    """Names of the stored truths, sorted.

    >>> "asap-dsc" in truth_names()
    True
    """
    return _stored("truth", _TRUTH)


def distance_names() -> list[str]:
    """Names of the stored published distances, sorted.

    >>> "asap-published" in distance_names()
    True
    """
    return _stored("distances", _MATRIX)


def open_truth(
    name_or_path: str | Path, *, score: str | None = None, bounds: tuple[float, float] | None = None
) -> TransferMatrix:
    """A stored truth by its name, or one from a file.

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
    """Stored published distances by name, or the values of a measure from a file.

    Parameters
    ----------
    name_or_path : one of ``distance_names()``, a ``.json`` (dsim.matrix/1), a wide ``.csv`` as ``matrix.to_csv`` writes
        it, or a folder with a matrix.json, as ``dsim compare --out`` writes it.
    direction : ``distance`` or ``similarity``; a CSV needs it, a JSON document must agree with it.

    >>> open_distances("asap-published").direction.name
    'DISTANCE'
    """
    from dsim.truth.distances import read_distances

    return read_distances(_resolve(name_or_path, "distances", _MATRIX), direction)


def published(truth_name: str) -> list[dict[str, Any]]:
    """Rows that papers print of measures judged on a stored truth; none where no paper prints any.

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
    what = "truth" if folder == "truth" else "published distances"
    raise UnknownNameError(what, str(name_or_path), known, hint=f"give a .json or .csv, or one of: {', '.join(known)}")
