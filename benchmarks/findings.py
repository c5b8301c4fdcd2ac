"""What the leaderboards say, as the tables of docs/findings.md: each measure against chance and the best fixed source.

    python benchmarks/findings.py docs/leaderboard/*/results.json

Prints Markdown. Differences are paired over targets, of mean regret: negative where the measure loses less. Their p is
that of the sign-flip test, with Holm's adjustment over all measures of a board.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dsim.evaluation import Evaluation
from dsim.evaluation.contrasts import contrast_all
from dsim.evaluation.results import Contrast, Score
from dsim.leaderboard.rows import Board, Row
from dsim.registry import default
from dsim.stats.multiple import holm
from dsim_ensemble.measure import Ensemble

CHANCE, FIXED = "random", "best fixed source, others"
LEVEL = 0.05


def main(arguments: Sequence[str] | None = None) -> None:
    for path in sys.argv[1:] if arguments is None else arguments:
        print("\n".join(findings(Board.from_json(Path(path)))))


def findings(board: Board) -> list[str]:
    """The lines of one board: a table of all measures, what is certain of them, the ensemble beside its members."""
    rows = [row for row in board.rows if row.evaluation is not None]
    return [f"## {board.truth.name}", "", *_table(rows), "", *_ensemble(rows)]


def _table(rows: Sequence[Row]) -> Iterator[str]:
    yield "| measure | reads | mean regret | top-1 | RCI | against chance | p | against best fixed | p |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|"
    chance, fixed = (_contrasts(rows, baseline) for baseline in (CHANCE, FIXED))
    for row, first, second in zip(rows, chance, fixed, strict=True):
        scores = row.scores
        cells = [
            f"`{row.measure}`",
            _reads(row.measure),
            _interval(scores["regret"]),
            f"{scores['top1'].value * scores['top1'].targets:.3g} of {scores['top1'].targets}",
            _interval(scores["spearman"], 2),
            *first,
            *second,
        ]
        yield f"| {' | '.join(cells)} |"


def _contrasts(rows: Sequence[Row], baseline: str) -> list[tuple[str, str]]:
    """Difference of mean regret and p, of each measure from a baseline; Holm's adjustment is over the measures."""
    found = [_contrast(_evaluation(row), baseline) for row in rows]
    adjusted = holm(np.array([contrast.p for contrast in found]))
    return [
        (f"{one.difference:+.1f} ({one.low:+.1f} to {one.high:+.1f})", f"{p:.2g}{'*' if p < LEVEL else ''}")
        for one, p in zip(found, adjusted, strict=True)
    ]


def _contrast(evaluation: Evaluation, baseline: str) -> Contrast:
    return next(one for one in evaluation.contrasts if one.score == "regret" and one.second == baseline)


def _ensemble(rows: Sequence[Row]) -> Iterator[str]:
    """The ensemble beside each of its members."""
    ours = next((row for row in rows if row.measure.partition("@")[0] == "ensemble"), None)
    if ours is None:
        return
    names = {member.identity for member in Ensemble().members}
    members = [row for row in rows if row.measure in names]
    yield f"The ensemble ({_interval(ours.scores['regret'])}) beside its members, difference of mean regret:"
    yield ""
    for row in members:
        found = contrast_all([_evaluation(ours), _evaluation(row)], ["regret"])[0]
        yield f"- `{row.measure}` ({_interval(row.scores['regret'])}): {found.difference:+.1f} ({found.low:+.1f} to"
        yield f"  {found.high:+.1f}), p {found.p:.2g}"


def _evaluation(row: Row) -> Evaluation:
    assert row.evaluation is not None
    return row.evaluation


def _reads(measure: str) -> str:
    spec = default().measure_spec(measure.partition("@")[0])
    return ", ".join(sorted(str(need) for need in spec.needs))


def _interval(score: Score, digits: int = 1) -> str:
    if math.isnan(score.value):
        return "?"
    return f"{score.value:.{digits}f} ({score.low:.{digits}f} to {score.high:.{digits}f})"


if __name__ == "__main__":
    main()
