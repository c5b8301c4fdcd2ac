"""The choice of a model for a target: all candidates with what is expected of them, and whether any fits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any

from dsim.errors import UsageError
from dsim.files.documents import number
from dsim.selection.candidates import CandidateModel, find_candidates
from dsim.selection.evidence import Evidence, gather_evidence
from dsim.selection.fit import Fit, judge_fit
from dsim.selection.posterior import Posterior
from dsim.selection.prior import Prior, shipped_prior
from dsim.selection.record import shipped_record
from dsim.selection.words import how_choices_fared

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.runtime import Runtime


@dataclass(frozen=True)
class Expected:
    """One candidate: the Dice expected of it on the rest, its 95 % interval, and the chance that it is the best."""

    model: CandidateModel
    dice: float
    low: float
    high: float
    best: float
    scored: float

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; NaN is null."""
        values = {name: number(getattr(self, name)) for name in ("dice", "low", "high", "best", "scored")}
        return {**self.model.to_dict(), **values}


@dataclass(frozen=True)
class Selection:
    """The candidates for a target, the one of the highest expected Dice first.

    Parameters
    ----------
    target : its name. ``candidates`` : in that order. ``fit`` : whether the first is of use, with ``reason`` in words.
    errors : how often such verdicts and choices were wrong on measured targets, as the record has it.
    evidence, posterior : behind it, in the order of the evidence. ``notes`` : what must be said.
    """

    target: str
    candidates: tuple[Expected, ...]
    fit: Fit
    reason: str
    evidence: Evidence
    posterior: Posterior
    errors: Mapping[str, Any] = field(default_factory=dict)
    notes: tuple[str, ...] = ()

    @property
    def first(self) -> Expected:
        """The candidate of the highest expected Dice."""
        return self.candidates[0]

    @property
    def annotated(self) -> int:
        """How many annotated images it rests on."""
        return len(self.evidence.annotated)

    @property
    def fared(self) -> tuple[str, ...]:
        """How such choices fared on measured targets, in sentences; empty where that was not measured."""
        return tuple(how_choices_fared(self.errors, self.annotated))

    @property
    def gain(self) -> float:
        """What knowing the best candidate would gain over the first, expected, in points of Dice."""
        return self.posterior.expected_gain()

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; NaN is null."""
        return {
            "target": self.target,
            "annotated": self.annotated,
            "rest": self.evidence.rest,
            "fit": str(self.fit),
            "reason": self.reason,
            "gain": number(self.gain),
            "candidates": [
                {**one.to_dict(), "signals": _signals(self.evidence, place)}
                for one, place in zip(self.candidates, self.posterior.order.tolist(), strict=True)
            ],
            "errors": dict(self.errors),
            "notes": list(self.notes),
        }


def _signals(evidence: Evidence, place: int) -> dict[str, float | None]:
    return {name: number(float(values[place])) for name, values in evidence.signals.items()}


def select(
    target: Dataset,
    sources: Sequence[Dataset] | None = None,
    runtime: Runtime | None = None,
    *,
    prior: Prior | None = None,
    seed: int = 0,
) -> Selection:
    """Return the models that may be applied to a target, with what is expected of them on its images without masks.

    Parameters
    ----------
    sources : datasets with models; None: the models of the zoo. The target is also compared with their images.
    prior : by default that of the shipped record.

    Raises UsageError where there is no candidate, and what ``gather_evidence`` raises.
    """
    from dsim.runtime import Runtime

    runtime = runtime or Runtime()
    candidates, left_out = find_candidates(target, sources)
    if not candidates:
        raise UsageError(
            f"there is no model to apply to {target.name}" + (f": {left_out[0]}" if left_out else ""),
            hint="give a source with a model: NAME=PATH[model=FILE], or train one: dsim transfer segmentation",
        )
    compared = _zoo_sources(runtime) if sources is None else sources
    evidence = gather_evidence(target, candidates, runtime, sources=compared, seed=seed)
    found = judge(target.name, evidence, prior or shipped_prior(), left_out, seed)
    return found if prior is not None else replace(found, errors=shipped_record().errors)


def _zoo_sources(runtime: Runtime) -> Sequence[Dataset]:
    """What the zoo's models were trained on, by features; none where the zoo has too few of them to compare."""
    from dsim.features import zoo_sources

    try:
        return zoo_sources(runtime)
    except UsageError:
        return ()


def judge(target: str, evidence: Evidence, prior: Prior, notes: Iterable[str] = (), seed: int = 0) -> Selection:
    """Return the selection that follows from evidence on c candidates and a prior; nothing is computed on images."""
    posterior = prior.update(evidence, seed)
    fit, reason = judge_fit(posterior, evidence.signals, prior.bounds, len(evidence.annotated))
    ranked = tuple(_expected(evidence, posterior, place) for place in posterior.order.tolist())
    return Selection(target, ranked, fit, reason, evidence, posterior, {}, (*notes, *evidence.notes))


def _expected(evidence: Evidence, posterior: Posterior, place: int) -> Expected:
    scores = evidence.scores[place]
    return Expected(
        evidence.candidates[place],
        float(posterior.expected[place]),
        float(posterior.low[place]),
        float(posterior.high[place]),
        float(posterior.best[place]),
        float(scores.mean()) if len(scores) else float("nan"),
    )
