"""A leaderboard and its rows, as they are stored."""

from __future__ import annotations

import enum
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsim.evaluation import Evaluation, Score
    from dsim.matrix import SimilarityMatrix
    from dsim.truth import TransferMatrix

SCHEMA = "dsim.leaderboard/1"


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
    matrix : the distances that were judged; None for published rows and failed ones.
    evaluation : the verdict on them, computed here from ``matrix``, never taken from elsewhere.
    published : scores as printed, for published rows. ``source`` : where they are printed, or who ran it.
    environment : device, threads, versions of libraries, when.
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
    rows : in the order of mean regret, the smallest first; failed and published rows after them.
    settings : of the evaluation: self pairs, resamples, interval, seed, confidence.
    elsewhere : rows as published on other benchmarks, shown apart: nothing here can be compared with them.
    """

    truth: TransferMatrix
    fingerprints: Mapping[str, str]
    rows: tuple[Row, ...]
    settings: Mapping[str, Any]
    elsewhere: tuple[Row, ...] = ()
