"""Verdicts: which source is nearest to a target, and is it clearly nearer than the others?

Pure functions of distances, bootstrap replicates, noise floors and votes. Every verdict of a comparison, of a file of
distances, of an ensemble and of a page is decided here.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TYPE_CHECKING

from dsim.measures.resemblance import Likeness, Resemblance

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

#: Of every interval.
CONFIDENCE = 0.95
#: The reason that a tie has in front of the names.
_NO_WINNER = "no clear winner"


class Outcome(StrEnum):
    """The kinds of verdicts on a ranking of sources."""

    NO_SOURCE = "no source"
    ONLY_SOURCE = "only source"
    TIED = "tied"
    NOT_ASSESSED = "not assessed"
    OPEN = "open"
    CLEAR = "clear"


@dataclass(frozen=True)
class Verdict:
    """Whether the best source of a target is clearly nearer than the second.

    ``clear`` is None where it was not assessed; ``low`` and ``high`` bound how much farther the second lies, in the
    measure's unit; the interval holds 0 without a clear winner. ``reason`` says it in words. ``within_floor``
    is whether the best is no farther from the target than two halves of it are from each other; None if not known.
    ``resemblance`` is whether it resembles the target at all; None where that was not asked.
    """

    target: str
    best: str | None
    second: str | None
    clear: bool | None
    low: float
    high: float
    reason: str
    within_floor: bool | None = None
    resemblance: Resemblance | None = None

    @property
    def likeness(self) -> Likeness:
        """Whether the best resembles the target; not assessed where that was not asked.

        >>> str(Verdict("t", "a", "b", True, 0.1, 0.2, "a is nearest").likeness)
        'not assessed'
        """
        return Likeness.NOT_ASSESSED if self.resemblance is None else self.resemblance.likeness

    @property
    def source(self) -> str | None:
        """The source to take, if any: the best, unless that does not resemble the target and another may."""
        known = self.resemblance
        return known.instead if known is not None and known.instead else self.best

    @property
    def outcome(self) -> Outcome:
        """The kind of the verdict.

        >>> Verdict("t", "a", "b", False, 0.0, 0.0, "a, b are equally near").outcome
        <Outcome.TIED: 'tied'>
        """
        if self.best is None:
            return Outcome.NO_SOURCE
        if self.second is None:
            return Outcome.ONLY_SOURCE
        if self.clear is None:
            return Outcome.NOT_ASSESSED
        if self.clear:
            return Outcome.CLEAR
        return Outcome.TIED if self.low == self.high == 0 else Outcome.OPEN


def decide(
    target: str,
    distances: Mapping[str, float],
    replicates: Mapping[str, NDArray[np.float64]] | None = None,
    *,
    not_assessed: str = "there are no intervals",
) -> Verdict:
    """Return the verdict on the sources of one target.

    Parameters
    ----------
    distances : by source, small is near; NaN for a source without a value.
    replicates : float64 (B,) by source with a value, the distances of the bootstrap's draws; None without a bootstrap.
    not_assessed : why replicates are missing.

    >>> decide("t", {"a": 1.0, "b": 3.0, "c": float("nan")}).reason
    'a is nearest; not assessed: there are no intervals'
    >>> decide("t", {"a": 2.0, "b": 2.0}).reason
    'no clear winner: a, b are equally near'
    """
    nan = math.nan
    order = sorted((name for name in distances if not math.isnan(distances[name])), key=distances.__getitem__)
    if not order:
        return Verdict(target, None, None, None, nan, nan, "no source could be compared")
    best = order[0]
    if len(order) == 1:
        among = " with a value" if len(distances) > 1 else ""
        return Verdict(target, best, None, None, nan, nan, f"{best} is the only source{among}")
    second, tied = order[1], tied_sources(distances)
    if len(tied) > 1:
        return Verdict(target, best, second, False, 0.0, 0.0, f"{_NO_WINNER}: {_listed(tied)} are equally near")
    if replicates is None:
        return Verdict(target, best, second, None, nan, nan, f"{best} is nearest; not assessed: {not_assessed}")
    low, high = percentile_interval(replicates[second] - replicates[best])
    if math.isnan(low):
        reason = f"{best} is nearest; not assessed: a replicate is undefined"
        return Verdict(target, best, second, None, nan, nan, reason)
    if low > 0:
        return Verdict(target, best, second, True, low, high, f"{best} is nearest")
    reason = f"{_NO_WINNER}: {best} and {second} cannot be told apart"
    return Verdict(target, best, second, False, low, high, reason)


def tied_sources(distances: Mapping[str, float]) -> tuple[str, ...]:
    """Return the sources at the least distance but for rounding, nearest first; none where no source has a value.

    >>> tied_sources({"a": 0.3, "b": 0.1 + 0.2, "c": 1.0})
    ('a', 'b')
    """
    import numpy as np

    order = sorted((name for name in distances if not math.isnan(distances[name])), key=distances.__getitem__)
    if not order:
        return ()
    near = np.isclose([distances[name] for name in order], distances[order[0]], rtol=1e-9, atol=0)
    return tuple(order[: int(near.sum())])


def percentile_interval(replicates: NDArray[np.float64]) -> tuple[float, float]:
    """Return the percentile interval of replicates (B,) at CONFIDENCE; NaN where a replicate is undefined.

    Efron and Tibshirani 1993, An Introduction to the Bootstrap, doi:10.1201/9780429246593, chapter 13.

    >>> import numpy as np
    >>> [round(bound, 3) for bound in percentile_interval(np.arange(101.0))]
    [2.5, 97.5]
    """
    import numpy as np

    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(replicates, [tail, 100 - tail])
    return float(low), float(high)


def first_shares(replicates: Mapping[str, NDArray[np.float64]]) -> dict[str, float]:
    """Return the share of resamples in which each source ranks first; ties are shared.

    ``replicates`` holds distances (B,) by source; where one is undefined, all shares are NaN.

    >>> import numpy as np
    >>> first_shares({"a": np.array([1.0, 2.0]), "b": np.array([1.0, 1.0])})
    {'a': 0.25, 'b': 0.75}
    """
    import numpy as np

    if not replicates:
        return {}
    stacked = np.stack(list(replicates.values()))
    if np.isnan(stacked).any():
        return dict.fromkeys(replicates, math.nan)
    first = stacked == stacked.min(axis=0)
    shares = (first / first.sum(axis=0)).mean(axis=1)
    return {name: float(share) for name, share in zip(replicates, shares, strict=True)}


def with_floor(verdict: Verdict, distance: float, floor: float) -> Verdict:
    """Return the verdict with ``within_floor``: whether the best, at this distance, is within the target's noise floor.

    ``distance`` and ``floor`` are small where near. It is unchanged where no source was compared, or the floor is NaN.
    """
    if verdict.best is None or math.isnan(floor):
        return verdict
    within = distance <= floor
    reason = f"{verdict.reason}; no farther than two halves of the target" if within else verdict.reason
    return replace(verdict, within_floor=within, reason=reason)


def with_likeness(verdict: Verdict, known: Mapping[str, Resemblance]) -> Verdict:
    """Return the verdict with the resemblance of the best, by what is known of the sources.

    Where the best does not resemble the target and another source may, it is uncertain, and names that source. Where
    none does, the reason says so: it is what pictures and short forms show. Sources that could not be assessed stand
    in the reason of the resemblance: of them nobody knows.
    """
    found = known.get(verdict.best or "")
    if found is None:
        return verdict
    better = [name for name, one in known.items() if one.likeness in (Likeness.RESEMBLES, Likeness.UNCERTAIN)]
    if found.likeness is Likeness.NONE and better:
        nearest = min(better, key=lambda name: known[name].distance)
        found = replace(found, likeness=Likeness.UNCERTAIN, instead=nearest)
    if found.likeness is not Likeness.NONE:
        return replace(verdict, resemblance=found)
    open_ones = [name for name, one in known.items() if one.likeness is Likeness.NOT_ASSESSED]
    found = replace(found, reason=f"not assessed: {', '.join(open_ones)}" if open_ones else "")
    unlike = f"none of the {found.assessed}sources resembles the target"
    return replace(verdict, resemblance=found, reason=f"{verdict.reason}; {unlike}")


def vote_of(verdict: Verdict) -> str | None:
    """Return the source that a member of an ensemble puts first; None where it has none, or no clear winner."""
    return None if verdict.clear is False else verdict.best


def decide_by_votes(verdict: Verdict, votes: Sequence[str | None], order: Sequence[str]) -> Verdict:
    """Return the verdict of an ensemble: where its own values leave it open, it is clear if all members agree.

    Parameters
    ----------
    verdict : of the ensemble's values. ``votes`` : ``vote_of`` each member; none for a single measure.
    order : the sources in the order of the ranking.

    >>> verdict = decide("t", {"a": 1.0, "b": 3.0})
    >>> decide_by_votes(verdict, ["a", "b", "a"], ["a", "b"]).reason
    'no clear winner: of 3 members 2 put a first, 1 b'
    """
    if not votes or verdict.best is None or verdict.clear is not None:
        return verdict
    if all(vote == verdict.best for vote in votes):
        return replace(verdict, clear=True, reason=f"{verdict.best} is nearest: all {len(votes)} members put it first")
    counted = sorted(((votes.count(source), source) for source in order if source in votes), key=lambda pair: -pair[0])
    words = [
        f"{count} put {source} first" if not k else f"{count} {source}" for k, (count, source) in enumerate(counted)
    ]
    undecided = [f"{votes.count(None)} are undecided"] if None in votes else []
    reason = f"{_NO_WINNER}: of {len(votes)} members {', '.join(words + undecided)}"
    return replace(verdict, clear=False, reason=reason)


@dataclass(frozen=True)
class Poll:
    """The votes of several measures for the nearest source of one target.

    Parameters
    ----------
    votes : by source, the most first; sources that no measure ranks first are left out.
    voters : how many measures there are, with those that name no source, or several.
    """

    votes: Mapping[str, int]
    voters: int

    @property
    def leaders(self) -> tuple[str, ...]:
        """The sources with the most votes."""
        most = max(self.votes.values(), default=0)
        return tuple(source for source, count in self.votes.items() if count == most)

    @property
    def most(self) -> int:
        """The votes of each leader."""
        return max(self.votes.values(), default=0)

    @property
    def unanimous(self) -> bool:
        """Whether every measure votes for one and the same source."""
        return self.most == self.voters > 0

    @property
    def decided(self) -> bool:
        """Whether one source has the votes of more than half of the measures."""
        return len(self.leaders) == 1 and self.most > self.voters / 2


def count_votes(votes: Sequence[str | None]) -> Poll:
    """Return the poll of measures' votes; None is a measure without a vote.

    >>> count_votes(["a", "b", "a", None]).leaders
    ('a',)
    """
    counted = Counter(vote for vote in votes if vote is not None)
    return Poll(dict(sorted(counted.items(), key=lambda item: (-item[1], item[0]))), len(votes))


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:3]) + (f" and {len(names) - 3} more" if len(names) > 3 else "")
