"""The whole answer: which source, with which model, what it looks like, and how reliable such a choice has been."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.comparison import with_resemblance
from dsim.data import count_shared_images, say_shared_images, to_dataset, to_datasets
from dsim.errors import DsimError
from dsim.measures import Likeness
from dsim.recommend.procedure import DEFAULT, Procedure, carry_out, fingerprint
from dsim.recommend.reliability import Reliability, stored
from dsim.recommend.result import Recommendation, Trained, command, models_of, segmenting
from dsim.runtime import Runtime

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.data.conversion import Given
    from dsim.recommend.procedure import Choice, Outcome


SHEET, DOCUMENT = "nearest.png", "recommendation.json"
#: With at most so many times as many sources, or as few, a measured share still says something.
_ALIKE = 2.0


def recommend(
    target: Given,
    sources: Given | Iterable[Given] | Mapping[str, Given],
    *,
    measure: str = DEFAULT,
    reliability: Sequence[Reliability] | None = None,
    out: str | Path | None = None,
    bootstrap: int | None = None,
    seed: int = 0,
    jobs: int = 1,
    runtime: Runtime | None = None,
) -> Recommendation:
    """Recommend one of the sources for a target.

    Parameters
    ----------
    target : a path, ``phantoms:NAME``, an array of images (n, H, W[, C]), a torch dataset, or a Dataset.
    sources : the datasets to choose from, given alike in a list or a mapping from names, ``zoo_sources(runtime)`` for
        the zoo's; one that is the target is left out.
    measure : ranks the sources; a name with parameters.
    reliability : records of such choices on truths, from ``measure_reliability``; by default the shipped records.
    out : folder for ``recommendation.json`` and ``nearest.png``; nothing is written without one.
    bootstrap : replicates for intervals, where the measure has them; by default as many as it proposes.

    Raises UsageError where fewer than two sources are left, and DataError, NeedError or WeightsError where the measure
    cannot be computed on these datasets.

    >>> from dsim.data.phantoms import open_phantom
    >>> pool = [open_phantom(name, count=4, size=32) for name in ("xray", "fundus")]
    >>> recommend(open_phantom("xray-bedside", count=4, size=32), pool, measure="cc:size=32", bootstrap=0).best
    'xray'
    """
    runtime, folder = runtime or Runtime(), None if out is None else Path(out)
    target, sources = to_dataset(target, "target"), to_datasets(sources, "source")
    procedure = Procedure.of(measure, runtime)
    outcome = carry_out(procedure, sources, [target], bootstrap=bootstrap, seed=seed, jobs=jobs, runtime=runtime)
    records = stored(procedure) if reliability is None else tuple(reliability)
    answer = _answer(target, sources, procedure, outcome, records, folder, seed, runtime)
    if folder is not None:
        answer.to_json(folder / DOCUMENT)
    return answer


def _answer(
    target: Dataset,
    sources: Sequence[Dataset],
    procedure: Procedure,
    outcome: Outcome,
    records: tuple[Reliability, ...],
    folder: Path | None,
    seed: int,
    runtime: Runtime,
) -> Recommendation:
    (matrix,), (choice,) = outcome.matrices, outcome.choices
    known = {dataset.name: dataset for dataset in (*sources, target)}
    matrix = with_resemblance(matrix, known, runtime, seed=seed)
    verdict = matrix.verdicts[target.name]
    best = known.get(verdict.source or "")
    models = () if best is None else models_of(best, target)
    unlike = verdict.likeness is Likeness.NONE
    near, picture, no_picture = _nearest(target, best, folder, runtime)
    return Recommendation(
        target=_facts(target),
        procedure=procedure.key,
        choice=choice,
        matrix=matrix,
        excluded=tuple(source.name for source in sources if fingerprint(source) == fingerprint(target)),
        models=models,
        command=command(best, target, segmenting(models)) if best is not None and not unlike else None,
        nearest=near,
        reliability=records,
        notes=(
            *_about_sources(target, sources, choice),
            *(_about_models(best, models) if best is not None and not unlike else ()),
            *no_picture,
            *_about_records(records, len(choice.candidates)),
        ),
        files=() if folder is None else (*picture, str(folder / DOCUMENT)),
    )


def _facts(target: Dataset) -> Mapping[str, Any]:
    return {
        "name": target.name,
        "location": target.location,
        "images": len(target),
        "fingerprint": fingerprint(target),
    }


def _nearest(
    target: Dataset, best: Dataset | None, folder: Path | None, runtime: Runtime
) -> tuple[tuple[Mapping[str, Any], ...], list[str], list[str]]:
    """Rows of nearest images, the picture if it was written, and why something of it is missing."""
    from dsim.recommend.pool import nearest_images, write_sheet

    if folder is not None:
        # One of an earlier run would be taken for a picture of this choice.
        (folder / SHEET).unlink(missing_ok=True)
    if best is None:
        return (), [], []
    if best.backing is None or target.backing is None:
        return (), [], ["no nearest images: a dataset was given as features only"]
    rows: tuple[Mapping[str, Any], ...] = ()
    # The choice stands without the picture.
    try:
        near = nearest_images(target, best, runtime)
        rows = tuple(row.to_dict(target, best) for row in near)
        if folder is not None:
            write_sheet(folder / SHEET, target, best, near)
            return rows, [str(folder / SHEET)], []
    except DsimError as error:
        return rows, [], [f"no picture of the nearest images: {error.message}"]
    return rows, [], []


def _about_sources(target: Dataset, sources: Sequence[Dataset], choice: Choice) -> Iterator[str]:
    """Notes on sources that are the target, or hold images of it, or could not be compared."""
    for source in sources:
        if fingerprint(source) == fingerprint(target):
            yield f"{source.name} is the target itself: left out of the sources"
        elif shared := count_shared_images(target, source):
            yield say_shared_images(shared, target.name, source.name)
    for candidate in choice.candidates:
        if math.isnan(candidate.value):
            yield f"{candidate.source} could not be compared: {candidate.note}"


def _about_models(best: Dataset, models: Sequence[Trained]) -> Iterator[str]:
    yield from (model.trained_on_target for model in models if model.trained_on_target)
    model = segmenting(models)
    if model is not None:
        return
    unlearnt = [each for each in models if each.segments]
    for each in unlearnt:
        yield f"{each.id} has not learnt {best.name}: Dice {each.held_out:.0f} % on images of it that it never saw"
    need = "train one" if best.masked else f"{best.name} has no masks to train one by"
    yield f"no segmentation model of the zoo {'has learnt' if unlearnt else 'was trained on'} {best.name}: {need}"


def _about_records(records: Sequence[Reliability], count: int) -> Iterator[str]:
    for record in records:
        if not 1 / _ALIKE <= count / record.sources <= _ALIKE:
            yield f"the reliability on {record.truth} is of a choice among {record.sources} sources, not {count}"
