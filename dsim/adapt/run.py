"""From annotated images to the model to use: candidates, cross-validation, the chosen way, the written model."""

from __future__ import annotations

import math
import time
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.adapt.annotation import Annotation, read_annotation
from dsim.adapt.candidates import Pool, Standing
from dsim.adapt.choice import NORMAL, Choice, Interval, Lead, choose_way, untested_way, usual_leads
from dsim.adapt.result import Adapted
from dsim.adapt.selecting import gather_pool
from dsim.adapt.settings import TRAINED, Settings
from dsim.adapt.trials import Trials
from dsim.adapt.writing import write_segmenter
from dsim.errors import DataError, UsageError
from dsim.files.folder_lock import LOCK_NAME, exclusive
from dsim.runtime import Runtime
from dsim.transfer.jobs import WORK

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.models import Segmenter

_OWN = ("manifest.toml", "card.md", "segmenter.safetensors")


def adapt(
    target: Dataset,
    out: Path,
    *,
    sources: Sequence[Dataset] | None = None,
    settings: Settings | None = None,
    marks: str = "",
    jobs: int = 1,
    overwrite: bool = False,
    runtime: Runtime | None = None,
    pool: Pool | None = None,
) -> Adapted:
    """Make the segmentation model for a target of which some images are annotated, write it, and return what it is.

    Parameters
    ----------
    target : its masks are those of the annotated images; every value but 0 is foreground. Pre-labels that are as they
        were written do not count.
    out : the model's folder, for ``dsim prelabel --model``; finished trainings are kept in ``out/.work``, from which an
        interrupted run goes on when the same is asked for again.
    sources : datasets with models to choose from; None: the zoo's models. ``pool`` : candidates that are scored
        already, instead of these.
    marks : what the model marks, in the plural; by default what its models mark, and ``foreground`` once it is trained.
    jobs : trainings side by side. ``overwrite`` : replace a model that is there.

    Every way is judged by cross-validation on the annotated images: the model of a fold, and the choice of a candidate
    in it, have not seen the images that test it. The largest expected lead wins (``choose_way``), ties go to the
    simpler way. One annotated image cannot train and test: then nothing is trained unless no other way is asked for.

    Raises
    ------
    NeedError, DataError
        Without an annotated image; for masks of another size or all empty; where ``out`` holds a model.
    UsageError
        Where none of the wanted ways is possible.
    """
    began = time.perf_counter()
    how, chosen = runtime or Runtime(), settings or Settings()
    target = _drawn(target, how)
    annotation = read_annotation(target)
    with exclusive(out, note=how.progress.note):
        _check_out(out, overwrite)
        known, found_notes = (pool, ()) if pool is not None else gather_pool(annotation, sources, how, chosen.seed)
        chosen, notes = possible_ways(chosen, annotation, known)
        notes = [*found_notes, *notes]
        for note in notes:
            how.progress.note(note)
        trials = Trials(annotation, known, chosen, out / WORK, how)
        scores = trials.cross_validate(jobs)
        choice = choose_way(scores, annotation.units, annotation.rest) if scores else None
        made = make_model(trials, choice)
        found = _describe(out, trials, choice, made, marks, notes, time.perf_counter() - began)
        _clear(out)
        references = [known.models[index].reference for index in made.models]
        write_segmenter(found, made.segmenter, annotation, chosen, references)
    return found


@dataclass(frozen=True)
class Made:
    """The model of a way: its network, the candidates that it was made of, and how good it should be."""

    way: str
    segmenter: Segmenter
    models: tuple[int, ...]
    expected: Interval | None


def _drawn(target: Dataset, runtime: Runtime) -> Dataset:
    """The target with the masks that a person has drawn or corrected; what does not count is said."""
    from dsim.data import without_unchanged

    kept = without_unchanged(target)
    for note in kept.notes[len(target.notes) :]:
        runtime.progress.note(f"{target.name}: {note}")
    return kept


def possible_ways(settings: Settings, annotation: Annotation, pool: Pool) -> tuple[Settings, list[str]]:
    """Return the settings with the ways that these images and candidates allow, and why others are left out.

    Raises UsageError where no way is left.
    """
    notes, ways = [], list(settings.ways)
    if not pool.models:
        ways = [way for way in ways if way == "scratch"]
        notes.append("no candidate model: none of the zoo or the sources can be applied to these images")
    if annotation.independent < 2:
        untrained = [way for way in ways if way not in TRAINED]
        ways = untrained or ways
        what = "one annotated image" if len(annotation.images) == 1 else "annotated images of one group only"
        notes.append(
            f"{what}: nothing is left to test a training on" + (", so no network is trained" if untrained else "")
        )
    if annotation.empty:
        notes.append(f"{annotation.empty} of {len(annotation.images)} masks are empty")
    if not ways:
        raise UsageError(
            f"none of the ways {', '.join(settings.ways)} is possible: {notes[0]}", hint="add scratch to --ways"
        )
    return replace(settings, ways=tuple(ways)), notes


def make_model(trials: Trials, choice: Choice | None) -> Made:
    """Return the model of the chosen way, on all annotated images; without a choice the way that usually leads."""
    pool, images = trials.pool, trials.annotation.images
    standing = pool.after(images) if pool.models else None
    leads = usual_leads(trials.annotation.independent)
    way = choice.way if choice else untested_way(trials.settings.ways, leads)
    expected = choice.estimates[way] if choice else _usual_dice(standing, leads.get(way, (0.0, 0.0)))
    if way == "scratch":
        return Made(way, trials.final(way), (), expected)
    assert standing is not None
    if way == "vote":
        voters, segmenter = _build_vote(trials, standing)
        return Made(way, segmenter, voters, expected)
    segmenter = trials.final(way) if way == "finetune" else _load(trials, standing.first)
    return Made(way, segmenter, (standing.first,), expected)


def _usual_dice(standing: Standing | None, lead: Lead) -> Interval | None:
    """The Dice to be expected of a way that was not tested: of the chosen candidate, and the usual lead over it."""
    if standing is None:
        return None
    mean, low, high = (float(values[standing.first]) for values in (standing.mean, standing.low, standing.high))
    half = math.hypot((high - low) / 2, NORMAL * lead[1])
    middle = min(1.0, max(0.0, mean + lead[0]))
    return Interval(middle, max(0.0, middle - half), min(1.0, middle + half))


def _load(trials: Trials, candidate: int) -> Segmenter:
    from dsim.models import load_segmenter

    return load_segmenter(trials.pool.models[candidate].reference, trials.runtime)


def _build_vote(trials: Trials, standing: Standing) -> tuple[tuple[int, ...], Segmenter]:
    """The vote of the trusted candidates; those for images of another size than the first's do not take part."""
    from dsim.models import Segmenter, VoteNetwork

    voters, weights = standing.voters()
    opened = {voter: _load(trials, voter) for voter in voters}
    first = opened[voters[0]]
    alike = [v for v in voters if _size(opened[v]) == _size(first) and not isinstance(opened[v].network, VoteNetwork)]
    if len(alike) < 2:
        return (voters[0],), first
    members = [opened[voter] for voter in alike]
    network = VoteNetwork(
        [each.network for each in members],
        [each.recipe for each in members],
        [weight for voter, weight in zip(voters, weights, strict=True) if voter in alike],
    )
    entries = {entry["images_fingerprint"]: entry for each in members for entry in each.trained_on}
    recipe = replace(first.recipe, threshold=0.5)
    return tuple(alike), Segmenter(network.eval(), recipe, tuple(entries.values()), "vote", first.device)


def _size(segmenter: Segmenter) -> tuple[int, int]:
    return segmenter.recipe.side, segmenter.recipe.patch


def _describe(
    out: Path, trials: Trials, choice: Choice | None, made: Made, marks: str, notes: Sequence[str], seconds: float
) -> Adapted:
    models = [trials.pool.models[index] for index in made.models]
    # A network that is trained marks what was drawn: the name of what its start marked would be wrong for many.
    own = {model.marks for model in models if model.marks} if made.way not in TRAINED else set()
    return Adapted(
        out=out,
        target=trials.target.name,
        reference=trials.target.reference,
        images=len(trials.annotation.images),
        way=made.way,
        models=tuple(model.name for model in models),
        expected=made.expected,
        choice=choice,
        marks=marks or (own.pop() if len(own) == 1 else "foreground"),
        notes=tuple(notes),
        seconds=seconds,
    )


def _check_out(out: Path, overwrite: bool) -> None:
    """Raise DataError where the folder holds a model, or anything but the work of an unfinished run."""
    others = [path.name for path in out.iterdir() if path.name not in (WORK, LOCK_NAME)] if out.is_dir() else []
    strangers = [name for name in others if name not in _OWN]
    if strangers:
        raise DataError(f"{out} holds something else than a model: {strangers[0]}", hint="choose another folder")
    if others and not overwrite and (out / _OWN[0]).exists():
        raise DataError(f"{out} holds a model already", hint="choose another folder, or replace it with --overwrite")


def _clear(out: Path) -> None:
    """Remove the model that is replaced, once the new one is ready: the manifest first, without which it is none."""
    for name in _OWN:
        (out / name).unlink(missing_ok=True)
