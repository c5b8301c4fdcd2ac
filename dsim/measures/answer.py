"""The answer for a target in one sentence: which source, how sure that is, and whether it resembles the target."""

from __future__ import annotations

from collections.abc import Sequence

from dsim.measures.resemblance import Likeness
from dsim.measures.verdict import Outcome, Verdict

#: Instead of pre-labelling where no source resembles the target, in the order of what helps most.
INSTEAD = (
    "annotate a few images of {target}, and train on them",
    "add sources that are nearer to it",
    "pre-train on {best} as a start, and fine-tune on {target}",
)


def answer(verdict: Verdict, sources: int) -> str:
    """Return the answer for one target, among so many ``sources``, as one sentence.

    >>> answer(Verdict("t", "a", "b", True, 0.1, 0.2, "a is nearest"), 3)
    'Take a for t: it is clearly the nearest of 3 sources.'
    """
    if verdict.best is None:
        return f"No source could be compared with {verdict.target}."
    if verdict.likeness is Likeness.NONE:
        return _none(verdict, sources)
    if verdict.source != verdict.best:
        return (
            f"Take {verdict.source} for {verdict.target}, if any: {verdict.best} is the nearest of {sources} sources"
            f" but does not resemble the target, and {verdict.source} may."
        )
    return f"{_advice(verdict, sources)}{_likeness(verdict)}."


def in_short(verdict: Verdict) -> str:
    """Return the verdict in a few words, for one line.

    >>> in_short(Verdict("t", "a", "b", True, 0.1, 0.2, "a is nearest"))
    'a is nearest'
    """
    return f"none resembles it, {verdict.best} is nearest" if verdict.likeness is Likeness.NONE else verdict.reason


def instead(verdict: Verdict) -> tuple[str, ...]:
    """Return what to do where no source resembles the target, in words; nothing where one may, or none was compared.

    >>> instead(Verdict("t", "a", "b", True, 0.1, 0.2, "a is nearest"))
    ()
    """
    if verdict.likeness is not Likeness.NONE:
        return ()
    return tuple(way.format(target=verdict.target, best=verdict.best) for way in INSTEAD)


def join_ways(ways: Sequence[str]) -> str:
    """Return things that one may do as one phrase.

    >>> join_ways(["annotate a few", "add sources"])
    'annotate a few; or add sources'
    """
    return "; or ".join(part for part in ("; ".join(ways[:-1]), *ways[-1:]) if part)


def _none(verdict: Verdict, sources: int) -> str:
    if sources == 1:
        return f"{verdict.best}, the only source, does not resemble {verdict.target}: {_WHY}."
    known = verdict.resemblance
    which, rest = (known.assessed, f" ({known.reason})") if known is not None and known.reason else (f"{sources} ", "")
    return f"None of these {which}sources resembles {verdict.target}{rest}: even {verdict.best}, the nearest, {_FAR}."


_FAR = "is farther from it than any two sets of one kind that dsim knows"
_WHY = f"it {_FAR}"


def _advice(verdict: Verdict, sources: int) -> str:
    take = f"Take {verdict.best} for {verdict.target}"
    match verdict.outcome:
        case Outcome.ONLY_SOURCE:
            among = f" of {sources} that could be compared" if sources > 1 else ""
            return f"{take}: it is the only source{among}"
        case Outcome.CLEAR:
            return f"{take}: it is clearly the nearest of {sources} sources"
        case Outcome.NOT_ASSESSED:
            return f"{take}: it is the nearest of {sources} sources, and how clearly was not assessed"
        case Outcome.TIED:
            return f"{take}, or a source that is as near: {verdict.reason.removeprefix('no clear winner: ')}"
        case _:
            second = f"and {verdict.second} cannot be told apart from it" if verdict.second else "but not clearly"
            return f"{take}: it is the nearest of {sources} sources, {second}"


def _likeness(verdict: Verdict) -> str:
    known = verdict.resemblance
    if verdict.likeness is Likeness.RESEMBLES:
        return ", and it resembles the target"
    if verdict.likeness is Likeness.UNCERTAIN:
        return "; whether it resembles the target is uncertain"
    return f"; whether it resembles the target is not known ({known.reason})" if known is not None else ""
