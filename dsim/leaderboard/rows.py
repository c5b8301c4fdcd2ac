"""A row of a leaderboard: one measure on one benchmark, and its JSON document."""

from __future__ import annotations

import enum
import math
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError
from dsim.files.documents import number, or_nan, plain
from dsim.measures import SimilarityMatrix

if TYPE_CHECKING:
    from dsim.evaluation import Evaluation, Score

_HINT = "give a results.json that dsim leaderboard wrote, and change nothing in it by hand"
_VERSIONED = re.compile(r"[^@:]+@[0-9]+(:.*)?")


class Status(enum.StrEnum):
    """The basis of a row."""

    OK = "ok"
    FAILED = "failed"
    ADDED = "added"
    PUBLISHED = "as published"


@dataclass(frozen=True)
class Row:
    """One measure on one benchmark.

    Parameters
    ----------
    measure : identity, name@version and the parameters that differ from their defaults. ``parameters`` : all of them.
    status : ``ok``; ``failed``, with its ``reason``; ``added``: run by someone else, merged after checks;
        ``as published``: scores printed in a paper, from images that nobody has at hand.
    plugin : distribution and version that brings it; ``code`` : digest of its source.
    seconds, peak_mb : wall time and peak memory of one process that began with an empty cache; NaN where not known.
    matrix : the judged distances (sources, targets); None for failed rows, and for published ones without distances.
    evaluation : the verdict on them, computed here from ``matrix``, never taken from elsewhere.
    published : scores as printed, for published rows. ``source`` : where they are printed, or who ran it.
    environment : device, threads, versions of libraries, when.

    Raises
    ------
    DataError : the measure has no version, and the row is not one as published.
    """

    measure: str
    status: Status
    parameters: Mapping[str, Any] = field(default_factory=dict)
    plugin: str = ""
    code: str = ""
    seconds: float = float("nan")
    peak_mb: float = float("nan")
    reason: str = ""
    matrix: SimilarityMatrix | None = None
    evaluation: Evaluation | None = None
    published: Mapping[str, float] = field(default_factory=dict)
    source: str = ""
    environment: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        if self.status is not Status.PUBLISHED and not _VERSIONED.fullmatch(self.measure):
            raise DataError(
                f"measure {self.measure!r} has no version: nobody could know which numbers are its own",
                hint="name it name@version, as in asap@1:seed=3",
            )

    @property
    def judged(self) -> bool:
        """Whether its distances were judged here, by the same judge as those of all other such rows."""
        return self.evaluation is not None

    @property
    def scores(self) -> Mapping[str, Score]:
        """The scores by name: judged here, or as printed, without intervals."""
        from dsim.evaluation import Score

        if self.evaluation is not None:
            return self.evaluation.judgement.scores
        nan = float("nan")
        return {name: Score(name, value, nan, nan, 0, "as published") for name, value in self.published.items()}


def row_document(row: Row) -> dict[str, Any]:
    """Return the document of a row; NaN is null."""
    return {
        "measure": row.measure,
        "status": str(row.status),
        "parameters": plain(row.parameters),
        "plugin": row.plugin,
        "code": row.code,
        "seconds": number(row.seconds),
        "peak_mb": number(row.peak_mb),
        "reason": row.reason,
        "matrix": None if row.matrix is None else row.matrix.to_dict(),
        "evaluation": None if row.evaluation is None else row.evaluation.to_dict(),
        "published": {name: value for name, value in row.published.items() if not math.isnan(value)},
        "source": row.source,
        "environment": plain(row.environment),
    }


def read_row(document: Mapping[str, Any]) -> Row:
    """Return the row of a document that holds to the schema.

    Raises DataError where its tables do not have the shape of its names.
    """
    try:
        row = _row(document)
        if row.matrix is not None:
            _refuse_misshapen(row.matrix)
    except DataError as error:
        raise DataError(f"row {document['measure']!r} is not consistent: {error.message}", hint=_HINT) from None
    except (ValueError, LookupError, TypeError) as error:
        raise DataError(f"row {document['measure']!r} is not consistent: {error}", hint=_HINT) from None
    return row


def _refuse_misshapen(matrix: SimilarityMatrix) -> None:
    shape = (len(matrix.sources), len(matrix.targets))
    for name in ("values", "same"):
        actual = getattr(matrix, name).shape
        if actual != shape:
            raise ValueError(f"its {name} have shape {actual}, not {shape}")


def _row(document: Mapping[str, Any]) -> Row:
    from dsim.evaluation import Evaluation

    plain = {name: document[name] for name in ("measure", "parameters", "plugin", "code", "reason", "published")}
    matrix, evaluation = document["matrix"], document["evaluation"]
    return Row(
        **plain,
        status=Status(document["status"]),
        seconds=or_nan(document["seconds"]),
        peak_mb=or_nan(document["peak_mb"]),
        matrix=None if matrix is None else SimilarityMatrix.from_dict(matrix),
        evaluation=None if evaluation is None else Evaluation.from_dict(evaluation),
        source=document["source"],
        environment=document["environment"],
    )
