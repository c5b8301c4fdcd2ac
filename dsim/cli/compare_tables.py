"""Tables and notes of ``dsim compare``: the ranking of one measure, and the agreement of several."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import click

if TYPE_CHECKING:
    from dsim.comparison import Agreement
    from dsim.measures import Ranked, Ranking, SimilarityMatrix


#: Sources per target in the table, and where the statistics are asked for; the files hold all.
_SHOWN, _SHOWN_WHY = 3, 10
_LEVEL = 0.05


def show(matrix: SimilarityMatrix, written: Sequence[Path], why: bool = False, answers: Iterable[str] = ()) -> None:
    """Print the answers and the nearest sources, then failures, notes and written files; statistics with ``why``."""
    from dsim.cli.answer import print_answers
    from dsim.ui import say, say_written

    print_answers(answers)
    show_ranking(matrix, why)
    for line in (*failures(matrix), *notes(matrix, statistics=why)):
        say(line)
    say_written(written)
    if not why:
        _tell_of_more("the statistics behind the answer", written[0].parent)


def show_several(
    matrices: Sequence[SimilarityMatrix], found: Agreement | None, out: Path, why: bool, answers: Iterable[str] = ()
) -> None:
    """Print the votes of several measures and the answers, the tables of each with ``why``, failures and notes.

    ``out`` : the folder of all results, or of the one measure that gave some.
    """
    from dsim.cli.answer import print_answers
    from dsim.ui import say

    if found is not None:
        show_votes(found)
    print_answers(answers)
    if found is not None:
        show_agreement(found, why)
    for matrix in matrices if why or found is None else ():
        show_ranking(matrix, why)
    lines = [f"{matrix.measure}: {line}" for matrix in matrices for line in failures(matrix)]
    for line in dict.fromkeys([*lines, *(line for matrix in matrices for line in notes(matrix, statistics=why))]):
        say(line)
    alone = f"the results of {matrices[0].measure}"
    say(f"wrote {out}: {'a folder for each measure, agreement.json, agreement.png' if found else alone}")
    if not why:
        _tell_of_more("each measure's tables", out)


def _tell_of_more(what: str, folder: Path) -> None:
    from dsim.ui import say

    say(f"more: --why prints {what}; dsim report {shlex.quote(str(folder))} makes one page")


def show_ranking(matrix: SimilarityMatrix, why: bool) -> None:
    """Print the nearest sources of each target; with ``why`` more of them, with intervals, in a table per target."""
    from dsim.ui import print_table

    if why:
        for ranking in matrix.rankings():
            _show_why(matrix, ranking)
        return
    title = f"{matrix.measure}, a {matrix.direction}: sources for each target, best first{_shown_of(matrix, _SHOWN)}"
    columns = ["target", "rank", "source", "value", *(["noise floor"] if matrix.floor else []), *_tested(matrix)]
    rows = []
    for ranking in matrix.rankings():
        for rank, entry in enumerate(ranking.entries[:_SHOWN], 1):
            floor = [_floor(matrix, ranking.target) if rank == 1 else ""] if matrix.floor else []
            cells = [ranking.target if rank == 1 else "", str(rank), entry.source, _value(entry), *floor]
            rows.append([*cells, *_p(entry, matrix)])
    print_table(title, columns, rows, right=["rank", *columns[3:]], optional=["noise floor"])


def _show_why(matrix: SimilarityMatrix, ranking: Ranking) -> None:
    """The ranking for one target with everything that is known of each value."""
    from dsim.ui import print_table

    columns = ["rank", "source", "value", f"{matrix.confidence:.0%} interval", "first in", *_tested(matrix)]
    rows = [
        [str(rank), entry.source, _value(entry), *_interval(entry), *_p(entry, matrix)]
        for rank, entry in enumerate(ranking.entries[:_SHOWN_WHY], 1)
    ]
    said = [ranking.verdict.reason]
    if ranking.verdict.low < ranking.verdict.high:
        low, high = (f"{bound:.4g}" for bound in (ranking.verdict.low, ranking.verdict.high))
        said.append(f"{ranking.verdict.second} lies {low} to {high} farther")
    if matrix.floor and (found := _floor(matrix, ranking.target)):
        said.append(f"noise floor {found}")
    of = f"{ranking.target}, by {matrix.measure}, a {matrix.direction}{_shown_of(matrix, _SHOWN_WHY)}"
    title = f"{of}: {'; '.join(said)}"
    print_table(title, columns, rows, right=[column for column in columns if column != "source"])


def notes(matrix: SimilarityMatrix, statistics: bool = True) -> Iterator[str]:
    """Yield the notes on a matrix, one line each; those on the quality of its embedding only with ``statistics``."""
    datasets = matrix.provenance["datasets"]
    seen = [name for name in matrix.targets if datasets[name]["seen_by"]]
    if seen:
        fair = "as targets they seem nearer than new data would"
        yield f"note: the measure's model was trained on {', '.join(seen)}: {fair}"
    yield from _about_same(matrix)
    yield from _about_shared(matrix)
    by_remark: dict[str, list[str]] = {}
    for name, described in datasets.items():
        for remark in described["remarks"]:
            by_remark.setdefault(remark, []).append(name)
    yield from (f"note: {_named(names, len(datasets))}: {remark}" for remark, names in by_remark.items())
    if matrix.permutations:
        yield from _about_p(matrix)
    embedding = matrix.provenance.get("embedding")
    if statistics and embedding and embedding["eqc"]["paper"] is not None:
        forms = {form: value for form, value in embedding["eqc"].items() if value is not None}
        other = f" (form of the reference code: {forms['reference']:.4g})" if "reference" in forms else ""
        yield f"note: EQC of the sources' embedding: {forms['paper']:.4g}{other}; lower is better"


def _about_same(matrix: SimilarityMatrix) -> Iterator[str]:
    """Which sources are not ranked, since they are the target; nothing where targets are the sources by default."""
    if matrix.sources == matrix.targets:
        return
    pairs = [(s, t) for j, t in enumerate(matrix.targets) for i, s in enumerate(matrix.sources) if matrix.same[i, j]]
    for source, target in pairs[:_SHOWN]:
        yield f"note: {source} is the target {'itself' if source == target else target}: it is not ranked"
    if len(pairs) > _SHOWN:
        yield f"note: {len(pairs) - _SHOWN} more sources are targets too: none is ranked for itself"


def _about_shared(matrix: SimilarityMatrix) -> Iterator[str]:
    from dsim.data import say_shared_images

    pairs = matrix.provenance.get("shared_images", ())
    for pair in pairs[:_SHOWN]:
        yield f"note: {say_shared_images(pair['images'], pair['target'], pair['source'])}"
    if len(pairs) > _SHOWN:
        yield f"note: {len(pairs) - _SHOWN} more pairs share images: matrix.json, shared_images in provenance"


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


def failures(matrix: SimilarityMatrix) -> list[str]:
    """Return one line per reason: a dataset that cannot be summarised fails in all of its pairs."""
    pairs: dict[str, list[str]] = {}
    for source, target, reason in matrix.failed:
        pairs.setdefault(reason, []).append(f"{source} -> {target}")
    return [
        f"failed: {found[0]}{f' and {len(found) - 1} more pairs' if found[1:] else ''}: {reason}"
        for reason, found in pairs.items()
    ]


def _shown_of(matrix: SimilarityMatrix, shown: int) -> str:
    available = max(len(ranking.entries) for ranking in matrix.rankings())
    return f" ({shown} of {available}; all are in matrix.json)" if available > shown else ""


def _tested(matrix: SimilarityMatrix) -> list[str]:
    """The column of p-values, where there are some."""
    return ["p"] if matrix.permutations else []


def _p(entry: Ranked, matrix: SimilarityMatrix) -> list[str]:
    return [_number(entry.p, ".2g")] if matrix.permutations else []


def _value(entry: Ranked) -> str:
    return "failed" if math.isnan(entry.value) else f"{entry.value:.4g}"


def _interval(entry: Ranked) -> list[str]:
    """The interval and the share of first ranks; empty where there is no interval."""
    if math.isnan(entry.low):
        return ["", ""]
    return [f"{entry.low:.4g} to {entry.high:.4g}", f"{entry.first_share:.0%}"]


def _floor(matrix: SimilarityMatrix, target: str) -> str:
    return _number((matrix.floor or {})[target])


def _number(value: float, form: str = ".4g") -> str:
    return "" if math.isnan(value) else format(value, form)


#: Sources per target of those that some measure ranks first.
_SHOWN_VOTES = 3
#: Targets whose vote is said in a sentence; a table holds more.
_SENTENCES = 3


def show_votes(found: Agreement) -> None:
    """Print how many measures put which source first, for each target."""
    several = len(found.targets) > 1
    for target in found.targets[:_SENTENCES]:
        click.echo(f"{target}: {found.sentence(target)}" if several else found.sentence(target))
    if len(found.targets) > _SENTENCES:
        decided = sum(found.poll(target).decided for target in found.targets)
        click.echo(f"for {decided} of {len(found.targets)} targets more than half of the measures agree")


def show_agreement(found: Agreement, why: bool) -> None:
    """Print the votes of many targets as a table; with ``why`` how alike the rankings are, of all."""
    from dsim.ui import print_table, say

    if why or len(found.targets) > _SENTENCES:
        columns = ["target", "nearest", "votes", *(["tau", "orders alike"] if why else [])]
        rows = [_target(found, target)[: len(columns)] for target in found.targets]
        title = f"where {len(found.measures)} measures agree: how many rank a source first"
        print_table(title, columns, rows, right=columns[2:])
    if not why:
        return
    columns = ["measure", "tau with the others", "with the most votes", "failed pairs", "seconds"]
    print_table("each measure", columns, _measures(found), right=columns[1:])
    say("note: tau: Kendall's, of rankings, mean over pairs of measures (and over targets); 1 is the same order")
    say("note: seconds are of this run; results from the cache cost no time")


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
