"""The answer that is printed first: a sentence for each target, how reliable it is, and what to type next."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.comparison import Agreement
    from dsim.data import Dataset
    from dsim.measures import SimilarityMatrix, Verdict

#: Targets with a sentence each; all verdicts are in the files.
_SENTENCES = 8
#: In front of a command, which is one line for whoever copies it; and in front of another that may serve as well.
NEXT, OTHERWISE = "Next", "Or"


def print_answers(lines: Iterable[str]) -> None:
    """Print sentences on stdout, folded to the terminal between words; a line with a command stays whole."""
    from dsim.ui import print_behind

    for line in lines:
        if line.startswith((NEXT, OTHERWISE)):
            print(line)
        else:
            print_behind("", line)


def answers(matrix: SimilarityMatrix, datasets: Mapping[str, Dataset]) -> Iterator[str]:
    """Yield the lines that stand above the tables of a comparison by one measure.

    ``datasets`` : those that a command can name, by name. Values of the matrix are (sources, targets).
    """
    from dsim.measures import answer
    from dsim.recommend import in_words, stored_for

    rankings = matrix.rankings()
    for ranking in rankings[:_SENTENCES]:
        yield answer(ranking.verdict, len(ranking.entries))
    if len(rankings) > _SENTENCES:
        yield f"The answers for {len(rankings) - _SENTENCES} more targets are in matrix.json."
    verdicts = [ranking.verdict for ranking in rankings]
    if any(verdict.best for verdict in verdicts):
        yield in_words(stored_for(matrix))
    yield from _next_steps(verdicts, datasets)


def answers_of_several(found: Agreement, datasets: Mapping[str, Dataset]) -> Iterator[str]:
    """Yield the lines that stand below the votes of several measures: whether the chosen sources resemble the targets.

    ``datasets`` : those that a command can name, by name.
    """
    from dsim.comparison import verdict_of_votes
    from dsim.measures import answer

    verdicts = [verdict for target in found.targets if (verdict := verdict_of_votes(found, target)) is not None]
    for verdict in verdicts[:_SENTENCES]:
        if verdict.resemblance is not None:
            sources = len(found.matrices[0].ranking(verdict.target).entries)
            yield answer(verdict, sources)
    yield from _next_steps(verdicts, datasets)


def _next_steps(verdicts: Sequence[Verdict], datasets: Mapping[str, Dataset]) -> Iterator[str]:
    """Yield what to do next: a command for the first target, or what else to do where no source resembles one."""
    from dsim.measures import Likeness, instead, join_ways

    unlike = [verdict for verdict in verdicts if verdict.likeness is Likeness.NONE]
    if unlike:
        yield f"Instead of pre-labelling: {join_ways(instead(unlike[0]))}."
    useful = [verdict for verdict in verdicts if verdict.best and verdict.likeness is not Likeness.NONE]
    command = _command(useful[0], datasets) if useful else ""
    if command:
        yield f"{NEXT}{', and so for each target' if len(useful) > 1 else ''}: {command}"


def _command(verdict: Verdict, datasets: Mapping[str, Dataset]) -> str:
    """The command that applies the zoo's model of the source, or trains one; empty where neither can be typed."""
    from dsim.recommend import command, models_of, segmenting

    source, target = datasets.get(verdict.source or ""), datasets.get(verdict.target)
    if source is None or target is None or "memory" in (source.location, target.location):
        return ""
    return command(source, target, segmenting(models_of(source, target))) or ""
