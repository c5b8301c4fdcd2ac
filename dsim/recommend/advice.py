"""What to do for a target: which model to apply, what to type next, and what else where none is of use."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.measures import Likeness
from dsim.recommend.result import Trained, command, models_of, segmenting, trained_as
from dsim.recommend.tried_words import instead_of_models, next_command, other_commands

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.measures import Verdict
    from dsim.recommend.trial import Trial
    from dsim.recommend.tried import Tried


@dataclass(frozen=True)
class Advice:
    """What to do.

    Parameters
    ----------
    models : of the zoo, the one to apply first. ``command`` : what to type next; None where nothing can be.
    also : further commands, each with the words in front of it. ``ways`` : what to do where no model fits, in words.
    notes : what must be said of the models.
    """

    models: tuple[Trained, ...] = ()
    command: str | None = None
    also: tuple[tuple[str, str], ...] = ()
    ways: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def advise_by_models(trial: Trial, target: Dataset, nearest: Dataset | None) -> Advice:
    """Return what to do where models were tried; without ``tried`` there is nothing to say.

    ``nearest`` : the source that is nearest by similarity; that no model of it was tried is said.
    """
    tried = trial.tried
    if tried is None:
        return Advice()
    return Advice(
        models=trained_as(tried.chosen.model, target),
        command=next_command(tried, target, trial.sources),
        also=other_commands(tried, target, trial.sources),
        ways=instead_of_models(tried),
        notes=(*tried.notes, *_about_nearest(tried, nearest)),
    )


def _about_nearest(tried: Tried, nearest: Dataset | None) -> Iterator[str]:
    """Say that the nearest source might do better, where no model of it was tried and one can be trained."""
    if nearest is None or not nearest.masked or any(nearest.name in model.sources for model in tried.models):
        return
    train = f"dsim transfer segmentation --sources {shlex.quote(nearest.reference)} --out trained/truth.json"
    yield f"{nearest.name} is the nearest source, and no model of it could be tried; to train one: {train}"


def advise_by_similarity(best: Dataset | None, target: Dataset, verdict: Verdict) -> Advice:
    """Return what to do by the nearest source, if there is one: apply its model, or train one.

    No command where none of the sources resembles the target.
    """
    models = () if best is None else models_of(best, target)
    if best is None or verdict.likeness is Likeness.NONE:
        return Advice(models)
    return Advice(models, command(best, target, segmenting(models)), notes=tuple(_about_models(best, models)))


def _about_models(best: Dataset, models: Sequence[Trained]) -> Iterator[str]:
    yield from (model.trained_on_target for model in models if model.trained_on_target)
    if segmenting(models) is not None:
        return
    unlearnt = [model for model in models if model.segments]
    for model in unlearnt:
        yield f"{model.id} has not learnt {best.name}: Dice {model.held_out:.0f} % on images of it that it never saw"
    need = "train one" if best.masked else f"{best.name} has no masks to train one by"
    yield f"no segmentation model of the zoo {'has learnt' if unlearnt else 'was trained on'} {best.name}: {need}"
