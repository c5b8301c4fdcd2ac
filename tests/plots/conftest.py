"""Evaluations to draw, of any size, with names that are hard to draw."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import pytest

from dsim.evaluation import Evaluation, evaluate
from dsim.measures import SimilarityMatrix
from dsim.registry import Direction
from dsim.truth import TransferMatrix

ODD = ("a_very_long_name_that_nobody_shortened_2024_v3", "_hidden", "$x_$1", "显微镜", "Клетки", "two\nlines")
Cells = dict[tuple[int, int], str]


def judged_of(
    sources: int,
    targets: int,
    *,
    own: bool = False,
    failed: Cells | None = None,
    unmeasured: Cells | None = None,
    baseline: bool = False,
    self_pairs: str = "exclude",
    measure: str = "toy@1",
    distances: np.ndarray | None = None,
) -> Evaluation:
    """The evaluation of distances that go with half of the scores; ``own``: the targets are among the sources."""
    rng = np.random.default_rng(sources)
    rows = [*ODD, *(f"source {i}" for i in range(sources))][:sources]
    columns = rows[:targets] if own else [*(f"{name} (t)" for name in ODD), *map(str, range(targets))][:targets]
    scores = rng.uniform(20, 95, (sources, targets))
    if distances is None:
        distances = (95 - scores) / 40 + rng.uniform(0, 2, scores.shape)
    notes = [[""] * targets for _ in rows]
    for (row, column), reason in (failed or {}).items():
        distances[row, column], notes[row][column] = np.nan, reason
    for place in unmeasured or {}:
        scores[place] = np.nan
    same = np.array([[row == column for column in columns] for row in rows])
    matrix = SimilarityMatrix(
        measure, Direction.DISTANCE, "", tuple(rows), tuple(columns), distances, tuple(map(tuple, notes)), same, {}, {}
    )
    truth = TransferMatrix(
        name="toy-truth",
        score="DSC",
        unit="%",
        sources=tuple(rows),
        targets=tuple(columns),
        values=scores[..., None],
        bounds=(0, 100),
        baseline=np.full((targets, 1), 50.0) if baseline else None,
        reasons={(rows[i], columns[j]): reason for (i, j), reason in (unmeasured or {}).items()},
    )
    return evaluate(matrix, truth, self_pairs=self_pairs, resamples=200)


@pytest.fixture
def judged() -> Callable[..., Evaluation]:
    """Makes an evaluation; see ``judged_of``."""
    return judged_of
