"""A matrix and a truth brought together by name, and which of their pairs are judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.errors import DataError, repeated
from dsim.evaluation.judgement import FEWEST

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.measures import SimilarityMatrix
    from dsim.truth import TransferMatrix


@dataclass(frozen=True)
class Aligned:
    """The datasets that both sides have, in the order of the truth.

    Parameters
    ----------
    truth : restricted to ``sources`` and ``targets``. ``distances`` : float64 (sources, targets), small is near, NaN
        where the measure has none; ``scores`` : means over repetitions, NaN where not measured.
    excluded : bool (sources, targets), the self pairs that are left out.
    counted : the pairs with both sides that are not left out. ``candidates`` : those with a score, likewise.
    left_out : names that only one side has, by side. ``unknown`` : (source, target, side, reason) of NaN.
    """

    truth: TransferMatrix
    distances: NDArray[np.float64]
    scores: NDArray[np.float64]
    excluded: NDArray[np.bool_]
    counted: NDArray[np.bool_]
    candidates: NDArray[np.bool_]
    left_out: Mapping[str, tuple[str, ...]]
    unknown: tuple[tuple[str, str, str, str], ...]

    @property
    def sources(self) -> tuple[str, ...]:
        """Names of the rows."""
        return self.truth.sources

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the columns."""
        return self.truth.targets

    @property
    def judged(self) -> NDArray[np.float64]:
        """The scores, float64 (sources, targets), NaN also where a pair is left out."""
        import numpy as np

        return np.where(self.excluded, np.nan, self.scores)


def align(matrix: SimilarityMatrix, truth: TransferMatrix, *, common: bool, exclude_self: bool) -> Aligned:
    """Return a matrix and a truth brought together by name, float64 (sources, targets) both.

    Self pairs are those of one dataset (``matrix.same``), or of one name.

    Raises
    ------
    DataError
        Where one side has names that the other lacks, unless ``common`` asks for those that both have; for a name that
        the matrix has twice; for fewer than three sources, or no target.
    """
    import numpy as np

    sources, left_sources = _common("sources", matrix.sources, truth.sources)
    targets, left_targets = _common("targets", matrix.targets, truth.targets)
    left_out = left_sources | left_targets
    if left_out and not common:
        raise DataError(
            f"the matrix and truth {truth.name} are not of the same datasets: {names_by_side(left_out)}",
            hint="judge what both have with --common (common=True), or compare the datasets of the truth",
        )
    _check_enough(sources, targets)
    cells = np.ix_([matrix.sources.index(name) for name in sources], [matrix.targets.index(name) for name in targets])
    distances = matrix.direction.sign * matrix.values[cells]
    same = matrix.same[cells] | (np.array(sources)[:, None] == np.array(targets))
    return _paired(
        truth.restrict(sources, targets), distances, np.array(matrix.notes)[cells], same & exclude_self, left_out
    )


def _paired(
    truth: TransferMatrix,
    values: NDArray[np.float64],
    notes: NDArray[np.str_],
    excluded: NDArray[np.bool_],
    left_out: Mapping[str, tuple[str, ...]],
) -> Aligned:
    """The pairs that are judged, and why others are not; all of one shape and order."""
    import numpy as np

    notes = np.where(np.isinf(values), "the value is infinite", notes)
    distances = np.where(np.isinf(values), np.nan, values)
    scores = truth.mean
    candidates = ~np.isnan(scores) & ~excluded
    unknown = [
        (truth.sources[i], truth.targets[j], "distance", str(notes[i, j]) or "no reason given")
        for i, j in np.argwhere(np.isnan(distances) & ~excluded)
    ]
    kept = {(truth.sources[i], truth.targets[j]) for i, j in np.argwhere(~excluded)}
    unknown += [(source, target, "truth", why) for source, target, why in truth.missing if (source, target) in kept]
    counted = candidates & ~np.isnan(distances)
    return Aligned(truth, distances, scores, excluded, counted, candidates, left_out, tuple(unknown))


def _common(
    kind: str, ours: Sequence[str], theirs: Sequence[str]
) -> tuple[tuple[str, ...], dict[str, tuple[str, ...]]]:
    """Names that both have, in the order of the truth, and those that only one has, by side."""
    twice = sorted(repeated(ours))
    if twice:
        raise DataError(f"the matrix has {kind} twice: {', '.join(twice)}", hint="give each dataset another name")
    sides = {
        f"{kind} only in the matrix": tuple(name for name in ours if name not in theirs),
        f"{kind} only in the truth": tuple(name for name in theirs if name not in ours),
    }
    return tuple(name for name in theirs if name in ours), {side: names for side, names in sides.items() if names}


def names_by_side(left_out: Mapping[str, Sequence[str]]) -> str:
    """Return all names, by side, as a text.

    >>> names_by_side({"sources only in the truth": ("a", "b")})
    'sources only in the truth: a, b'
    """
    return "; ".join(f"{side}: {', '.join(names)}" for side, names in left_out.items())


def _check_enough(sources: Sequence[str], targets: Sequence[str]) -> None:
    if len(sources) < FEWEST:
        have = f"both have only {', '.join(sources)}" if sources else "both have none in common"
        raise DataError(
            f"a ranking needs {FEWEST} sources or more: {have}",
            hint=f"judge a measure by {FEWEST} sources or more",
        )
    if not targets:
        raise DataError("the matrix and the truth have no target in common", hint="their names must be the same")
