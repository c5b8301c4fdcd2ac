"""The procedure that chooses a source: one rule for recommendations and for the measurement of their reliability."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import TYPE_CHECKING, Any

from dsim.comparison import compare
from dsim.errors import DataError, UsageError, repeated
from dsim.files.documents import digest, number, plain
from dsim.measures import build_measure, decide_by_votes, vote_of
from dsim.runtime import Runtime

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.measures import SimilarityMatrix


#: Its members see features in four ways. They were chosen by ladders of phantoms, before any transfer was measured, so
#: that measured transfer judges it honestly.
DEFAULT = "ensemble"
#: Of ``choose`` and of what is compared here. Raised when either changes: what was measured of the old rule says
#: nothing of the new one.
RULE = 1


@dataclass(frozen=True)
class Procedure:
    """The measure that ranks the sources, and everything else that a choice depends on besides the images.

    Parameters
    ----------
    call : the measure with its parameters, as ``build_measure`` takes it.
    members : calls of the measures that it combines; empty for a measure that combines none.
    depends : the rule, the measures with versions and parameters, the extractors with the sha256 of their weights.
    """

    call: str
    members: tuple[str, ...] = ()
    depends: Mapping[str, Any] = field(default_factory=dict)

    @classmethod
    def of(cls, call: str, runtime: Runtime) -> Procedure:
        """Return the procedure of a measure; raises UsageError for a wrong call, WeightsError without its weights.

        >>> Procedure.of("cc:size=32", Runtime()).depends["measure"]
        'cc@1:size=32'
        """
        from dsim.features import recipe

        measure = build_measure(call)
        depends = {
            "rule": RULE,
            "measure": measure.identity,
            # All of them: a default that changes changes the choice.
            "parameters": plain(measure.params),
            "members": [member.identity for member in measure.members],
            "extractors": [recipe(reference, runtime).key() for reference in measure.extractors()],
        }
        return cls(repr(measure), tuple(repr(member) for member in measure.members), depends)

    @property
    def key(self) -> str:
        """sha256 of all that a choice depends on: two procedures with one key choose alike."""
        return digest(self.depends)


@dataclass(frozen=True)
class Outcome:
    """Choices for targets, one each in their order, and the values behind them.

    A matrix holds the targets that were chosen for among the same sources: those that are none of these targets. Values
    are float64 (sources, targets).
    """

    matrices: tuple[SimilarityMatrix, ...]
    choices: tuple[Choice, ...]


def carry_out(
    procedure: Procedure,
    sources: Sequence[Dataset],
    targets: Sequence[Dataset],
    *,
    bootstrap: int | None = None,
    seed: int = 0,
    jobs: int = 1,
    runtime: Runtime,
) -> Outcome:
    """Return the choice of a source for each target, which is taken from the pool before anything is fitted to it.

    Parameters
    ----------
    bootstrap : replicates for intervals; None for as many as the measure proposes, 0 for none. Members of an ensemble
        have none: they vote.

    Raises UsageError where fewer than two sources are left for a target, and what ``compare`` raises.
    """
    run = partial(compare, seed=seed, jobs=jobs, floor=False, runtime=runtime)
    replicates = _replicates(procedure) if bootstrap is None else bootstrap
    matrices: list[SimilarityMatrix] = []
    choices: dict[str, Choice] = {}
    for pool, wanted in _pools(sources, targets):
        matrix = run(pool, wanted, measure=procedure.call, bootstrap=replicates)
        members = [run(pool, wanted, measure=member, bootstrap=0) for member in procedure.members]
        matrices.append(matrix)
        choices |= {target.name: choose(matrix, members, target.name) for target in wanted}
    return Outcome(tuple(matrices), tuple(choices[target.name] for target in targets))


def fingerprint(dataset: Dataset) -> str:
    """Return the fingerprint of the images, or of the features where a dataset has no images."""
    return dataset.features_fingerprint if dataset.backing is None else dataset.images_fingerprint


def _pools(sources: Sequence[Dataset], targets: Sequence[Dataset]) -> list[tuple[list[Dataset], list[Dataset]]]:
    """The targets by what is left of the sources without them."""
    _refuse_equal_names(sources)
    known = {source.name: fingerprint(source) for source in sources}
    found: dict[tuple[str, ...], list[Dataset]] = {}
    for target in targets:
        own = fingerprint(target)
        left = tuple(name for name in known if known[name] != own)
        if len(left) < 2:
            raise _too_few(target, left, len(sources))
        if target.name in left:
            raise DataError(
                f"a source and the target are both named {target.name!r}, and their images differ",
                hint="rename one: NAME=PATH",
            )
        found.setdefault(left, []).append(target)
    return [([source for source in sources if source.name in left], wanted) for left, wanted in found.items()]


def _refuse_equal_names(sources: Sequence[Dataset]) -> None:
    names = [source.name for source in sources]
    if twice := sorted(repeated(names)):
        raise UsageError(f"two sources are named {twice[0]!r}", hint="rename one: NAME=PATH")


def _too_few(target: Dataset, left: Sequence[str], given: int) -> UsageError:
    without = f" besides {target.name!r} itself" if given > len(left) else ""
    what = f"{left[0]!r} is the only source" if left else "no source is left"
    return UsageError(f"{what}{without}: there is nothing to choose", hint="give more datasets: --sources PATH...")


def _replicates(procedure: Procedure) -> int:
    spec = build_measure(procedure.call).spec
    return spec.replicates if spec.resamples else 0


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
        """Return the JSON object; NaN is null."""
        numbers = {name: number(getattr(self, name)) for name in ("value", "low", "high", "first_share")}
        return {"source": self.source, **numbers, "votes": self.votes, "note": self.note}


@dataclass(frozen=True)
class Choice:
    """The source for a target.

    Parameters
    ----------
    candidates : all sources, nearest first; those without a value last.
    best : the nearest source; of several that are equally near the first that was given; None where none has a value.
    clear : whether it is clearly nearer than the others: by the intervals of the measure, or because all members of an
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
    """Return the choice for a target by the values of a measure and, of an ensemble, the votes of its members.

    Raises DataError where the matrix has no such target. Values of each matrix are float64 (sources, targets).
    """
    ranking = matrix.ranking(target)
    votes = [vote_of(member.verdicts[target]) for member in members]
    verdict = decide_by_votes(ranking.verdict, votes, [entry.source for entry in ranking.entries])
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
    return Choice(target, candidates, verdict.best, verdict.clear, verdict.reason, len(votes))
