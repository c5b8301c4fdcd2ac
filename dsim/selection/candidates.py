"""The segmentation models that may be applied to a target."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, UsageError
from dsim.files.documents import number, or_nan

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.runtime import Runtime
    from dsim.zoo import Model

#: What a model marks where nobody has said it.
UNNAMED = "foreground"
_ZOO = "zoo:"


@dataclass(frozen=True)
class CandidateModel:
    """A segmentation model that may be applied to a target.

    Parameters
    ----------
    reference : ``zoo:ID``, or a file. ``name`` : short, and unique among the candidates.
    sources : names of the datasets it was trained on. ``marks`` : what it marks, in the plural.
    held_out : its Dice, percent, on images of its sources that it never saw; NaN where that is not known.
    threshold : the chance from which it takes a pixel for foreground; NaN until the model is opened.
    """

    reference: str
    name: str
    sources: tuple[str, ...] = ()
    marks: str = UNNAMED
    held_out: float = math.nan
    threshold: float = math.nan

    @property
    def id(self) -> str:
        """Its id in the zoo; empty where it is a file."""
        return self.reference.removeprefix(_ZOO) if self.reference.startswith(_ZOO) else ""

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; NaN is null."""
        known = {key: number(getattr(self, key)) for key in ("held_out", "threshold")}
        return {**asdict(self), "sources": list(self.sources), **known}


def candidate_models(
    target: Dataset, sources: Iterable[Dataset] | None = None, runtime: Runtime | None = None
) -> tuple[CandidateModel, ...]:
    """Return the models that may be applied to a target, by name; what was left out is said to the progress.

    Parameters
    ----------
    sources : datasets; the models of those that have one are the candidates. None: the models of the zoo that have
        learnt their sources and that no newer one replaces.

    Raises NeedError for a target without images, and UsageError where a model is given twice.
    """
    found, notes = find_candidates(target, sources)
    if runtime is not None:
        for note in notes:
            runtime.progress.note(note)
    return found


def find_candidates(
    target: Dataset, sources: Iterable[Dataset] | None = None
) -> tuple[tuple[CandidateModel, ...], tuple[str, ...]]:
    """Return the candidates for a target, and why other models are none of them, a sentence each.

    Left out are models that were trained on images of the target, that have not learnt their own source, and that take
    other than 1 or 3 channels. Errors as of ``candidate_models``.
    """
    from dsim.registry import Need

    target.require(Need.IMAGES, "choosing a model")
    known = _of_zoo() if sources is None else _of_sources(sources)
    found, notes = [], []
    for candidate, model in known:
        reason = _not_usable(model) or trained_on_target(candidate, target)
        if reason is None:
            found.append(candidate)
        else:
            notes.append(f"{candidate.name} is left out: {reason}")
    return tuple(sorted(_distinct(found), key=lambda one: one.name)), tuple(notes)


def _of_zoo() -> list[tuple[CandidateModel, Model | None]]:
    """Every newest segmentation model of the zoo."""
    from dsim.zoo import models

    wanted = [model for model in models() if model.segments and model.replaced_by is None]
    return [(_of_model(model), model) for model in wanted]


def _of_model(model: Model) -> CandidateModel:
    """A model of the zoo as a candidate; ``lite0unet.wbc_seg1.r1`` is called wbc_seg1."""
    return CandidateModel(
        f"{_ZOO}{model.id}",
        model.id.split(".")[1],
        tuple(entry["name"] for entry in model.pool),
        model.marks,
        or_nan(model.manifest["training"].get("dice_held_out")),
    )


def _of_sources(sources: Iterable[Dataset]) -> list[tuple[CandidateModel, Model | None]]:
    """The models of datasets, each once however many datasets name it."""
    by_reference: dict[str, list[Dataset]] = {}
    for source in sources:
        if source.model is not None:
            by_reference.setdefault(source.model, []).append(source)
    return [_of_reference(reference, named) for reference, named in by_reference.items()]


def _of_reference(reference: str, named: Sequence[Dataset]) -> tuple[CandidateModel, Model | None]:
    if reference.startswith(_ZOO):
        from dsim.zoo import find

        model = find(reference.removeprefix(_ZOO))
        return _of_model(model), model
    return CandidateModel(reference, named[0].name, tuple(source.name for source in named)), None


def _not_usable(model: Model | None) -> str | None:
    """Why a model of the zoo is of no use for any target; None where it is."""
    if model is None:
        return None
    if not model.learnt:
        held_out = or_nan(model.manifest["training"].get("dice_held_out"))
        return f"it has not learnt its own source (Dice {held_out:.0f} % on images of it that it never saw)"
    channels = model.manifest["input"]["channels"]
    return None if channels in (1, 3) else f"it takes images of {channels} channels"


def trained_on_target(candidate: CandidateModel, target: Dataset) -> str | None:
    """Return how much of a target a model was trained on, in words; None where nothing of it is known to be.

    Noticed by the bytes of the images, so that copies under another name are noticed too.
    """
    own = set(target.image_digests)
    for entry in _training_sets(candidate.reference):
        if entry.get("images_fingerprint") == target.images_fingerprint:
            return f"it was trained on all {len(target)} images of {target.name} (as {entry['name']})"
        if shared := len(own & set(entry.get("image_digests", ()))):
            return f"it was trained on {shared} of {len(target)} images of {target.name} (as {entry['name']})"
    return None


def _training_sets(reference: str) -> Sequence[Mapping[str, Any]]:
    """What the file of a model says of its training; what the manifest of a zoo model says where the file is silent."""
    import json

    from dsim.data import model_file
    from dsim.store import read_weights

    pool: Sequence[Mapping[str, Any]] = ()
    if reference.startswith(_ZOO):
        from dsim.zoo import find

        model = find(reference.removeprefix(_ZOO))
        file, pool = model.weights, model.pool
    else:
        file = model_file(reference)
    _, texts = read_weights(file)
    try:
        return json.loads(texts["dsim"])["trained_on"] or pool
    except (KeyError, ValueError, TypeError):
        raise DataError(f"{file} is not a segmentation model of dsim", hint="choose another: dsim zoo list") from None


def _distinct(candidates: Sequence[CandidateModel]) -> Sequence[CandidateModel]:
    """The candidates, those of one name under their full reference; raises UsageError where two are one file."""
    from dsim.errors import repeated

    twice = set(repeated(candidate.name for candidate in candidates))
    named = [replace(one, name=one.reference) if one.name in twice else one for one in candidates]
    if same := repeated(candidate.name for candidate in named):
        raise UsageError(f"two models are {same[0]!r}", hint="give each model once")
    return named
