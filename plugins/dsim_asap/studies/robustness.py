"""``dsim asap robustness``: how far distances and choices hold when images are sorted into wrong datasets."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dsim.data.splits import exchange_images
from dsim.errors import UsageError
from dsim.files.documents import or_null
from dsim.runtime import VERSION
from dsim.stats.noise import spread
from dsim_asap.studies import common

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from dsim.data.dataset import Dataset
    from dsim.plugin import SimilarityMeasure
    from dsim.runtime import Runtime
    from dsim.truth import TransferMatrix

    Values = NDArray[np.float64]
    Places = NDArray[np.intp]

SCHEMA = "dsim.asap-robustness/1"
SHARES = (0.05, 0.1, 0.2, 0.5)
#: Names and meanings of the numbers of each share.
QUANTITIES = {
    "spearman": "rank correlation of the distances with the clean ones, mean over targets",
    "same_nearest": "share of targets whose nearest source stays",
}
JUDGED = {"regret": "regret by the truth, mean over targets", "top1": "share of targets whose best source is nearest"}


@dataclass(frozen=True)
class Study:
    """The datasets that are spoilt, and the measures. Only the sources change members: targets stay as they are.

    ``seeds`` number repetitions; each draws its own strangers, and trains, where a measure does, with its own seed.
    """

    sources: Sequence[Dataset]
    targets: Sequence[Dataset]
    measures: Sequence[SimilarityMeasure[Any]]
    shares: tuple[float, ...] = SHARES
    seeds: tuple[int, ...] = (0,)
    truth: TransferMatrix | None = None
    common: bool = False

    @property
    def ranked(self) -> NDArray[np.bool_]:
        """The pairs that are ranked, bool (sources, targets): a target that is also a source is never its own."""
        return np.array(
            [
                [
                    source.name != target.name and source.images_fingerprint != target.images_fingerprint
                    for target in self.targets
                ]
                for source in self.sources
            ]
        )


def robustness(study: Study, out: Path, runtime: Runtime) -> dict[str, Any]:
    """Every measure at every share and seed, as a JSON document; finished rows in ``out`` are not computed again.

    A measure that fails on these datasets is named in ``failed`` with its reason; the others go on. Raises UsageError
    for a share outside (0, 1] or no measure, DataError where the truth does not fit the names.
    """
    from dsim.errors import DsimError

    if not study.measures or not study.seeds:
        raise UsageError("there is nothing to measure", hint="give a --measure and one seed at least")
    _check_truth(study)
    rows, failed = [], {}
    total = len(study.measures) * len(study.seeds) * (1 + len(study.shares))
    with runtime.progress.task("wrong membership", total, "comparisons") as task:
        for measure in study.measures:
            try:
                rows += _rows(study, measure, out, runtime, task.advance)
            except UsageError:
                raise
            except DsimError as error:
                failed[measure.identity] = error.message
                runtime.progress.note(f"{measure.identity} failed: {error.message}")
    return _document(study, rows, failed)


def _rows(
    study: Study, measure: SimilarityMeasure[Any], out: Path, runtime: Runtime, done: Callable[[], None]
) -> list[dict[str, Any]]:
    """Return the rows of one measure. A share of 0 with several seeds shows what another seed alone changes."""
    clean: dict[int, Values] = {}
    for seed in study.seeds:
        clean[seed] = _distances(study, measure, 0.0, seed, out, runtime)
        done()
    rows = []
    for position, seed in enumerate(study.seeds):
        other = study.seeds[(position + 1) % len(study.seeds)]
        again = _kept_order(clean[seed], clean[other], study.ranked) if other != seed else {}
        rows.append({**_row(measure, 0.0, seed), **again, **_judged(study, clean[seed])})
        for share in study.shares:
            found = _distances(study, measure, share, seed, out, runtime)
            numbers = {**_kept_order(clean[seed], found, study.ranked), **_judged(study, found)}
            rows.append({**_row(measure, share, seed), **numbers})
            done()
    return rows


def _row(measure: SimilarityMeasure[Any], share: float, seed: int) -> dict[str, Any]:
    return {"measure": measure.identity, "share": share, "seed": seed}


def _distances(
    study: Study, measure: SimilarityMeasure[Any], share: float, seed: int, out: Path, runtime: Runtime
) -> Values:
    """Distances float64 (sources, targets), small is near; from the folder where they are known."""
    from dsim.comparison import compare
    from dsim.files.documents import nullable

    def distances(_: Path) -> dict[str, Any]:
        sources = exchange_images(study.sources, share, seed) if share else list(study.sources)
        matrix = compare(sources, study.targets, measure=measure, seed=seed, bootstrap=0, floor=False, runtime=runtime)
        return {"distances": nullable(matrix.direction.sign * matrix.values)}

    job = (measure.spec.name, "share", f"{share:g}", "seed", seed)
    row = common.finished_row(out, _facts(study, measure), job, distances)
    return np.array(row["distances"], dtype=np.float64)  # None becomes NaN


def _facts(study: Study, measure: SimilarityMeasure[Any]) -> dict[str, Any]:
    """All that distances depend on besides share and seed."""

    def read_of(dataset: Dataset) -> list[str]:
        for need in sorted(measure.needs):
            dataset.require(need, f"measure {measure.spec.name!r}")
        return [dataset.name, dataset.fingerprint([*measure.needs, *filter(dataset.has, measure.optional)])]

    return {
        "measure": measure.identity,
        "sources": [*map(read_of, study.sources)],
        "targets": [*map(read_of, study.targets)],
    }


def _kept_order(clean: Values, found: Values, ranked: NDArray[np.bool_]) -> dict[str, float | None]:
    """How much of each target's order of sources is left; None where no target has what it takes."""
    from dsim.stats.ranking import spearman

    rho, same = [], []
    for before, after, counts in zip(clean.T, found.T, ranked.T, strict=True):
        counted = counts & np.isfinite(before) & np.isfinite(after)
        if counted.sum() > 1:
            same.append(float(before[counted].argmin() == after[counted].argmin()))
        if counted.sum() > 2:
            rho.append(float(spearman(before[counted], after[counted])))
    rho = [value for value in rho if np.isfinite(value)]
    return {
        "spearman": float(np.mean(rho)) if rho else None,
        "same_nearest": float(np.mean(same)) if same else None,
    }


def _judged(study: Study, distances: Values) -> dict[str, float | None]:
    """Regret and top-1 by the truth; nothing without one."""
    if study.truth is None:
        return {}
    from dsim.evaluation import evaluate
    from dsim.measures import SimilarityMatrix

    sources, targets = ([dataset.name for dataset in side] for side in (study.sources, study.targets))
    matrix = SimilarityMatrix.of_distances(sources, targets, distances, ~study.ranked)
    scores = evaluate(matrix, study.truth, common=study.common, resamples=100).judgement.scores
    return {name: or_null(scores[name].value) for name in JUDGED}


def _check_truth(study: Study) -> None:
    """Refuse names that do not fit before any work."""
    _judged(study, np.full((len(study.sources), len(study.targets)), np.nan))


def _document(study: Study, rows: Sequence[Mapping[str, Any]], failed: Mapping[str, str]) -> dict[str, Any]:
    """Rows, and for each measure and share the mean and spread over the seeds; of schema ``dsim.asap-robustness/1``."""
    quantities = {**QUANTITIES, **(JUDGED if study.truth is not None else {})}
    curves = [
        {
            "measure": measure.identity,
            "share": share,
            **{
                name: spread([row.get(name) for row in rows if _is(row, measure, share)]).to_dict()
                for name in quantities
            },
        }
        for measure in study.measures
        if measure.identity not in failed
        for share in (0.0, *study.shares)
    ]
    return {
        "schema": SCHEMA,
        "dsim": VERSION,
        "sources": [dataset.name for dataset in study.sources],
        "targets": [dataset.name for dataset in study.targets],
        "shares": list(study.shares),
        "seeds": list(study.seeds),
        "truth": None if study.truth is None else {"name": study.truth.name, "digest": study.truth.digest},
        "quantities": quantities,
        "curves": curves,
        "rows": [dict(row) for row in rows],
        "failed": dict(failed),
    }


def _is(row: Mapping[str, Any], measure: SimilarityMeasure[Any], share: float) -> bool:
    return bool(row["measure"] == measure.identity and row["share"] == share)


def read_shares(text: str) -> tuple[float, ...]:
    """Shares as a command line gives them, each once, ascending; UsageError for what is none.

    >>> read_shares("0.5,0.05")
    (0.05, 0.5)
    """
    try:
        shares = sorted({float(part) for part in text.split(",") if part.strip()})
    except ValueError:
        shares = []
    if not shares or not all(0 < share <= 1 for share in shares):
        raise UsageError(f"--shares {text} are not shares of images", hint="write --shares 0.05,0.1,0.2,0.5")
    return tuple(shares)
