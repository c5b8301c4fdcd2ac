"""The ranking of sources for each target, with intervals on one scale."""

from __future__ import annotations

import math
from collections.abc import Iterator

from dsim.measures import Ranked, SimilarityMatrix
from dsim.report.page.answers import badge
from dsim.report.page.pictures import Scale, bar
from dsim.report.page.text import NONE, name, number, percent, text
from dsim.report.page.verdicts import of_measure

#: Sources in the ranking of a target; all values stand in the heat map.
_SHOWN = 12


def rankings(matrix: SimilarityMatrix, worded: bool) -> str:
    """One card for each target, with its verdict in words if they are ``worded``; then how they are to be read."""
    scale = Scale.over(_values(matrix))
    cards = "\n".join(_card(matrix, target, scale, worded) for target in matrix.targets)
    return f'<div class="rankings">\n{cards}\n</div>\n<p class="small key">{" ".join(_key(matrix, scale))}</p>'


def _values(matrix: SimilarityMatrix) -> Iterator[float]:
    """Everything that is drawn."""
    for ranking in matrix.rankings():
        yield (matrix.floor or {}).get(ranking.target, math.nan)
        for entry in ranking.entries:
            yield from (entry.value, entry.low, entry.high)


def _card(matrix: SimilarityMatrix, target: str, scale: Scale, worded: bool) -> str:
    said, entries = of_measure(matrix, target), matrix.ranking(target).entries
    floor = (matrix.floor or {}).get(target, math.nan)
    rows = "\n".join(_row(matrix, rank, entry, floor, scale) for rank, entry in enumerate(entries[:_SHOWN], 1))
    more = len(entries) - _SHOWN
    rest = f'<p class="small">{more} more in the heat map below.</p>' if more > 0 else ""
    words = f" {said.words}" if worded else ""
    heads = "".join(f'<th scope="col"{kind}>{head}</th>' for head, kind in _heads(matrix))
    return (
        f'<article class="card ranking"><h3>for {name(target)}</h3><p>{badge(said)}{words}</p>\n'
        f"<table><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>{rest}</article>"
    )


def _heads(matrix: SimilarityMatrix) -> list[tuple[str, str]]:
    value = f"{matrix.direction}{f', {text(matrix.unit)}' if matrix.unit else ''}"
    heads = [
        ('<span class="unseen">rank</span>', ""),
        ("source", ' class="text"'),
        ('<span class="unseen">drawn</span>', ' class="drawn"'),
        (value, ""),
    ]
    heads += [("first\u00a0in", "")] if matrix.replicates else []
    return [*heads, ("p", "")] if matrix.permutations else heads


def _row(matrix: SimilarityMatrix, rank: int, entry: Ranked, floor: float, scale: Scale) -> str:
    source = f'<td>{rank}</td><th scope="row" class="text">{name(entry.source)}</th>'
    if math.isnan(entry.value):
        wide = len(_heads(matrix)) - 2
        return f'<tr class="failed">{source}<td class="reason" colspan="{wide}">failed: {text(entry.note)}</td></tr>'
    known = not math.isnan(entry.low)
    bounds = f'<span class="ci">{number(entry.low)} to {number(entry.high)}</span>' if known else ""
    cells = [
        f'<td class="drawn">{bar(entry.value, entry.low, entry.high, floor, scale)}</td>',
        f"<td>{number(entry.value)}{bounds}</td>",
    ]
    cells += [f"<td>{percent(entry.first_share)}</td>"] if matrix.replicates else []
    cells += [f"<td>{NONE if math.isnan(entry.p) else f'{entry.p:.2g}'}</td>"] if matrix.permutations else []
    return f"<tr>{source}{''.join(cells)}</tr>"


def _key(matrix: SimilarityMatrix, scale: Scale) -> Iterator[str]:
    yield f"All rankings are drawn on one scale, {number(scale.low)} to {number(scale.high)}."
    if matrix.replicates:
        yield (
            f"Bar: {100 * matrix.confidence:g} % interval over {matrix.replicates} resamples of the images. First in: "
            "share of the resamples in which the source ranks first."
        )
    if matrix.floor and not all(math.isnan(matrix.floor.get(target, math.nan)) for target in matrix.targets):
        yield (
            "Dashed line: how far two random halves of the target are from each other; nearer than that, no distance "
            "is left to explain."
        )
    if matrix.permutations:
        yield f"p: of {matrix.permutations} permutations, of each pair by itself: could both be one population?"
