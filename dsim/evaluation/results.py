"""What the judge says: scores with intervals, per target and over targets, beside baselines and the ceiling."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.files.documents import to_json

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCHEMA = "dsim.evaluation/1"


@dataclass(frozen=True)
class Score:
    """One score: its value, the bounds of its interval, and of how many targets it is.

    NaN with the reason in ``note`` where there is none; ``note`` otherwise holds what must be said of the value.
    """

    name: str
    value: float
    low: float
    high: float
    targets: int
    note: str = ""


@dataclass(frozen=True)
class Judgement:
    """How well one ranking of the sources does: a measure's, or a baseline's.

    Parameters
    ----------
    name : identity of the measure, or name of the baseline.
    per_target : by name of each score of ``PER_TARGET``, float64 (targets,); NaN where it is undefined.
    reasons : why one is undefined, by (score, target).
    selected : for each target, the sources that are nearest: several where they are tied, none where none has a value.
    scores : by name, in the order of ``SCORES``.
    note : what the baseline is.
    """

    name: str
    per_target: Mapping[str, NDArray[np.float64]]
    reasons: Mapping[tuple[str, str], str]
    selected: tuple[tuple[str, ...], ...]
    scores: Mapping[str, Score]
    note: str = ""


@dataclass(frozen=True)
class Contrast:
    """A paired comparison of two rankings on the same targets, for one score.

    ``difference`` is first less second, with its interval; ``p`` of the sign-flip permutation test over the targets
    that both have; ``p_adjusted`` Holm's, for all contrasts of that score that were asked for together.
    """

    score: str
    first: str
    second: str
    difference: float
    low: float
    high: float
    p: float
    targets: int
    p_adjusted: float
    note: str = ""


@dataclass(frozen=True)
class Evaluation:
    """A measure judged against a truth.

    Parameters
    ----------
    measure, truth : identity of the measure, name of the truth. ``score``, ``unit`` : of the truth.
    sources, targets : those judged. ``distances`` : float64 (sources, targets), small is near, NaN where the measure
        has none; ``scores`` : the truth's, means over repetitions, NaN where not measured; ``transferability`` :
        relative to the baseline without a source, percent (Eq. 1 of the cats paper), or None without one.
    counted : bool (sources, targets), the pairs that were judged: known on both sides, and no excluded self pair.
    candidates : bool (sources, targets), the pairs that a choice is measured against: with a known score, and no
        excluded self pair. Those that are not counted lack a distance: the measure cannot choose them.
    self_pairs : ``exclude`` or ``include``.
    left_out : names that only one side has, by side, where the intersection was asked for.
    unknown : (source, target, which side, reason) of each pair with NaN.
    judgement : of the measure. ``baselines`` : random, best fixed source, largest source, ... and the oracle.
    ceiling : by name of score, the best that any measure could reach given the noise of the truth.
    contrasts : of the measure with each baseline.
    confidence, resamples, interval, seed : of the intervals. ``notes`` : what must be said.
    provenance : of the matrix and the truth.
    """

    measure: str
    truth: str
    score: str
    unit: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    distances: NDArray[np.float64]
    scores: NDArray[np.float64]
    transferability: NDArray[np.float64] | None
    counted: NDArray[np.bool_]
    candidates: NDArray[np.bool_]
    self_pairs: str
    left_out: Mapping[str, tuple[str, ...]]
    unknown: tuple[tuple[str, str, str, str], ...]
    judgement: Judgement
    baselines: tuple[Judgement, ...]
    ceiling: Mapping[str, Score]
    contrasts: tuple[Contrast, ...]
    confidence: float
    resamples: int
    interval: str
    seed: int
    notes: tuple[str, ...]
    provenance: Mapping[str, Any]

    def __str__(self) -> str:
        from dsim.evaluation.table import table

        return table(self)

    def to_dict(self) -> dict[str, Any]:
        """A JSON document of schema ``dsim.evaluation/1``; NaN is null."""
        from dsim.evaluation.documents import evaluation_document

        return evaluation_document(self)

    def to_json(self, path: str | Path | None = None) -> str:
        """The JSON text; written atomically where a path is given."""
        return to_json(self.to_dict(), path)

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Evaluation:
        """The evaluation of a JSON document; DataError where it is not of schema ``dsim.evaluation/1``."""
        from dsim.evaluation.documents import evaluation_of

        return evaluation_of(document)

    @classmethod
    def from_json(cls, source: str | Path) -> Evaluation:
        """Read a document that ``to_json`` wrote, from a path or from its text."""
        from dsim.evaluation.documents import read

        return read(source)
