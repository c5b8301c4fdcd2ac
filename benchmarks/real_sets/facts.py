"""What a truth of real sets, which are sources and targets, says of itself."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from benchmarks.phantom_truth.facts import best_again, seeds_agree
from dsim.evaluation import Judgement, Score, evaluate
from dsim.measures import SimilarityMatrix
from dsim.registry import Direction
from dsim.truth import TransferMatrix


@dataclass(frozen=True)
class Facts:
    """Scores in the truth's unit; all but ``own`` and ``own_spread`` without self pairs.

    Parameters
    ----------
    means, spread : (sources, targets), mean and standard deviation over the repetitions; NaN for self pairs.
    own, own_spread : (sources,), of the self pairs; NaN of a source that is no target.
    best : of each target the source with the largest mean.
    baselines : by name, what simple choices score; ``ceiling`` : what a perfect measure would, by name of the score.
    seeds_agree, best_again : see ``benchmarks.phantom_truth.facts``.
    """

    means: NDArray[np.float64]
    spread: NDArray[np.float64]
    own: NDArray[np.float64]
    own_spread: NDArray[np.float64]
    best: tuple[str, ...]
    baselines: Mapping[str, Judgement]
    ceiling: Mapping[str, Score]
    seeds_agree: float
    best_again: float


def facts(truth: TransferMatrix) -> Facts:
    """Everything that the cards tell of any measured truth."""
    values, same = truth.values.copy(), selves(truth)
    own = np.full((len(truth.sources), truth.repetitions), np.nan)
    own[same.any(axis=1)] = values[same]
    values[same] = np.nan
    means, spread = values.mean(axis=2), _spread(values)
    judged = evaluate(_as_measure(truth), truth)
    return Facts(
        means=means,
        spread=spread,
        own=own.mean(axis=1),
        own_spread=_spread(own),
        best=tuple(truth.sources[i] for i in np.nanargmax(means, axis=0)),
        baselines={each.name: each for each in judged.baselines},
        ceiling=judged.ceiling,
        seeds_agree=seeds_agree(values),
        best_again=best_again(values) if truth.repetitions > 1 else float("nan"),
    )


def _spread(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Standard deviation between repetitions, along the last axis; NaN of one repetition."""
    if values.shape[-1] < 2:
        return np.full(values.shape[:-1], np.nan)
    spread: NDArray[np.float64] = values.std(axis=-1, ddof=1)
    return spread


def selves(truth: TransferMatrix) -> NDArray[np.bool_]:
    """Which pairs are of a source with itself, (sources, targets)."""
    return np.array([[source == target for target in truth.targets] for source in truth.sources])


def _as_measure(truth: TransferMatrix) -> SimilarityMatrix:
    """The scores themselves as similarities: baselines and ceiling depend on the truth alone."""
    return SimilarityMatrix(
        measure="oracle",
        direction=Direction.SIMILARITY,
        unit=truth.unit,
        sources=truth.sources,
        targets=truth.targets,
        values=truth.mean,
        notes=tuple(("",) * len(truth.targets) for _ in truth.sources),
        same=selves(truth),
        verdicts={},
        provenance={},
    )
