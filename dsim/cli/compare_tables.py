"""Tables and notes of ``dsim compare``: the ranking of one measure, and the agreement of several."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.comparison import Agreement
    from dsim.measures import Ranked, Ranking, SimilarityMatrix


#: Sources per target in the table; the files hold all.
_SHOWN = 3
_LEVEL = 0.05


def show(matrix: SimilarityMatrix, written: Sequence[Path]) -> None:
    """Print the nearest sources of each target, then failures, notes and written files."""
    from dsim.ui import print_table, say, say_written

    title = f"{matrix.measure}, a {matrix.direction}: sources for each target, best first{_shown_of(matrix)}"
    columns = ["target", "rank", "source", "value", f"{matrix.confidence:.0%} interval", "first in", "verdict"]
    columns[4:4] = [*(["noise floor"] if matrix.floor else []), *(["p"] if matrix.permutations else [])]
    print_table(title, columns, list(_rows(matrix)), right=["rank", "value", "noise floor", "p", "first in"])
    for line in (*_failures(matrix), *notes(matrix)):
        say(line)
    say_written(written)


def notes(matrix: SimilarityMatrix) -> Iterator[str]:
    """Yield the notes on a matrix, one line each."""
    datasets = matrix.provenance["datasets"]
    seen = [name for name in matrix.targets if datasets[name]["seen_by"]]
    if seen:
        fair = "as targets they seem nearer than new data would"
        yield f"note: the measure's model was trained on {', '.join(seen)}: {fair}"
    by_remark: dict[str, list[str]] = {}
    for name, described in datasets.items():
        for remark in described["remarks"]:
            by_remark.setdefault(remark, []).append(name)
    yield from (f"note: {_named(names, len(datasets))}: {remark}" for remark, names in by_remark.items())
    if matrix.permutations:
        yield from _about_p(matrix)
    embedding = matrix.provenance.get("embedding")
    if embedding and embedding["eqc"]["paper"] is not None:
        forms = {form: value for form, value in embedding["eqc"].items() if value is not None}
        other = f" (form of the reference code: {forms['reference']:.4g})" if "reference" in forms else ""
        yield f"note: EQC of the sources' embedding: {forms['paper']:.4g}{other}; lower is better"


def _named(names: Sequence[str], datasets: int) -> str:
    """Return the names of the datasets that a remark is about, at most three.

    >>> _named(["a", "b"], 2), _named(["a", "b", "c", "d", "e"], 9)
    ('all datasets', 'a, b, c and 2 more')
    """
    if len(names) == datasets:
        return "all datasets"
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _about_p(matrix: SimilarityMatrix) -> Iterator[str]:
    tests = max(len(ranking.entries) for ranking in matrix.rankings())
    least = tests / (matrix.permutations + 1)
    short = f"; with {tests} sources that is never under {least:.2g}: --test {math.ceil(tests / _LEVEL) - 1} or more"
    yield (
        f"note: p is of each pair alone, from {matrix.permutations} permutations; p adjusted for all sources of a "
        f"target (Holm) is in matrix.json{short if least > _LEVEL else ''}"
    )
    failed = {note for row in matrix.p_notes or () for note in row if note}
    yield from (f"note: no p: {reason}" for reason in sorted(failed - {note for row in matrix.notes for note in row}))


def _failures(matrix: SimilarityMatrix) -> list[str]:
    """Return one line per reason: a dataset that cannot be summarised fails in all of its pairs."""
    pairs: dict[str, list[str]] = {}
    for source, target, reason in matrix.failed:
        pairs.setdefault(reason, []).append(f"{source} -> {target}")
    return [
        f"failed: {found[0]}{f' and {len(found) - 1} more pairs' if found[1:] else ''}: {reason}"
        for reason, found in pairs.items()
    ]


def _shown_of(matrix: SimilarityMatrix) -> str:
    available = max(len(ranking.entries) for ranking in matrix.rankings())
    return f" ({_SHOWN} of {available}; all are in matrix.json)" if available > _SHOWN else ""


def _rows(matrix: SimilarityMatrix) -> Iterator[list[str]]:
    for ranking in matrix.rankings():
        for rank, entry in enumerate(ranking.entries[:_SHOWN], 1):
            yield _row(matrix, ranking, rank, entry)


def _row(matrix: SimilarityMatrix, ranking: Ranking, rank: int, entry: Ranked) -> list[str]:
    first, known = rank == 1, not math.isnan(entry.low)
    row = [
        ranking.target if first else "",
        str(rank),
        entry.source,
        "failed" if math.isnan(entry.value) else f"{entry.value:.4g}",
    ]
    if matrix.floor:
        row.append(_number(matrix.floor[ranking.target]) if first else "")
    if matrix.permutations:
        row.append(_number(entry.p, ".2g"))
    return [
        *row,
        f"{entry.low:.4g} to {entry.high:.4g}" if known else "",
        f"{entry.first_share:.0%}" if known else "",
        ranking.verdict.reason if first else "",
    ]


def _number(value: float, form: str = ".4g") -> str:
    return "" if math.isnan(value) else format(value, form)


#: Sources per target of those that some measure ranks first.
_SHOWN_VOTES = 3


def show_agreement(found: Agreement, written: Sequence[Path]) -> None:
    """Print the votes for each target, then each measure beside the others."""
    from dsim.ui import print_table, say, say_written

    title = f"where {len(found.measures)} measures agree: how many rank a source first"
    columns = ["target", "nearest", "votes", "tau", "orders alike"]
    print_table(
        title, columns, [_target(found, target) for target in found.targets], right=["votes", "tau", "orders alike"]
    )
    columns = ["measure", "tau with the others", "with the most votes", "failed pairs", "seconds"]
    print_table("each measure", columns, _measures(found), right=columns[1:])
    say("note: tau: Kendall's, of rankings, mean over pairs of measures (and over targets); 1 is the same order")
    say("note: seconds are of this run; results from the cache cost no time")
    say_written(written)


def _target(found: Agreement, target: str) -> list[str]:
    votes, (alike, pairs) = found.votes(target), found.orders(target)
    several = list(votes)[:_SHOWN_VOTES]
    more = f", {len(votes) - _SHOWN_VOTES} more" if len(votes) > _SHOWN_VOTES else ""
    nearest = f"{found.unanimous(target)}: all agree" if found.unanimous(target) else ", ".join(several) + more
    counted = ", ".join(str(votes[source]) for source in several)
    return [target, nearest or "none", counted, _tau(found.kendall_for(target)), f"{alike} of {pairs}"]


def _measures(found: Agreement) -> list[list[str]]:
    rows = []
    for position, matrix in enumerate(found.matrices):
        taus = [tau for other, tau in enumerate(found.kendall[position]) if other != position and not math.isnan(tau)]
        first = [next(iter(found.votes(target)), None) for target in found.targets]
        with_most = sum(matrix.verdicts[t].best == most for t, most in zip(found.targets, first, strict=True) if most)
        seconds = found.seconds.get(matrix.measure)
        rows.append(
            [
                matrix.measure,
                _tau(sum(taus) / len(taus)) if taus else "",
                f"{with_most} of {len(found.targets)}",
                str(len(matrix.failed)) if matrix.failed else "",
                "" if seconds is None else f"{seconds:.1f}",
            ]
        )
    return rows


def _tau(value: float) -> str:
    return "" if math.isnan(value) else f"{value:.2f}"
