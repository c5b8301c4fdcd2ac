"""``dsim report``: one page on a comparison, with reliability and next steps."""

from __future__ import annotations

import math
import shlex
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dsim.ui import options

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.leaderboard import Board
    from dsim.measures import SimilarityMatrix, Verdict
    from dsim.report import Report, Results, Step


@click.command()
@click.argument("results", type=click.Path(path_type=Path))
@options.out_file(
    help="The page. Default: report.html in the folder of the results.",
)
@click.option(
    "--board",
    "boards",
    multiple=True,
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="results.json",
    help="A leaderboard's results: the page shows how the measure was judged there. May be repeated.",
)
@click.option("--images/--no-images", default=True, show_default=True, help="Look for the images, and show some.")
@options.offline
def report(results: Path, out: Path | None, boards: Sequence[Path], images: bool, offline: bool) -> None:
    """Write a report on RESULTS: one HTML file that needs nothing else.

    RESULTS is the folder that dsim compare or dsim recommend wrote, or the JSON file in it. Images are shown where
    they can be opened again and are those that were compared; otherwise the page says why not.
    """
    from dsim.report import check_report_path, locate_datasets, open_results
    from dsim.ui import make_runtime

    where = out or (results if results.is_dir() else results.parent) / "report.html"
    check_report_path(where)
    found, judged = open_results(results), _read_boards(boards)
    missing: Mapping[str, str] = {}
    datasets: Mapping[str, Dataset] = {}
    if images:
        datasets, missing = locate_datasets(found.matrices[0], make_runtime(offline=offline))
    else:
        missing = dict.fromkeys(found.matrices[0].provenance["datasets"], "left out (--no-images)")
    write(assemble(found, datasets, missing, judged), where)


def assemble(
    results: Results,
    datasets: Mapping[str, Dataset],
    missing: Mapping[str, str] | None = None,
    boards: Sequence[Board] = (),
) -> Report:
    """Return the report with notes, reliability and next steps."""
    from dsim.report import make_report

    return make_report(
        results,
        datasets,
        missing=missing,
        notes={matrix.measure: _notes_on(matrix) for matrix in results.matrices},
        reliability={matrix.measure: reliability_of(matrix, boards) for matrix in results.matrices},
        steps=_next_steps(results, datasets),
    )


def write(found: Report, path: Path) -> None:
    """Write the page, and print its path and size. Raises DsimError where it cannot be written."""
    from dsim.report import write_report
    from dsim.ui import say

    size = write_report(found, path).stat().st_size
    say(f"wrote {path}, {size / 1e6:.2f} MB")


def write_recommendation_report(document: Mapping[str, Any], path: Path, given: Iterable[Dataset] = ()) -> Path:
    """Write the report on a recommendation, a document of ``dsim.recommend/1``, as ``write_matrix_report`` does."""
    from dsim.report import recommended

    results = recommended(document)
    return write_matrix_report(results.matrices[0], path, given, results)


def write_matrix_report(
    matrix: SimilarityMatrix, path: Path, given: Iterable[Dataset] = (), known: Results | None = None
) -> Path:
    """Write the report on one matrix that is at hand in Python, with its map, and return the path.

    ``given`` : datasets that lie in memory; those of the record that can be opened are found. ``known`` : results with
    the matrix, and more beside it. Raises UsageError for another suffix than .html, and DsimError where the page cannot
    be written.
    """
    from dataclasses import replace
    from tempfile import TemporaryDirectory

    from dsim.report import Results, check_report_path, locate_datasets, write_report
    from dsim.runtime import Runtime

    check_report_path(path)
    datasets, missing = locate_datasets(matrix, Runtime())
    datasets |= {dataset.name: dataset for dataset in given}
    with TemporaryDirectory() as folder:
        if matrix.clouds:
            matrix.plot_embedding(Path(folder) / "embedding.png")
        results = replace(known or Results((matrix,), ()), folders=(Path(folder) if matrix.clouds else None,))
        unseen = {name: reason for name, reason in missing.items() if name not in datasets}
        return write_report(assemble(results, datasets, unseen), path)


#: Targets for which a command is spelled out.
_SPELLED = 6


def _notes_on(matrix: SimilarityMatrix) -> list[str]:
    """Return the notes of ``dsim compare`` on a matrix."""
    from dsim.cli.compare_tables import notes

    return [note.removeprefix("note: ") for note in notes(matrix)]


def reliability_of(matrix: SimilarityMatrix, boards: Sequence[Board]) -> list[str]:
    """Return sentences on how such choices fared on the stored truths and on leaderboards."""
    from dsim.recommend import in_words, said, stored_for

    ranked = [sentence for board in boards for sentence in _on_board(board, matrix.measure)]
    records = stored_for(matrix)
    if not records:
        return ranked or said(records)
    return [in_words(records), *ranked, *said(records)]


def _on_board(board: Board, measure: str) -> Iterator[str]:
    from dsim.leaderboard import ranks
    from dsim.leaderboard.phrases import figure, interval

    row = next((row for row in board.rows if row.measure == measure and row.judged), None)
    if row is None:
        return
    rank, regret, top1 = ranks(board)[measure], row.scores["regret"], row.scores["top1"]
    place = f"rank {rank} of {sum(one.judged for one in board.rows)}" if rank is not None else "without a rank"
    yield (
        f"On the leaderboard of {board.truth.name} ({len(board.truth.targets)} targets) {measure} has {place}: its"
        f" first source was the best for {figure('top1', top1.value, board.truth)} % of the targets, and lost"
        f" {figure('regret', regret.value, board.truth)} {interval(regret, board.truth)} of {board.truth.score} against"
        " the best, mean over targets."
    )


def _next_steps(results: Results, datasets: Mapping[str, Dataset]) -> list[Step]:
    """Return the next steps: apply or train a model, compare further, measure transfer."""
    from dsim.report import Step

    found = [*(results.advice or _with_best(results, datasets)), *_ask(results)]
    said = (
        "Nearness is a forecast. Measured transfer is the proof: train on the nearest sources, and score on the target."
    )
    return [*found, Step(said, _transfer(results, datasets))]


def _with_best(results: Results, datasets: Mapping[str, Dataset]) -> Iterator[Step]:
    """Yield for each target: apply the model of its nearest source, train one, or what else where none is like it."""
    from dsim.measures import instead, join_ways
    from dsim.report import Step

    targets = results.matrices[0].targets
    for target in targets[:_SPELLED]:
        verdict = _verdict(results, target)
        best = None if verdict is None else verdict.source
        if verdict is None or best is None:
            continue
        if ways := instead(verdict):
            yield Step(
                f"{target}: none of the sources resembles it, so do not pre-label it by them: {join_ways(ways)}."
            )
            continue
        if best not in datasets or target not in datasets:
            yield Step(f"{target}: take {best}. The images cannot be opened here, so no command is shown.")
        else:
            yield _apply(datasets[best], datasets[target])
    if len(targets) > _SPELLED:
        yield Step(f"Likewise for the other {len(targets) - _SPELLED} targets.")


def _verdict(results: Results, target: str) -> Verdict | None:
    """The verdict of the one measure, or of all together."""
    from dsim.comparison import verdict_of_votes

    if results.agreement is None:
        return results.matrices[0].verdicts[target]
    return verdict_of_votes(results.agreement, target)


def _apply(best: Dataset, target: Dataset) -> Step:
    from dsim.recommend import command, models_of, segmenting
    from dsim.report import Step

    model = segmenting(models_of(best, target))
    typed = command(best, target, model) if "memory" not in (best.location, target.location) else None
    if model is not None:
        known = f", Dice {model.held_out:.0f} % on images of it that it never saw" if model.held_out >= 0 else ""
        what = f"{target.name}: pre-label it by the zoo's model of {best.name}, which marks {model.marks}{known}."
        return Step(what, typed or "")
    if best.masked:
        return Step(f"{target.name}: train a segmentation model on {best.name}, and apply it.", typed or "")
    return Step(f"{target.name}: take {best.name}. It has no masks, so dsim can train no segmentation model on it.")


def _ask(results: Results) -> Iterator[Step]:
    """Yield the commands for other measures, if there was one, and for a recommendation."""
    from dsim.report import Step

    matrix = results.matrices[0]
    sources, targets = _references(matrix, matrix.sources), _references(matrix, matrix.targets)
    if not sources or not targets:
        return
    if len(results.matrices) == 1:
        yield Step(
            "See whether measures of other kinds say the same.",
            f"dsim compare --measure label-free --sources {sources} --targets {targets} --report agreement.html",
        )
    first = _references(matrix, matrix.targets[:1])
    also = " and so for each target" if len(matrix.targets) > 1 else ""
    yield Step(
        f"Ask for a recommendation: four measures vote, and it shows how often such a choice was right{also}.",
        f"dsim recommend {first} --sources {sources}",
    )


def _transfer(results: Results, datasets: Mapping[str, Dataset]) -> str:
    """Return the command that measures transfer; "" if a dataset has no masks or cannot be opened by a command."""
    matrix = results.matrices[0]
    needed = [name for target in matrix.targets for name in _nearest(matrix, target)]
    chosen = [name for name in matrix.sources if name in needed]
    named = {*chosen, *matrix.targets}
    if not all(name in datasets and datasets[name].masked for name in named):
        return ""
    sources, targets = _references(matrix, chosen), _references(matrix, matrix.targets)
    if not sources or not targets:
        return ""
    return f"dsim transfer segmentation --sources {sources} --targets {targets} --out truth.json"


def _nearest(matrix: SimilarityMatrix, target: str) -> list[str]:
    entries = matrix.ranking(target).entries[:2]
    return [entry.source for entry in entries if not math.isnan(entry.value)]


def _references(matrix: SimilarityMatrix, names: Sequence[str]) -> str:
    """Return the references that open these datasets in a shell; empty if one was given from memory."""
    from dsim.report import dataset_reference

    found = [dataset_reference(matrix.provenance["datasets"][name]) for name in names]
    return " ".join(shlex.quote(one) for one in found) if all(found) else ""


def _read_boards(paths: Sequence[Path]) -> list[Board]:
    """Return leaderboards, read from their results.json."""
    from dsim.leaderboard import Board

    return [Board.from_json(path) for path in paths]
