"""A leaderboard and its rows, as they are stored."""

from __future__ import annotations

import enum
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, repeated
from dsim.files.documents import to_json

if TYPE_CHECKING:
    from dsim.evaluation import Evaluation, Score
    from dsim.measures import SimilarityMatrix
    from dsim.truth import TransferMatrix

SCHEMA = "dsim.leaderboard/1"
_VERSIONED = re.compile(r"[^@:]+@[0-9]+(:.*)?")


class Status(enum.StrEnum):
    """What a row rests on."""

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
    matrix : the distances that were judged; None for failed rows, and for published ones whose distances are not known.
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
                f"measure {self.measure!r} has no version: nobody could tell which numbers are its own",
                hint="name it name@version, as in asap@1:seed=3",
            )

    @property
    def judged(self) -> bool:
        """Whether its distances were judged here, by the same judge as those of all other such rows."""
        return self.evaluation is not None

    @property
    def scores(self) -> Mapping[str, Score]:
        """Scores by name: judged here, or as printed, without intervals."""
        from dsim.evaluation import Score

        if self.evaluation is not None:
            return self.evaluation.judgement.scores
        nan = float("nan")
        return {name: Score(name, value, nan, nan, 0, "as published") for name, value in self.published.items()}


@dataclass(frozen=True)
class Board:
    """All rows of one benchmark.

    Parameters
    ----------
    truth : the measured transfer that judges. ``fingerprints`` : of the datasets' images, by name.
    rows : given in any order; kept in the order of mean regret (see ``dsim.leaderboard.ordering``).
    settings : of the evaluation: self pairs, resamples, interval, seed, confidence.
    elsewhere : rows as published on other benchmarks, shown apart: nothing here can be compared with them.

    Raises
    ------
    DataError : a measure is there twice.
    """

    truth: TransferMatrix
    fingerprints: Mapping[str, str]
    rows: tuple[Row, ...]
    settings: Mapping[str, Any]
    elsewhere: tuple[Row, ...] = ()

    def __post_init__(self) -> None:
        from dsim.leaderboard.ordering import ordered

        names = [row.measure for row in self.rows if row.judged or row.status is not Status.PUBLISHED]
        twice = sorted(repeated(names))
        if twice:
            raise DataError(f"on the board twice: {', '.join(twice)}", hint="keep one row of each measure")
        object.__setattr__(self, "rows", ordered(self.rows))

    def to_dict(self) -> dict[str, Any]:
        """A JSON document of schema ``dsim.leaderboard/1``; NaN is null, ranks and ties are spelled out for readers."""
        from dsim.leaderboard.documents import board_document

        return board_document(self)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any], name: str = "the document") -> Board:
        """The board of a JSON document; DataError, with its ``name`` and the place, unless it holds to the schema."""
        from dsim.leaderboard.documents import read_board

        return read_board(document, name)

    def to_json(self, path: str | Path | None = None) -> str:
        """The JSON text; written atomically where a path is given."""
        return to_json(self.to_dict(), path)

    @classmethod
    def from_json(cls, path: str | Path) -> Board:
        """Read what ``to_json`` wrote."""
        from dsim.leaderboard.documents import read_json

        return cls.from_dict(read_json(Path(path)), Path(path).name)
