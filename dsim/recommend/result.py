"""The recommendation for a target: source, model, command, and reasons."""

from __future__ import annotations

import shlex
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.files.documents import number, or_nan, to_json
from dsim.measures import SimilarityMatrix, Verdict, answer, instead
from dsim.recommend.reliability import Reliability, said
from dsim.recommend.tried_words import answer_by_models, said_of_models, with_interval
from dsim.recommend.words import UNMEASURED, in_words
from dsim.registry import load
from dsim.runtime import VERSION
from dsim.zoo import FOREGROUND

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from dsim.data import Dataset
    from dsim.recommend.procedure import Choice
    from dsim.recommend.tried import Tried
    from dsim.selection import Selection
    from dsim.zoo import Model


@dataclass(frozen=True)
class Trained:
    """A zoo model that was trained on a source.

    Parameters
    ----------
    segments : whether ``dsim prelabel`` can apply it. ``datasets`` : how many it was trained on.
    held_out : its Dice, percent, on images of the source that it never saw; NaN where that is not known.
    marks : what it marks, in the plural: ``nuclei``. ``learnt`` : False where its held-out Dice is so low that it has
        not learnt its own source. ``replaced_by`` : id of a newer model; None where there is none.
    trained_on_target : that it was trained on the target too, in a sentence; None where it was not.
    """

    id: str
    title: str
    segments: bool
    datasets: int
    held_out: float
    trained_on_target: str | None
    marks: str = FOREGROUND
    learnt: bool = True
    replaced_by: str | None = None

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; NaN is null."""
        return {**asdict(self), "held_out": number(self.held_out)}


def models_of(source: Dataset, target: Dataset) -> tuple[Trained, ...]:
    """Return the zoo models trained on the images of a source, under whatever name.

    First those that can be recommended: that segment, have learnt their source and are not replaced by a newer one;
    then those of fewer datasets, and those that do better on held-out images.
    """
    from dsim.zoo import models, trained_on

    if source.backing is None:
        return ()
    return tuple(sorted((_trained(model, target) for model in models() if trained_on(model, source)), key=_order))


def trained_as(reference: str, target: Dataset) -> tuple[Trained, ...]:
    """Return the zoo model of a reference ``zoo:ID``; none for a file.

    Raises UnknownNameError for an unknown id.
    """
    from dsim.zoo import find

    id = reference.removeprefix("zoo:")
    return () if id == reference else (_trained(find(id), target),)


def _trained(model: Model, target: Dataset) -> Trained:
    from dsim.zoo import trained_on

    return Trained(
        model.id,
        model.title,
        model.segments,
        len(model.pool),
        or_nan(model.manifest["training"].get("dice_held_out")),
        None if target.backing is None else trained_on(model, target),
        model.marks,
        model.learnt,
        model.replaced_by,
    )


def _order(model: Trained) -> tuple[bool, bool, bool, int, float, str]:
    known = model.held_out if model.held_out >= 0 else -1.0
    replaced = model.replaced_by is not None
    return not model.segments, not model.learnt, replaced, model.datasets, -known, model.id


def command(source: Dataset, target: Dataset, model: Trained | None) -> str | None:
    """Return the next command: apply the model, or train one where there is none and the source has masks; or None."""
    if model is not None:
        out = shlex.quote(f"prelabels-{target.name}")
        return f"dsim prelabel {shlex.quote(target.reference)} --model zoo:{model.id} --out {out}"
    if source.masked:
        return f"dsim transfer segmentation --sources {shlex.quote(source.reference)} --out trained/truth.json"
    return None


def segmenting(models: Sequence[Trained]) -> Trained | None:
    """Return the model to apply; None where none of them segments and has learnt its source."""
    return next((model for model in models if model.segments and model.learnt), None)


SCHEMA = "dsim.recommend/1"


@dataclass(frozen=True)
class Recommendation:
    """The source to take for a target.

    Parameters
    ----------
    target : name, location, number of images, fingerprint.
    procedure : key of how the source was chosen. ``choice`` : the ranking, and whether it has a clear winner.
    matrix : the values, with all that they depend on.
    excluded : sources that are the target itself.
    models : zoo models that were trained on the source, the one to apply first; ``command`` : what to type next.
    also : commands that may serve instead, with the words in front of them: ``Or, surer``.
    tried : the models that were tried on the target, and what is expected of them; None where none could be tried. The
        answer is then by them, and the ranking by similarity part of the evidence. ``selection`` : what that rests on.
    ways : what to do instead where no model fits, in words.
    nearest : images of the target with the nearest of the source, as JSON has them.
    reliability : records of such choices on truths; empty where it has not been measured.
    notes : what must be said. ``files`` : that were written.
    """

    target: Mapping[str, Any]
    procedure: str
    choice: Choice
    matrix: SimilarityMatrix
    excluded: tuple[str, ...] = ()
    models: tuple[Trained, ...] = ()
    command: str | None = None
    nearest: tuple[Mapping[str, Any], ...] = ()
    reliability: tuple[Reliability, ...] = ()
    notes: tuple[str, ...] = ()
    files: tuple[str, ...] = ()
    tried: Tried | None = None
    also: tuple[tuple[str, str], ...] = ()
    ways: tuple[str, ...] = ()
    selection: Selection | None = field(default=None, repr=False, compare=False)

    @property
    def best(self) -> str | None:
        """Name of the source, or of the model of several, to take; None where none could be compared.

        Where models were tried it is that of the best; otherwise of the nearest source, and ``verdict`` says whether to
        take it.
        """
        return self.choice.best if self.tried is None else self.tried.chosen.name

    @property
    def verdict(self) -> Verdict:
        """Whether the nearest source is clearly that, and whether it resembles the target at all."""
        known = self.matrix.verdicts[self.target["name"]]
        return replace(known, best=self.choice.best, clear=self.choice.clear, reason=self.choice.reason)

    @property
    def answer(self) -> str:
        """The answer in one sentence."""
        if self.tried is not None:
            return answer_by_models(self.tried)
        return answer(self.verdict, len(self.choice.candidates))

    @property
    def instead(self) -> tuple[str, ...]:
        """Advice where no model fits or no source resembles the target, in words; empty where one may."""
        return instead(self.verdict) if self.tried is None else self.ways

    @property
    def model(self) -> Trained | None:
        """The zoo model to apply to the target; None where none that segments was trained on the source."""
        return segmenting(self.models)

    @property
    def reference(self) -> str | None:
        """The model to apply, as ``dsim prelabel --model`` takes it: ``zoo:ID`` or a file; None where there is none."""
        if self.tried is not None:
            return self.tried.chosen.model
        return None if self.model is None else f"zoo:{self.model.id}"

    @property
    def fared(self) -> str:
        """How such choices fared where the outcome is known, in one sentence."""
        if self.tried is not None:
            return next(iter(self.tried.reliability), UNMEASURED)
        return in_words(self.reliability)

    @property
    def said(self) -> list[str]:
        """The reliability of the choice, in sentences."""
        return said(self.reliability) if self.tried is None else list(self.tried.reliability)

    @property
    def _fared(self) -> list[str]:
        """How such choices fared, in words and then in figures; where nothing was measured, one sentence says so."""
        if self.tried is not None:
            return [*said_of_models(self.tried), *(self.said or [UNMEASURED])]
        return [in_words(self.reliability), *(self.said if self.reliability else [])]

    def __str__(self) -> str:
        return "\n".join([self.answer, *self._fared])

    def __repr__(self) -> str:
        return f"<Recommendation for {self.target['name']}: {self.answer}>"

    def _repr_html_(self) -> str:
        from dsim.pages import format_number, render_result

        rows = [[candidate.source, format_number(candidate.value)] for candidate in self.choice.candidates]
        heads = ["source", self.matrix.measure]
        if self.tried is not None:
            heads = ["model", "expected Dice", "best with"]
            rows = [[model.name, with_interval(model), f"{model.best:.2f}"] for model in self.tried.models]
        said = [
            self.answer,
            *self._fared,
            *self.notes,
            *([self.command] if self.command else []),
        ]
        return render_result(f"a source for {self.target['name']}", heads, rows, said)

    def plot(self, path: str | Path | None = None) -> Figure:
        """Return the heat map of the values that it rests on, as a figure; with a path also as a file.

        Raises UsageError for a path that does not end in .png or .svg.
        """
        return self.matrix.plot(path)

    def report(self, path: str | Path, datasets: Iterable[Dataset] = ()) -> Path:
        """Write the HTML report: the answer, the models that were tried, the comparison; return its path.

        ``datasets`` : those whose images are shown though they lie in memory; all others are opened where they lie.
        Raises UsageError unless the name ends in .html, and DsimError where the disk refuses.
        """
        written: Path = load("dsim.cli.report:write_recommendation_report")(self.to_dict(), Path(path), datasets)
        return written

    def to_dict(self) -> dict[str, Any]:
        """Return a JSON document of schema ``dsim.recommend/1``; NaN is null."""
        return {
            "schema": SCHEMA,
            "dsim": VERSION,
            "target": dict(self.target),
            "measure": self.matrix.measure,
            "direction": str(self.matrix.direction),
            "unit": self.matrix.unit,
            "procedure": self.procedure,
            "best": self.best,
            "clear": self.choice.clear,
            "verdict": self.choice.reason,
            "answer": self.answer,
            "resemblance": None if self.verdict.resemblance is None else self.verdict.resemblance.to_dict(),
            "voters": self.choice.voters,
            "sources": [candidate.to_dict() for candidate in self.choice.candidates],
            "excluded": list(self.excluded),
            "models": [model.to_dict() for model in self.models],
            "command": self.command,
            "also": [{"words": words, "command": command} for words, command in self.also],
            "selection": None if self.tried is None else self.tried.to_dict(),
            "instead": list(self.instead),
            "nearest": [dict(row) for row in self.nearest],
            "reliability": [record.to_dict() for record in self.reliability],
            "reliability_in_words": self.fared,
            "said": self.said,
            "notes": list(self.notes),
            "matrix": self.matrix.to_dict(),
            "files": list(self.files),
        }

    def to_json(self, path: str | Path | None = None) -> str:
        """Return the JSON text; written atomically where a path is given. Raises DsimError where the disk refuses."""
        return to_json(self.to_dict(), path)
