"""The board of a benchmark: measures run or taken from where they were kept, and all judged alike."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from dsim.errors import UnknownNameError, UsageError
from dsim.leaderboard.benchmark import Benchmark
from dsim.leaderboard.board import Board
from dsim.leaderboard.candidates import Candidate, StoredRows, candidate, candidates
from dsim.leaderboard.processes import Limits, Workers
from dsim.leaderboard.rows import Row, Status
from dsim.measures import SimilarityMatrix
from dsim.registry import parse_call
from dsim.runtime import Runtime
from dsim.truth import TransferMatrix, distance_names, open_distances, open_truth, published, truth_names

#: How papers are numbered, and what stands in front.
_NUMBERS = {"doi": "doi", "arxiv": "arXiv"}


def _published_here(truth: TransferMatrix) -> tuple[Row, ...]:
    """Return published distances between the datasets of this truth, and scores that papers print of it."""
    return (*_distances(truth), *(row for name in truth_names() if _is(name, truth) for row in _printed(name)))


def published_elsewhere(truth: TransferMatrix) -> tuple[Row, ...]:
    """Return the scores that papers print of measures judged on other truths."""
    return tuple(row for name in truth_names() if not _is(name, truth) for row in _printed(name))


def _is(name: str, truth: TransferMatrix) -> bool:
    """Whether the stored truth of that name is this one; a name alone could be borrowed."""
    return name == truth.name and open_truth(name).digest == truth.digest


def _distances(truth: TransferMatrix) -> Iterator[Row]:
    for name in distance_names():
        matrix = open_distances(name)
        if _fits(matrix, truth):
            yield Row(matrix.measure, Status.PUBLISHED, matrix=matrix, source=_source(matrix, name))


def _fits(matrix: SimilarityMatrix, truth: TransferMatrix) -> bool:
    return {*matrix.sources} == {*truth.sources} and {*matrix.targets} == {*truth.targets}


def _source(matrix: SimilarityMatrix, name: str) -> str:
    """Where the distances are printed: the paper's number and the table."""
    paper = matrix.provenance.get("source", {})
    number = next((f"{kind}:{paper[key]}" for key, kind in _NUMBERS.items() if paper.get(key)), name)
    return ", ".join(part for part in (number, matrix.provenance.get("table", "")) if part)


def _printed(name: str) -> Iterator[Row]:
    for row in published(name):
        yield _row(row, name)


def _row(printed: dict[str, Any], truth: str) -> Row:
    return Row(
        measure=printed["measure"],
        status=Status.PUBLISHED,
        published=printed["published"],
        source=printed["source"],
        environment={"truth": truth, **({"note": printed["note"]} if printed.get("note") else {})},
    )


#: How rows are judged by default.
SETTINGS: Mapping[str, Any] = MappingProxyType(
    {"self_pairs": "exclude", "resamples": 2000, "interval": "expanded", "confidence": 0.95, "seed": 0}
)
#: The word for every measure that failed, where measures are named to run again.
FAILED = "failed"


def run_board(
    benchmark: Benchmark,
    measures: Sequence[str] | None = None,
    out: Path | str = Path("dsim-leaderboard"),
    *,
    limits: Limits = Limits(),  # noqa: B008 (frozen)
    runtime: Runtime | None = None,
    seed: int = 0,
    rerun: Sequence[str] = (),
    settings: Mapping[str, Any] = SETTINGS,
    run: bool = True,
) -> Board:
    """Return the board of a benchmark: measures run, each in its own process with an empty cache, and all judged.

    Parameters
    ----------
    measures : calls such as ``"otdd:entreg=0.1"``; by default every registered measure, third-party ones included. Rows
        that ``out`` keeps of other measures stand on the board too, where they still hold.
    out : folder; finished rows are kept in ``out/rows``, one file each, so that an interrupted run goes on.
    seed : of the measures' draws. ``settings`` : of the judge, see ``SETTINGS``.
    rerun : measures, by name, identity or call, that are run although they were kept; ``"failed"`` for those.
    run : False to judge only what was kept.

    Raises
    ------
    UsageError, UnknownNameError
        Before any work. A measure that fails is a row with its reason, and stops no other.
    """
    _refuse_calls_without_images(benchmark, measures)
    _check_settings(settings, benchmark)
    runner = _Runner(benchmark, Path(out), limits, runtime or Runtime(), seed)
    rows = runner.rows(measures, rerun, run) if benchmark.runs else []
    judged = [_judge_row(row, benchmark, settings) for row in (*rows, *_published_here(benchmark.truth))]
    return Board(
        truth=benchmark.truth,
        fingerprints=dict(benchmark.fingerprints),
        rows=tuple(judged),
        settings=dict(settings),
        elsewhere=published_elsewhere(benchmark.truth),
    )


def _check_settings(settings: Mapping[str, Any], benchmark: Benchmark) -> None:
    """Raise UsageError where nothing could be judged so: before anything runs."""
    from dsim.evaluation import SELF_PAIRS, Intervals

    others = dict(settings)
    if (self_pairs := others.pop("self_pairs")) not in SELF_PAIRS:
        hint = f"choose one of: {', '.join(SELF_PAIRS)}"
        raise UnknownNameError("treatment of self pairs", self_pairs, SELF_PAIRS, hint=hint)
    Intervals(len(benchmark.truth.targets), method=others.pop("interval"), **others)


def _judge_row(row: Row, benchmark: Benchmark, settings: Mapping[str, Any]) -> Row:
    """The row with the verdict on its distances, if it has any."""
    from dsim.evaluation import evaluate

    if row.matrix is None:
        return row
    return replace(row, evaluation=evaluate(row.matrix, benchmark.truth, **settings))


def _refuse_calls_without_images(benchmark: Benchmark, measures: Sequence[str] | None) -> None:
    if measures and not benchmark.runs:
        raise UsageError(
            f"nothing can be run on {benchmark.truth.name}: its truth does not say where the images lie",
            hint="leave --measure away to judge the stored distances, or choose a benchmark with images: phantoms-dsc",
        )


@dataclass(frozen=True)
class _Runner:
    """Where and how the measures of a board are run."""

    benchmark: Benchmark
    out: Path
    limits: Limits
    runtime: Runtime
    seed: int

    @property
    def kept(self) -> StoredRows:
        return StoredRows(self.out / "rows")

    def rows(self, measures: Sequence[str] | None, rerun: Sequence[str], run: bool) -> list[Row]:
        """Return the rows of the measures that were asked for, and of others that are kept and still hold."""
        asked, refused = candidates(self.benchmark, measures, self.seed, self.runtime)
        for text in refused:
            self.runtime.progress.note(text)
        again = self._again(rerun, asked)
        stored = {one.call: self.kept.find(one, self.limits.timeout) for one in asked if one.call not in again}
        rows = [row for row in stored.values() if row is not None] + list(self._also_kept(asked))
        if not run:
            return rows
        rows += [one.row for one in asked if not one.depends]
        return rows + self._run([one for one in asked if one.depends and stored.get(one.call) is None])

    def _run(self, todo: Sequence[Candidate]) -> list[Row]:
        """Run measures, keeping each row as it is finished: an interrupt loses none."""
        if not todo:
            return []
        rows, note = [], self.runtime.progress.note
        note(f"{len(todo)} measures to run, {min(len(todo), self.limits.side_by_side)} side by side")
        with self.runtime.progress.task("running", len(todo), "measures") as task:

            def done(one: Candidate, row: Row) -> None:
                self.kept.put(one, row)
                rows.append(row)
                task.advance(1, measure=row.measure)
                note(f"{len(rows)} of {len(todo)}: {_summarise_row(row)}")

            folders = (self.out / ".work", self.out / "rows")
            Workers(self.benchmark, *folders, self.seed, self.runtime, self.limits).run(todo, done)
        return rows

    def _again(self, names: Sequence[str], asked: Sequence[Candidate]) -> set[str]:
        """Calls of measures that are run although they were kept: by name, identity or call, or all that failed."""
        again: set[str] = set()
        for name in names:
            if name == FAILED:
                kept = {one.call: self.kept.find(one, 0.0) for one in asked}
                again |= {call for call, row in kept.items() if row is not None and row.status is Status.FAILED}
                continue
            called = {one.call for one in asked if name in (one.call, one.row.measure, parse_call(one.call)[0])}
            if not called:
                known = [FAILED, *(one.call for one in asked)]
                raise UnknownNameError(
                    "measure to run again", name, known, hint="--rerun takes those that are asked for"
                )
            again |= called
        return again

    def _also_kept(self, asked: Sequence[Candidate]) -> Iterator[Row]:
        """Rows of measures that nobody asked for now: they stand on the board as long as they hold."""
        here = {one.call for one in asked}
        for call in self.kept.calls():
            if call in here:
                continue
            try:
                row = self.kept.find(candidate(self.benchmark, call, self.seed, self.runtime), 0.0)
            except UsageError:
                row = None  # its plugin is gone, or takes other parameters now
            if row is None:
                self.runtime.progress.note(f"the kept row of {call} no longer holds: --measure '{call}' runs it again")
            else:
                yield row


def _summarise_row(row: Row) -> str:
    if row.status is Status.FAILED:
        return f"{row.measure} failed: {row.reason}"
    return f"{row.measure}: {row.seconds:.1f} s, {row.peak_mb:.0f} MB"
