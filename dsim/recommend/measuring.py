"""How reliable a procedure's choices are: judged by measured transfer, the target never among the sources."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from dsim.recommend.procedure import Outcome, Procedure, carry_out
from dsim.recommend.reliability import Part, Reliability, Shown
from dsim.runtime import VERSION, Runtime

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.evaluation import Evaluation
    from dsim.measures import SimilarityMatrix
    from dsim.truth import TransferMatrix

#: Rankings that look at no image, and use nothing of the target's scores: what a choice must beat.
BESIDE = ("random", "best fixed source, others")


def measure_reliability(
    truth: TransferMatrix,
    sources: Sequence[Dataset],
    targets: Sequence[Dataset],
    procedure: Procedure,
    *,
    seed: int = 0,
    jobs: int = 1,
    runtime: Runtime | None = None,
    notes: Sequence[str] = (),
) -> Reliability:
    """Choose a source for every target of a truth, each taken from the pool first, and judge the choices.

    Parameters
    ----------
    sources, targets : the datasets under the truth's names, as ``open_benchmark`` gives them.
    notes : what must be said beside the numbers.

    Raises what ``carry_out`` and ``evaluate`` raise. No number of the truth enters a choice.
    """
    from dsim.evaluation import evaluate

    how = runtime or Runtime()
    outcome = carry_out(procedure, sources, targets, bootstrap=0, seed=seed, jobs=jobs, runtime=how)
    matrix = joined(outcome.matrices, [dataset.name for dataset in sources], [dataset.name for dataset in targets])
    found = evaluate(matrix, truth)
    scores = found.judgement.scores
    return Reliability(
        procedure=procedure.key,
        depends=procedure.depends,
        truth=truth.name,
        digest=truth.digest,
        score=truth.score,
        unit=truth.unit,
        sources=len(found.sources),
        targets=len(found.targets),
        top1=Shown.of(scores["top1"]),
        regret=Shown.of(scores["regret"]),
        beside=_beside(found),
        clear=_part(found, outcome, True) if procedure.members else None,
        unclear=_part(found, outcome, False) if procedure.members else None,
        seen=tuple(name for name in found.targets if matrix.provenance["datasets"][name]["seen_by"]),
        notes=tuple(notes),
        made={"dsim": VERSION, "created": datetime.now(UTC).isoformat(timespec="seconds"), "seed": seed},
    )


def joined(matrices: Sequence[SimilarityMatrix], sources: Sequence[str], targets: Sequence[str]) -> SimilarityMatrix:
    """One matrix of targets that were compared to different sources; it has values and notes, and no intervals.

    Where a source was left out for a target it is that target: NaN, and never ranked.
    """
    import numpy as np

    values = np.full((len(sources), len(targets)), np.nan)
    same = np.ones(values.shape, dtype=bool)
    notes = [["the target itself"] * len(targets) for _ in sources]
    for matrix in matrices:
        rows, columns = [sources.index(name) for name in matrix.sources], [targets.index(t) for t in matrix.targets]
        values[np.ix_(rows, columns)], same[np.ix_(rows, columns)] = matrix.values, matrix.same
        for row, told in zip(rows, matrix.notes, strict=True):
            for column, note in zip(columns, told, strict=True):
                notes[row][column] = note
    datasets = {name: told for matrix in matrices for name, told in matrix.provenance["datasets"].items()}
    return replace(
        matrices[0],
        sources=tuple(sources),
        targets=tuple(targets),
        values=values,
        notes=tuple(map(tuple, notes)),
        same=same,
        verdicts={name: verdict for matrix in matrices for name, verdict in matrix.verdicts.items()},
        provenance={**matrices[0].provenance, "datasets": datasets},
        clouds=None,
    )


def _beside(found: Evaluation) -> Mapping[str, tuple[Shown, Shown]]:
    judged = {baseline.name: baseline.scores for baseline in found.baselines}
    return {
        name: (Shown.of(judged[name]["top1"]), Shown.of(judged[name]["regret"])) for name in BESIDE if name in judged
    }


def _part(found: Evaluation, outcome: Outcome, clear: bool) -> Part:
    """Of the targets whose choice was clear, or was not: those that can be judged."""
    wanted = {choice.target for choice in outcome.choices if choice.clear is clear}
    scores = found.judgement.per_target
    rows = [
        (float(top1), float(regret))
        for target, top1, regret in zip(found.targets, scores["top1"], scores["regret"], strict=True)
        if target in wanted and not math.isnan(regret)
    ]
    mean = sum(regret for _, regret in rows) / len(rows) if rows else math.nan
    return Part(len(rows), sum(top1 for top1, _ in rows), mean)
