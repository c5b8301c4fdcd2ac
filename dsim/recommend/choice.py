"""The ranking of sources for one target, and whether it has a clear winner."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from dsim.files.documents import number
from dsim.measures import SimilarityMatrix


@dataclass(frozen=True)
class Candidate:
    """One source in the ranking for a target.

    Parameters
    ----------
    value : of the measure; NaN with the reason in ``note``. low, high : bounds of its interval, NaN without one.
    first_share : share of resamples in which it ranks first, NaN without any.
    votes : how many members of an ensemble put it first, and no other beside it; None for a single measure.
    """

    source: str
    value: float
    low: float
    high: float
    first_share: float
    votes: int | None
    note: str

    def to_dict(self) -> dict[str, Any]:
        """For JSON; NaN is null."""
        numbers = {name: number(getattr(self, name)) for name in ("value", "low", "high", "first_share")}
        return {"source": self.source, **numbers, "votes": self.votes, "note": self.note}


@dataclass(frozen=True)
class Choice:
    """The source for a target.

    Parameters
    ----------
    candidates : all sources, nearest first; those without a value last.
    best : the nearest source; of several that are equally near the first that was given; None where none has a value.
    clear : whether it can be told from the others: by the intervals of the measure, or because all members of an
        ensemble put it first; None where neither is known. ``reason`` says it in words.
    voters : how many members of an ensemble had a say; 0 for a single measure.
    """

    target: str
    candidates: tuple[Candidate, ...]
    best: str | None
    clear: bool | None
    reason: str
    voters: int


def choose(matrix: SimilarityMatrix, members: Sequence[SimilarityMatrix], target: str) -> Choice:
    """The choice for a target by the values of a measure, and, where it is an ensemble, those of its members."""
    ranking = matrix.ranking(target)
    verdict = ranking.verdict
    votes = [_vote(member, target) for member in members]
    candidates = tuple(
        Candidate(
            entry.source,
            entry.value,
            entry.low,
            entry.high,
            entry.first_share,
            votes.count(entry.source) if votes else None,
            entry.note,
        )
        for entry in ranking.entries
    )
    clear, reason = verdict.clear, verdict.reason
    if votes and verdict.best is not None and clear is None:
        clear, reason = _by_votes(verdict.best, votes, [candidate.source for candidate in candidates])
    return Choice(target, candidates, verdict.best, clear, reason, len(votes))


def _vote(member: SimilarityMatrix, target: str) -> str | None:
    """The source that a member puts first; None where it has none, or several."""
    verdict = member.verdicts[target]
    return None if verdict.clear is False else verdict.best


def _by_votes(best: str, votes: Sequence[str | None], order: Sequence[str]) -> tuple[bool, str]:
    """Whether all members put the best first, and what they say; ``order`` is that of the ranking.

    >>> _by_votes("a", ["a", "b", "a"], ["a", "b"])
    (False, 'no clear winner: of 3 members 2 put a first, 1 b')
    """
    if all(vote == best for vote in votes):
        return True, f"{best} is nearest: all {len(votes)} members put it first"
    counted = sorted(((votes.count(source), source) for source in order if source in votes), key=lambda pair: -pair[0])
    told = [
        f"{count} put {source} first" if not k else f"{count} {source}" for k, (count, source) in enumerate(counted)
    ]
    undecided = [f"{votes.count(None)} are undecided"] if None in votes else []
    return False, f"no clear winner: of {len(votes)} members {', '.join(told + undecided)}"
