"""The models that were tried on a target, as the answer shows them: expected Dice, interval, chance to be best."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dsim.files.documents import number, or_nan
from dsim.selection import Fit

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.selection import Evidence, Selection
    from dsim.selection.selection import Expected


@dataclass(frozen=True)
class TriedModel:
    """One segmentation model, and what is expected of it on the images of a target without a mask.

    Parameters
    ----------
    model : ``zoo:ID`` or a file. ``name`` : as the answer calls it. ``sources`` : names of what it was trained on.
    marks : what it marks, in the plural: ``nuclei``.
    held_out : its Dice, percent, on images of its own sources that it never saw; NaN where that is not known.
    expected, low, high : Dice in [0, 1] with the bounds of its 95 % interval.
    best : probability that it is the best of all that were tried, in [0, 1].
    scores : its Dice on each annotated image. ``signals`` : by name, what it does without labels; NaN where undefined.
    """

    model: str
    name: str
    sources: tuple[str, ...]
    marks: str
    held_out: float
    expected: float
    low: float
    high: float
    best: float
    scores: tuple[float, ...] = ()
    signals: Mapping[str, float] | None = None

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> TriedModel:
        """Return the model of a JSON object. Raises KeyError where a field is missing."""
        return cls(
            document["model"],
            document["name"],
            tuple(document["sources"]),
            document["marks"],
            or_nan(document["held_out"]),
            or_nan(document["expected"]),
            or_nan(document["low"]),
            or_nan(document["high"]),
            or_nan(document["best"]),
            scores=tuple(map(or_nan, document["scores"])),
            signals={name: or_nan(value) for name, value in document["signals"].items()},
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; NaN is null."""
        numbers = ("held_out", "expected", "low", "high", "best")
        return {
            **asdict(self),
            **{name: number(getattr(self, name)) for name in numbers},
            "sources": list(self.sources),
            "scores": [number(score) for score in self.scores],
            "signals": {name: number(value) for name, value in (self.signals or {}).items()},
        }


@dataclass(frozen=True)
class Tried:
    """All models that were tried on a target, the best first, and what is known of the choice.

    Parameters
    ----------
    target : its name. ``models`` : at least one.
    annotated : ids of the annotated images that the models were scored on. ``rest`` : images without a mask.
    fit : whether the best is of use at all; ``reason`` says why.
    reliability : how such choices fared where the Dice is known, in sentences; empty where that was not measured.
    notes : what else must be said: models that were left out, and why.
    """

    target: str
    models: tuple[TriedModel, ...]
    annotated: tuple[str, ...]
    rest: int
    fit: Fit
    reason: str
    reliability: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @classmethod
    def of(cls, selection: Selection, target: Dataset) -> Tried:
        """Return what a selection found for a target."""
        places = selection.posterior.order.tolist()
        return cls(
            target=selection.target,
            models=tuple(
                _tried(found, selection.evidence, place)
                for found, place in zip(selection.candidates, places, strict=True)
            ),
            annotated=tuple(target.ids[index] for index in selection.evidence.annotated),
            rest=selection.evidence.rest,
            fit=selection.fit,
            reason=selection.reason,
            notes=selection.notes,
            reliability=selection.fared,
        )

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Tried:
        """Return the object of a JSON document. Raises KeyError where a field is missing."""
        return cls(
            target=document["target"],
            models=tuple(map(TriedModel.from_dict, document["models"])),
            annotated=tuple(document["annotated"]),
            rest=document["rest"],
            fit=Fit(document["fit"]),
            reason=document["reason"],
            reliability=tuple(document["reliability"]),
            notes=tuple(document["notes"]),
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object, as ``selection`` in ``dsim.recommend/1``."""
        return {
            "target": self.target,
            "models": [model.to_dict() for model in self.models],
            "annotated": list(self.annotated),
            "rest": self.rest,
            "fit": str(self.fit),
            "reason": self.reason,
            "reliability": list(self.reliability),
            "notes": list(self.notes),
        }

    @property
    def chosen(self) -> TriedModel:
        """The model with the highest expected Dice."""
        return self.models[0]

    @property
    def useful(self) -> bool:
        """Whether the chosen model may be of use: unless nothing fits."""
        return self.fit is not Fit.NONE


def _tried(found: Expected, evidence: Evidence, place: int) -> TriedModel:
    """One candidate, which stands at a place in the evidence."""
    model = found.model
    return TriedModel(
        model.reference,
        model.name,
        model.sources,
        model.marks,
        model.held_out,
        found.dice,
        found.low,
        found.high,
        found.best,
        tuple(evidence.scores[place].tolist()),
        {name: float(values[place]) for name, values in evidence.signals.items()},
    )
