"""What a row says of each target: which source was chosen, and what that cost."""

from __future__ import annotations

import math
from html import escape
from typing import TYPE_CHECKING

from dsim.leaderboard.page import wording
from dsim.leaderboard.rows import Board, Row

if TYPE_CHECKING:
    from dsim.evaluation import Evaluation

_EACH = '<span class="on-screen">each target</span>'
_HEADS = ("target", "chosen source", "best source", "regret", "Pearson", "Spearman", "Kendall")


def regrets(board: Board, row: Row) -> list[tuple[float, str]]:
    """Regret of each target of the truth, in order, and a sentence about it; empty for rows that were not judged."""
    if row.evaluation is None:
        return []
    found = {target: _regret(board, row.evaluation, place) for place, target in enumerate(row.evaluation.targets)}
    return [found.get(target, (math.nan, f"{target}: not judged")) for target in board.truth.targets]


def _regret(board: Board, evaluation: Evaluation, place: int) -> tuple[float, str]:
    target, chosen = evaluation.targets[place], evaluation.judgement.selected[place]
    value = float(evaluation.judgement.per_target["regret"][place])
    if math.isnan(value):
        return value, f"{target}: {evaluation.judgement.reasons.get(('regret', target), 'no regret')}"
    return value, f"{target}: chose {_either(chosen)}, regret {wording.figure('regret', value, board.truth)}"


def details(board: Board, row: Row, wide: int) -> str:
    """A row of the table below a measure's own, folded up; empty for rows that were not judged."""
    if row.evaluation is None:
        return ""
    kind = ' class="text"'
    heads = "".join(
        f'<th scope="col"{kind if place < 3 else ""}>{escape(head)}</th>' for place, head in enumerate(_HEADS)
    )
    lines = "".join(_target(board, row.evaluation, place) for place in range(len(row.evaluation.targets)))
    table = f"<table><thead><tr>{heads}</tr></thead><tbody>{lines}</tbody></table>"
    parameters = wording.name_and_parameters(row.measure)[1]
    said = f'<code>{escape(parameters)}</code><span class="unseen">, each target</span>' if parameters else _EACH
    folded = f"<details><summary>{said}</summary>{table}</details>"
    return f'<tr class="more"><td></td><td colspan="{wide}">{folded}</td></tr>'


def _target(board: Board, evaluation: Evaluation, place: int) -> str:
    target = evaluation.targets[place]
    chosen = _either(evaluation.judgement.selected[place], evaluation, place, board)
    texts = [target, chosen or wording.NONE, _best(board, evaluation, place)]
    cells = [f'<td class="text">{escape(text)}</td>' for text in texts]
    for score in ("regret", "pearson", "spearman", "kendall"):
        value = float(evaluation.judgement.per_target[score][place])
        why = evaluation.judgement.reasons.get((score, target), "")
        said = f' title="{escape(why)}"' if why else ""
        cells.append(f"<td{said}>{escape(wording.figure(score, value, board.truth))}</td>")
    return f"<tr>{''.join(cells)}</tr>"


def _best(board: Board, evaluation: Evaluation, place: int) -> str:
    """The best of the sources that a choice is measured against; several where they are equal."""
    import numpy as np

    from dsim.evaluation.judgement import candidates_of

    held = candidates_of(evaluation.distances, evaluation.scores, evaluation.counted)[:, place]
    if not held.any():
        return wording.NONE
    scores = np.where(held, evaluation.scores[:, place], -np.inf)
    best = tuple(evaluation.sources[i] for i in np.flatnonzero(scores == scores.max()))
    return _either(best, evaluation, place, board)


def _either(
    sources: tuple[str, ...], evaluation: Evaluation | None = None, place: int = 0, board: Board | None = None
) -> str:
    """Names joined by ``or``, with their scores where an evaluation is given."""
    if evaluation is None or board is None:
        return " or ".join(sources)
    scores = {name: float(evaluation.scores[i, place]) for i, name in enumerate(evaluation.sources)}
    return " or ".join(f"{name} ({wording.figure('regret', scores[name], board.truth)})" for name in sources)
