"""The agreement of several measures: the same nearest source, and rankings alike."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import UsageError, repeated
from dsim.files.documents import nullable, number, to_json
from dsim.measures import Poll, SimilarityMatrix, count_votes

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


SCHEMA = "dsim.agreement/1"


@dataclass(frozen=True)
class Agreement:
    """Several measures of the same datasets, values (sources, targets), beside each other.

    Parameters
    ----------
    matrices : one per measure, of the same sources and targets.
    seconds : wall time that each measure took, by the measure's identity; those that are not known are left out.
    failed : measures that gave no matrix, or were left out, with the reasons.

    Rankings are compared by distance, whatever the direction of a measure, over the sources that both measures rank.
    """

    matrices: tuple[SimilarityMatrix, ...]
    seconds: Mapping[str, float]
    failed: Mapping[str, str]

    @property
    def measures(self) -> tuple[str, ...]:
        """Identities of the measures."""
        return tuple(matrix.measure for matrix in self.matrices)

    @property
    def targets(self) -> tuple[str, ...]:
        """Names of the targets."""
        return self.matrices[0].targets

    def nearest(self, target: str) -> dict[str, str | None]:
        """Return the source that each measure ranks first; None where it ranks none, or several alike.

        Raises DataError where the matrices have no such target.
        """
        return {
            matrix.measure: None if len(matrix.nearest(target)) > 1 else matrix.verdicts[target].best
            for matrix in self.matrices
        }

    def poll(self, target: str) -> Poll:
        """Return the votes of the measures for the nearest source, and whether they decide for one.

        Raises DataError as ``nearest`` does.
        """
        return count_votes(list(self.nearest(target).values()))

    def votes(self, target: str) -> dict[str, int]:
        """Return how many measures rank each source first, the most first, without sources that none does.

        Raises DataError as ``nearest`` does.
        """
        return dict(self.poll(target).votes)

    def unanimous(self, target: str) -> str | None:
        """Return the source that every measure ranks first; None where there is none.

        Raises DataError as ``nearest`` does.
        """
        poll = self.poll(target)
        return poll.leaders[0] if poll.unanimous else None

    def sentence(self, target: str) -> str:
        """Return the vote in one sentence: how many measures put which source first.

        Raises DataError as ``nearest`` does.
        """
        return _vote_in_words(self.poll(target))

    def orders(self, target: str) -> tuple[int, int]:
        """Return how many pairs of sources all measures put in the same order, and how many pairs there are.

        Raises ValueError for another target.
        """
        known = [signs for _, signs in self._signs(target) if not any(math.isnan(sign) for sign in signs)]
        return len(self.agreed(target)), len(known)

    def agreed(self, target: str) -> list[tuple[str, str]]:
        """Return the pairs of sources, the nearer first, that every measure puts in this order.

        Raises ValueError for another target.
        """
        alike = [(pair, signs) for pair, signs in self._signs(target) if signs in ({1.0}, {-1.0})]
        return [(one, other) if signs == {-1.0} else (other, one) for (one, other), signs in alike]

    def _signs(self, target: str) -> list[tuple[tuple[str, str], set[float]]]:
        """Of each pair of sources, the signs of the difference of their distances that occur among measures.

        Where a measure has no value for a source, as where that is the target itself, NaN is among them.
        """
        sources = self.matrices[0].sources
        columns = self._columns(target)
        return [
            ((sources[i], sources[j]), {_sign(float(column[i] - column[j])) for column in columns})
            for i, j in itertools.combinations(range(len(sources)), 2)
        ]

    @cached_property
    def kendall(self) -> NDArray[np.float64]:
        """Kendall's tau-b of the rankings of each two measures, mean over targets, float64 (measures, measures)."""
        return self._correlations("kendalltau").mean_over_targets

    @cached_property
    def spearman(self) -> NDArray[np.float64]:
        """Spearman's rho of the rankings of each two measures, mean over targets, float64 (measures, measures)."""
        return self._correlations("spearmanr").mean_over_targets

    def kendall_for(self, target: str) -> float:
        """Return the mean tau-b in [-1, 1] of all pairs of measures for one target; NaN without such pairs.

        Raises ValueError for another target.
        """
        return self._correlations("kendalltau").mean_of(self.targets.index(target))

    def _correlations(self, name: str) -> _Correlations:
        if name not in self._known:
            self._known[name] = _correlations(name, [self._columns(target) for target in self.targets])
        return self._known[name]

    @cached_property
    def _known(self) -> dict[str, _Correlations]:
        return {}

    def _columns(self, target: str) -> list[NDArray[np.float64]]:
        """Distances of all sources to a target, by measure; NaN where a pair failed or is one dataset."""
        import numpy as np

        column = self.targets.index(target)
        return [
            np.where(matrix.same[:, column], np.nan, matrix.direction.sign * matrix.values[:, column])
            for matrix in self.matrices
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON document of schema ``dsim.agreement/1``; NaN is null.

        Correlations are rows (measures, measures).
        """
        return {
            "schema": SCHEMA,
            "measures": [
                {"measure": m.measure, "seconds": self.seconds.get(m.measure), "failed_cells": len(m.failed)}
                for m in self.matrices
            ],
            "targets": [self._target(target) for target in self.targets],
            "kendall": nullable(self.kendall),
            "spearman": nullable(self.spearman),
            "failed": [{"measure": measure, "reason": reason} for measure, reason in self.failed.items()],
        }

    def _target(self, target: str) -> dict[str, Any]:
        alike, pairs = self.orders(target)
        tau = self.kendall_for(target)
        return {
            "target": target,
            "unanimous": self.unanimous(target),
            "votes": self.votes(target),
            "nearest": self.nearest(target),
            "kendall": number(tau),
            "orders_alike": alike,
            "orders": pairs,
            "agreed": [list(pair) for pair in self.agreed(target)],
        }

    def to_json(self, path: Path) -> None:
        """Write the document, atomically; raises DsimError where the disk refuses."""
        to_json(self.to_dict(), path)


#: Sources that a vote names beside the first.
_NAMED = 2


def _vote_in_words(poll: Poll) -> str:
    """Return the vote as a sentence.

    >>> _vote_in_words(count_votes(["a", "b", "a"])), _vote_in_words(count_votes(["a", "a"]))
    ('2 of 3 measures put a first; b has 1', 'both measures put a first')
    >>> _vote_in_words(count_votes(["a", "b", None]))
    'the measures do not agree: a and b are put first by 1 of 3 each'
    >>> _vote_in_words(count_votes(["a", "a", "a", "a", "b", "c", "d"]))
    '4 of 7 measures put a first; b has 1; c has 1; 1 more source has votes'
    """
    leaders, voters = poll.leaders, poll.voters
    if not poll.most:
        return f"none of {voters} measures puts one source first"
    if poll.unanimous:
        return f"{'both' if voters == 2 else f'all {voters}'} measures put {leaders[0]} first"
    if len(leaders) > 1:
        named = ", ".join(leaders[:-1]) if len(leaders) <= _NAMED + 1 else ", ".join(leaders[:_NAMED])
        last = leaders[-1] if len(leaders) <= _NAMED + 1 else f"{len(leaders) - _NAMED} more"
        return f"the measures do not agree: {named} and {last} are put first by {poll.most} of {voters} each"
    others = [f"{source} has {count}" for source, count in poll.votes.items() if source != leaders[0]]
    rest = len(others) - _NAMED
    more = [f"{rest} more {'source has' if rest == 1 else 'sources have'} votes"] if rest > 0 else []
    sentence = f"{poll.most} of {voters} measures put {leaders[0]} first"
    return "; ".join([sentence if poll.decided else f"no majority: {sentence}", *others[:_NAMED], *more])


def compare_rankings(
    matrices: Sequence[SimilarityMatrix],
    *,
    seconds: Mapping[str, float] | None = None,
    failed: Mapping[str, str] | None = None,
) -> Agreement:
    """Return the agreement of several measures.

    Raises UsageError for fewer than two matrices, one measure twice, or matrices of different datasets.

    >>> from dsim.comparison import compare
    >>> from dsim.data.phantoms import open_phantom
    >>> pool = [open_phantom(name, count=4, size=32) for name in ("xray", "relief", "fundus")]
    >>> found = compare_rankings([compare(pool, measure=name) for name in ("cc:size=32", "frc:size=32")])
    >>> found.measures
    ('cc@1:size=32', 'frc@1:size=32')
    """
    if len(matrices) < 2:
        raise UsageError("one measure agrees with nobody", hint="compare with two measures at least")
    shapes = {(matrix.sources, matrix.targets) for matrix in matrices}
    if len(shapes) > 1:
        raise UsageError("the matrices are not of the same sources and targets", hint="compare the same datasets")
    names = [matrix.measure for matrix in matrices]
    if twice := sorted(repeated(names)):
        raise UsageError(f"{', '.join(twice)}: given more than once", hint="give each measure once")
    return Agreement(tuple(matrices), dict(seconds or {}), dict(failed or {}))


@dataclass(frozen=True)
class _Correlations:
    """Rank correlations of each two measures for each target, (targets, measures, measures); NaN where undefined."""

    values: NDArray[np.float64]

    @property
    def mean_over_targets(self) -> NDArray[np.float64]:
        from dsim.stats.ranking import mean_known

        return mean_known(self.values, axis=0)

    def mean_of(self, target: int) -> float:
        import numpy as np

        from dsim.stats.ranking import mean_known

        above = np.triu_indices(self.values.shape[1], k=1)
        return float(mean_known(self.values[target][above], axis=0))


def _correlations(name: str, columns: Sequence[Sequence[NDArray[np.float64]]]) -> _Correlations:
    import numpy as np
    from scipy import stats

    correlate, count = getattr(stats, name), len(columns[0])
    values = np.full((len(columns), count, count), np.nan)
    for layer, of_target in zip(values, columns, strict=True):
        for i, j in itertools.combinations_with_replacement(range(count), 2):
            known = ~np.isnan(of_target[i]) & ~np.isnan(of_target[j])
            one, other = of_target[i][known], of_target[j][known]
            # Constant rankings have no correlation, and one source no ranking.
            if known.sum() >= 2 and np.ptp(one) > 0 and np.ptp(other) > 0:
                layer[i, j] = layer[j, i] = correlate(one, other).statistic
    return _Correlations(values)


def _sign(difference: float) -> float:
    return math.nan if math.isnan(difference) else float((difference > 0) - (difference < 0))
