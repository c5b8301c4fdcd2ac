"""What the leaderboards say, as the tables of docs/findings.md: each measure against chance and the best fixed source.

    python benchmarks/findings.py docs/leaderboard/*/results.json

Prints Markdown. Differences are paired over targets, of mean regret: negative where the measure loses less. Their p is
that of the sign-flip test, with Holm's adjustment over all measures of a board; * marks those below 0.05.
"""

from __future__ import annotations

import math
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from dsim.evaluation import Contrast, Evaluation, Score, contrast_all
from dsim.leaderboard import Board, Row
from dsim.registry import default
from dsim.stats.shares import holm
from dsim_ensemble.measure import Ensemble

CHANCE, FIXED = "random", "best fixed source, others"
LEVEL = 0.05
#: Targets for which the pool holds another set of the same objects, stained or lit alike: told by the sets' cards, not
#: by any score.
KIN = {
    "biomed16-dsc": ("bbbc039", "dsb2018_fluo", "fluo_n2dh_sim", "dsb2018_histo", "monuseg", "tcga_glioma_nuclei"),
}


def main(arguments: Sequence[str] | None = None) -> None:
    for path in sys.argv[1:] if arguments is None else arguments:
        board = Board.from_json(Path(path))
        print(f"## {board.truth.name}\n", *findings(board), sep="\n")


def findings(board: Board) -> list[str]:
    """The lines of one board: a table of all measures, the ensemble and its members, targets with and without kin."""
    rows = [row for row in board.rows if row.evaluation is not None]
    digits = 1 if board.truth.unit == "%" else 3
    return [*_table(rows, digits), "", *_ensemble(rows, digits), *_kin(rows, KIN.get(board.truth.name, ()))]


def _table(rows: Sequence[Row], digits: int) -> Iterator[str]:
    yield "| measure | reads | mean regret | top-1 | RCI | against chance | p | against best fixed | p |"
    yield "|---|---|---:|---:|---:|---:|---:|---:|---:|"
    chance, fixed = (_contrasts(rows, baseline, digits) for baseline in (CHANCE, FIXED))
    for row, first, second in zip(rows, chance, fixed, strict=True):
        scores = row.scores
        cells = [
            f"`{row.measure}`",
            _reads(row.measure),
            _interval(scores["regret"], len(_evaluation(row).targets), digits),
            f"{scores['top1'].value * scores['top1'].targets:.3g} of {scores['top1'].targets}",
            _interval(scores["spearman"], len(_evaluation(row).targets), 2),
            *first,
            *second,
        ]
        yield f"| {' | '.join(cells)} |"


def _contrasts(rows: Sequence[Row], baseline: str, digits: int) -> list[tuple[str, str]]:
    """Difference of mean regret and p, of each measure from a baseline; Holm's adjustment is over the measures."""
    found = [_contrast(_evaluation(row), baseline) for row in rows]
    adjusted = holm(np.array([contrast.p for contrast in found]))
    return [
        (_difference(one.difference, one.low, one.high, digits), f"{p:.2g}{'*' if p < LEVEL else ''}")
        for one, p in zip(found, adjusted, strict=True)
    ]


def _contrast(evaluation: Evaluation, baseline: str) -> Contrast:
    return next(one for one in evaluation.contrasts if one.score == "regret" and one.second == baseline)


def _ensemble(rows: Sequence[Row], digits: int) -> Iterator[str]:
    """The ensemble beside each of its members."""
    ours = next((row for row in rows if row.measure.partition("@")[0] == "ensemble"), None)
    if ours is None:
        return
    names = {member.identity for member in Ensemble().members}
    yield "| member of the ensemble | its mean regret less the ensemble's | p |"
    yield "|---|---:|---:|"
    for row in rows:
        if row.measure in names:
            found = contrast_all([_evaluation(ours), _evaluation(row)], ["regret"])[0]
            difference = _difference(-found.difference, -found.high, -found.low, digits)
            yield f"| `{row.measure}` | {difference} | {found.p:.2g} |"


def _kin(rows: Sequence[Row], kin: Sequence[str]) -> Iterator[str]:
    """Mean regret and hits apart: of targets that have kin in the pool, and of those that have none."""
    if not kin:
        return
    yield from ("", "| measure | kin in the pool: mean regret | top-1 | none: mean regret | top-1 |")
    yield "|---|---:|---:|---:|---:|"
    first = _evaluation(rows[0])
    references = [judged for judged in first.baselines if judged.name in (CHANCE, FIXED)]
    has = np.array([target in kin for target in first.targets])
    for judged in (*references, *(_evaluation(row).judgement for row in rows)):
        regret, top1 = judged.per_target["regret"], judged.per_target["top1"]
        cells = [
            f"{np.nanmean(regret[part]):.1f} | {np.nansum(top1[part]):.2g} of {part.sum()}" for part in (has, ~has)
        ]
        name = judged.name if judged in references else f"`{judged.name}`"
        yield f"| {name} | {' | '.join(cells)} |"


def _evaluation(row: Row) -> Evaluation:
    assert row.evaluation is not None
    return row.evaluation


def _reads(measure: str) -> str:
    spec = default().measure_spec(measure.partition("@")[0])
    return ", ".join(sorted(str(need) for need in spec.needs | spec.source_needs))


def _interval(score: Score, targets: int, digits: int) -> str:
    """A score with its interval, and of how many targets it is where some have none."""
    if math.isnan(score.value):
        return "?"
    of = "" if score.targets == targets else f", of {score.targets} target{'s' if score.targets > 1 else ''}"
    return f"{score.value:.{digits}f} ({score.low:.{digits}f} to {score.high:.{digits}f}){of}"


def _difference(value: float, low: float, high: float, digits: int) -> str:
    shown = (f"{round(number, digits) + 0.0:+.{digits}f}" for number in (value, low, high))
    return "{} ({} to {})".format(*shown)


if __name__ == "__main__":
    main()
