"""The evaluation of a measure: its distances against measured transfer."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import UnknownNameError, UsageError
from dsim.evaluation.alignment import Aligned, align, names_by_side
from dsim.evaluation.baselines import baselines
from dsim.evaluation.contrasts import contrasts
from dsim.evaluation.judgement import judge, missing
from dsim.evaluation.measure_distances import calls_measure, compute_distances
from dsim.evaluation.results import Evaluation, Judgement, Score
from dsim.measures import SimilarityMatrix, SimilarityMeasure

if TYPE_CHECKING:
    from dsim.evaluation.intervals import Intervals
    from dsim.runtime import Runtime
    from dsim.truth import TransferMatrix


SELF_PAIRS = ("exclude", "include")
#: With fewer targets an interval over targets is too wide, and too often wrong, to separate measures.
FEW_TARGETS = 8


def evaluate(
    matrix: SimilarityMatrix | SimilarityMeasure[Any] | str | Path,
    truth: TransferMatrix | str | Path,
    *,
    data: str | Path | None = None,
    common: bool = False,
    self_pairs: str = "exclude",
    resamples: int = 2000,
    interval: str = "expanded",
    confidence: float = 0.95,
    seed: int = 0,
    jobs: int = 1,
    runtime: Runtime | None = None,
) -> Evaluation:
    """Return the judgement of a measure's distances, (sources, targets), by measured transfer.

    Parameters
    ----------
    matrix : of ``compare``, the name of stored distances, or the path of a ``matrix.json``; or a measure, such as
        ``"asap"`` or ``"cc:size=32"``, whose distances are then computed on the datasets of the truth.
    truth : scores of models trained on each source, on each target; also by name or path. Higher is better.
    data : folder of the truth's images, for a measure; ``$DSIM_DATA`` by default, and phantoms need none.
    common : judge the sources and targets that both have, where one side has more.
    self_pairs : ``exclude`` or ``include`` the pairs of a dataset with itself.
    resamples, interval, confidence, seed : of the bootstrap over targets, see ``Intervals``; the seed is the measure's
        too. ``jobs``, ``runtime`` : of the computation of a measure.

    Returns the scores of the measure and of the baselines, with intervals, the ceiling, and notes on them.
    Raises DataError where names do not match, or fewer than three sources are left, and UsageError for settings that do
    not exist.

    References
    ----------
    ASAP, section IV (Pearson, RCI, top-k, delta-DSC); transferability: Eq. 1 of Cats, not CAT scans, arXiv 2107.05940.

    >>> found = evaluate("asap-published", "asap-dsc")
    >>> found.judgement.scores["top1"].value, round(found.judgement.scores["regret"].value, 2)
    (0.75, 3.9)
    """
    _check_self_pairs(self_pairs)
    scored = _truth(truth)
    how = _intervals(len(scored.targets), confidence, resamples, interval, seed)
    measured = _measured(matrix, scored, data, common=common, seed=seed, jobs=jobs, runtime=runtime)
    aligned = align(measured, scored, common=common, exclude_self=self_pairs == "exclude")
    return _evaluation(measured, scored, aligned, replace(how, targets=len(aligned.targets)), self_pairs)


def _check_self_pairs(treatment: str) -> None:
    if treatment not in SELF_PAIRS:
        raise UnknownNameError("treatment of self pairs", treatment, SELF_PAIRS, hint=f"use {' or '.join(SELF_PAIRS)}")


def _intervals(targets: int, confidence: float, resamples: int, method: str, seed: int) -> Intervals:
    """The settings of the intervals, which are refused before a measure is computed."""
    from dsim.evaluation.intervals import Intervals

    return Intervals(targets, confidence, resamples, method, seed)


def _measured(matrix: Any, scored: TransferMatrix, data: str | Path | None, **settings: Any) -> SimilarityMatrix:
    """The distances: computed for a measure, else those that were given."""
    if calls_measure(matrix, data):
        return compute_distances(matrix, scored, data, **settings)
    if data is not None:
        raise UsageError(
            f"data={data} is for a measure, and a matrix was given", hint="name the measure, or leave out data"
        )
    return _matrix(matrix)


def _evaluation(
    measured: SimilarityMatrix, scored: TransferMatrix, aligned: Aligned, how: Intervals, self_pairs: str
) -> Evaluation:
    """The evaluation of the pairs that both sides have."""
    judgement = _judgement(measured, aligned, how)
    others, highest = _beside(_Background(aligned, how))
    return Evaluation(
        measure=measured.measure,
        truth=scored.name,
        score=scored.score,
        unit=scored.unit,
        sources=aligned.sources,
        targets=aligned.targets,
        distances=aligned.distances,
        scores=aligned.scores,
        transferability=aligned.truth.transferability,
        counted=aligned.counted,
        candidates=aligned.candidates,
        self_pairs=self_pairs,
        left_out=aligned.left_out,
        unknown=aligned.unknown,
        judgement=judgement,
        baselines=others,
        ceiling=highest,
        contrasts=contrasts(judgement, others, how),
        confidence=how.confidence,
        resamples=how.resamples,
        interval=how.method,
        seed=how.seed,
        notes=tuple(_notes(measured, aligned, judgement)),
        provenance={"matrix": dict(measured.provenance), "truth": dict(scored.provenance)},
    )


class _Background:
    """All that baselines and ceiling depend on; equal for measures that are judged on the same pairs of one truth."""

    def __init__(self, aligned: Aligned, how: Intervals) -> None:
        import numpy as np

        # The measure's distances are left out, so that nothing here can depend on them.
        unknown = np.full(aligned.distances.shape, np.nan)
        self.aligned = replace(aligned, distances=unknown, counted=aligned.candidates, unknown=())
        self.how = how
        self._key = (aligned.truth.to_json(), aligned.excluded.tobytes(), how)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Background) and self._key == other._key

    def __hash__(self) -> int:
        return hash(self._key)


@lru_cache(maxsize=8)
def _beside(background: _Background) -> tuple[tuple[Judgement, ...], Mapping[str, Score]]:
    """Baselines and ceiling: most of the work of judging, and the same for all measures on a leaderboard."""
    from dsim.evaluation.baselines import ceiling

    aligned, how = background.aligned, background.how
    return baselines(aligned, how), ceiling(aligned.truth, aligned.candidates, how)


def _matrix(given: Any) -> SimilarityMatrix:
    from dsim.truth import TransferMatrix, open_distances

    if isinstance(given, TransferMatrix):
        raise UsageError(
            f"distances of a measure were expected, got the truth {given.name}",
            hint="give the matrix first, the truth second: evaluate(matrix, truth)",
        )
    return given if isinstance(given, SimilarityMatrix) else open_distances(given)


def _truth(given: TransferMatrix | str | Path) -> TransferMatrix:
    from dsim.truth import open_truth

    if isinstance(given, SimilarityMatrix):
        raise UsageError(
            f"a truth was expected, got the values of {given.measure}",
            hint="give the matrix first, the truth second: evaluate(matrix, truth)",
        )
    return open_truth(given) if isinstance(given, str | Path) else given


def _judgement(matrix: SimilarityMatrix, aligned: Aligned, how: Intervals) -> Judgement:
    """The judgement of the measure, with what only a measure has: EQC, and r in the sign of the cats paper."""
    relative = aligned.truth.transferability
    judged = judge(
        matrix.measure,
        aligned.distances,
        aligned.judged,
        aligned.counted,
        how,
        sources=aligned.sources,
        targets=aligned.targets,
        pooled_scores=relative,
    )
    scores = {**judged.scores, "eqc": _eqc(matrix.provenance)}
    for name, symbol in (("pooled_pearson", "r"), ("pooled_spearman", "rho")):
        score = scores[name]
        said = f"{symbol} of distance and transferability is {-score.value:z.3f}, in the sign of the cats paper"
        if relative is None:
            said = "of scores without a baseline: it mixes how hard targets are with how near sources are"
        if not math.isnan(score.value):
            scores[name] = replace(score, note="; ".join(text for text in (said, score.note) if text))
    return replace(judged, scores=scores)


def _eqc(provenance: Mapping[str, Any]) -> Score:
    embedding = provenance.get("embedding")
    if not embedding:
        return missing("eqc", "the measure has no embedding")
    value = embedding["eqc"]["paper"]
    if value is None:
        return missing("eqc", "it is not defined for these sources")
    return Score("eqc", value, math.nan, math.nan, 0, f"of the sources {', '.join(embedding['sources'])}; no interval")


def _notes(matrix: SimilarityMatrix, aligned: Aligned, judgement: Judgement) -> Iterator[str]:
    """The notes that must stand beside the numbers."""
    import numpy as np

    count = len(aligned.targets)
    if count < FEW_TARGETS:
        yield f"only {count} target{'s' * (count != 1)}: intervals over targets say little"
    if aligned.left_out:
        yield f"judged is what both have; left out: {names_by_side(aligned.left_out)}"
    if aligned.excluded.any():
        yield f"pairs of a dataset with itself that are left out: {np.count_nonzero(aligned.excluded)}"
    yield from _unknown(aligned)
    undefined = np.count_nonzero(np.isnan(judgement.per_target["pearson"]))
    if undefined:
        yield f"targets without a correlation, left out of its mean: {undefined} of {count}"
    if aligned.truth.repetitions < 2:
        yield f"{aligned.truth.name} was measured once: its noise, and so the ceiling, is not known"
    for target in aligned.targets:
        seen = matrix.provenance.get("datasets", {}).get(target, {}).get("seen_by")
        if seen:
            yield f"{target} was seen in training by {', '.join(seen)}: as a target it is no honest test"


def _unknown(aligned: Aligned) -> Iterator[str]:
    """Pairs that lack something, named; where both sides lack it there is nothing to judge, and nothing is lost."""
    unscored = {(source, target) for source, target, side, _ in aligned.unknown if side == "truth"}
    undistanced = [pair[:2] for pair in aligned.unknown if pair[2] == "distance" and pair[:2] not in unscored]
    for pairs, meaning in (
        (undistanced, "without a distance, whose source cannot be chosen but may have been the best"),
        (sorted(unscored), "that were not measured, and do not count"),
    ):
        if pairs:
            names = ", ".join(f"{source} for {target}" for source, target in pairs)
            yield f"pairs {meaning} ({len(pairs)}): {names}"
