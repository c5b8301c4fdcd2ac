"""The whole answer: which source, with which model, what it looks like, and how reliable such a choice has been."""

from __future__ import annotations

import math
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.comparison import with_resemblance
from dsim.data import count_shared_images, say_shared_images, to_dataset, to_datasets
from dsim.errors import DsimError
from dsim.features import zoo_sources
from dsim.recommend.advice import advise_by_models, advise_by_similarity
from dsim.recommend.annotations import check_annotations
from dsim.recommend.procedure import DEFAULT, Procedure, carry_out, fingerprint
from dsim.recommend.reliability import Reliability, stored
from dsim.recommend.result import Recommendation
from dsim.recommend.trial import Trial, try_models
from dsim.runtime import Runtime

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.data.conversion import Given
    from dsim.recommend.procedure import Choice, Outcome
    from dsim.transfer.segmentation.pairs import Foreground


SHEET, DOCUMENT = "nearest.png", "recommendation.json"
#: With at most so many times as many sources, or as few, a measured share still says something.
_ALIKE = 2.0


def recommend(
    target: Given,
    sources: Given | Iterable[Given] | Mapping[str, Given] | None = None,
    *,
    measure: str = DEFAULT,
    foreground: Foreground | None = None,
    reliability: Sequence[Reliability] | None = None,
    out: str | Path | None = None,
    bootstrap: int | None = None,
    seed: int = 0,
    jobs: int = 1,
    runtime: Runtime | None = None,
) -> Recommendation:
    """Recommend a model for a target: one that was trained on the sources; where there is none, one of the sources.

    The models are tried on the target, and scored on those of its images that have a mask.

    Parameters
    ----------
    target : a path, ``phantoms:NAME``, an array of images (n, H, W[, C]), a torch dataset, or a Dataset.
    sources : the datasets to choose from, given alike in a list or a mapping from names; by default those that the
        zoo's models were trained on. One that is the target is left out.
    measure : ranks the sources by similarity; a name with parameters.
    foreground : which values of the target's masks are foreground, by its name: ``{"mine": (1, 2)}``; None as a value
        for all but 0. By default masks must have one value beside 0.
    reliability : records of such choices on truths, from ``measure_reliability``; by default the shipped records.
    out : folder for ``recommendation.json`` and ``nearest.png``; nothing is written without one.
    bootstrap : replicates for intervals, where the measure has them; by default as many as it proposes.

    Raises UsageError where fewer than two sources are left; DataError, NeedError or WeightsError where the measure
    cannot be computed on these datasets, and DataError for masks of several classes of which none was chosen.

    >>> from dsim.data.phantoms import open_phantom
    >>> pool = [open_phantom(name, count=4, size=32) for name in ("xray", "fundus")]
    >>> recommend(open_phantom("xray-bedside", count=4, size=32), pool, measure="cc:size=32", bootstrap=0).best
    'xray'
    """
    runtime, folder = runtime or Runtime(), None if out is None else Path(out)
    target = to_dataset(target, "target")
    annotated, empty = check_annotations(target, foreground)
    pool = zoo_sources(runtime) if sources is None else to_datasets(sources, "source")
    procedure = Procedure.of(measure, runtime)
    outcome = carry_out(procedure, pool, [target], bootstrap=bootstrap, seed=seed, jobs=jobs, runtime=runtime)
    trial = try_models(annotated, None if sources is None else pool, runtime, seed=seed)
    trial = replace(trial, notes=(*empty, *trial.notes))
    records = stored(procedure) if reliability is None else tuple(reliability)
    answer = _answer(target, pool, procedure, outcome, trial, records, folder, seed, runtime)
    if folder is not None:
        answer.to_json(folder / DOCUMENT)
    return answer


def _answer(
    target: Dataset,
    sources: Sequence[Dataset],
    procedure: Procedure,
    outcome: Outcome,
    trial: Trial,
    records: tuple[Reliability, ...],
    folder: Path | None,
    seed: int,
    runtime: Runtime,
) -> Recommendation:
    (matrix,), (choice,) = outcome.matrices, outcome.choices
    known = {dataset.name: dataset for dataset in (*sources, target)}
    matrix = with_resemblance(matrix, known, runtime, seed=seed)
    tried, verdict = trial.tried, matrix.verdicts[target.name]
    best = near = known.get(verdict.source or "")
    if tried is not None:
        best = next((known[name] for name in tried.chosen.sources if name in known), near)
    advice = advise_by_models(trial, target, near) if tried else advise_by_similarity(near, target, verdict)
    rows, picture, no_picture = _nearest(target, best, folder, runtime)
    return Recommendation(
        target=_facts(target),
        procedure=procedure.key,
        choice=choice,
        matrix=matrix,
        excluded=tuple(source.name for source in sources if fingerprint(source) == fingerprint(target)),
        models=advice.models,
        command=advice.command,
        nearest=rows,
        reliability=records,
        notes=(
            *_about_sources(target, sources, choice),
            *trial.notes,
            *advice.notes,
            *no_picture,
            *(() if tried else _about_records(records, len(choice.candidates))),
        ),
        files=() if folder is None else (*picture, str(folder / DOCUMENT)),
        tried=tried,
        also=advice.also,
        ways=advice.ways,
        selection=trial.selection,
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


def _about_records(records: Sequence[Reliability], count: int) -> Iterator[str]:
    for record in records:
        if not 1 / _ALIKE <= count / record.sources <= _ALIKE:
            yield f"the reliability on {record.truth} is of a choice among {record.sources} sources, not {count}"
