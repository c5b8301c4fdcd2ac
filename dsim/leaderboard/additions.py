"""A stranger's results, merged into a board after everything that can be checked was checked.

Scores are computed anew from the distances, with the board's own settings. What nobody can check from a file is that
the distances come from these images: ``source`` says whose word that is.
"""

from __future__ import annotations

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError, DsimError
from dsim.files import write_text
from dsim.leaderboard.board import Board, read_json
from dsim.leaderboard.rows import Row, Status

if TYPE_CHECKING:
    from dsim.evaluation import Evaluation
    from dsim.measures import SimilarityMatrix


#: How far a claimed score may be from the one that is computed here.
TOLERANCE = 1e-9
#: How far distances of one measure may lie apart, relative, where two machines computed them.
_MACHINES = 1e-6
_NAME_AND_VERSION = re.compile(r"\S+ \d\S*")
_RERUN = "run dsim leaderboard anew with this version of dsim, and give the results.json that it writes"


@dataclass(frozen=True)
class Addition:
    """The board after a merge, the measures that were added, and the reasons why others were not."""

    board: Board
    added: tuple[str, ...]
    notes: tuple[str, ...]


def add(board: Board, document: Mapping[str, Any] | str | Path, name: str = "results.json") -> Board:
    """Return the board with the rows of a stranger's results.

    Raises DataError, naming the row and the fix, where anything is wrong with them; see ``merge_document``.
    """
    return merge_document(board, document, name).board


def merge_document(board: Board, document: Mapping[str, Any] | str | Path, name: str = "results.json") -> Addition:
    """Return a board with the rows of a stranger's results: all of them, or none where anything is wrong.

    Parameters
    ----------
    document : of schema ``dsim.leaderboard/1``, or the path of one. ``name`` : of the document, in errors and as the
        source of its rows; the file's name where a path is given.

    Measured rows become ``added``, with scores computed here; failed ones stay failed. A row that is there already
    with the same values is passed over, and said. One that failed here and ran there takes its place.

    Raises
    ------
    DataError
        Naming the file, the row and the fix: the document does not hold to its schema; it was judged by another truth,
        on other images, or by other rules; a measure or plugin without version; names, self pairs or scores that
        are not those of the truth or not those of the distances; a row that is there with other values.
    """
    if isinstance(document, str | Path):
        from dsim.leaderboard.board import read_json

        name, document = Path(document).name, read_json(Path(document))
    theirs = Board.from_dict(document, name)
    _refuse_another_benchmark(board, theirs, name)
    merged, added, notes = {row.measure: row for row in board.rows if _is_measured(row)}, [], []
    for row in theirs.rows:
        if not _is_measured(row):
            notes.append(f"{row.measure}: passed over; what is published comes with the truth")
            continue
        checked = _check_row(board, row, name)
        reason = _why_passed_over(merged.get(row.measure), checked, name)
        if reason:
            notes.append(f"{row.measure}: {reason}")
        else:
            merged[row.measure] = checked
            added.append(row.measure)
    published = [row for row in board.rows if not _is_measured(row)]
    return Addition(replace(board, rows=(*merged.values(), *published)), tuple(added), tuple(notes))


def _is_measured(row: Row) -> bool:
    return row.status is not Status.PUBLISHED


def _refuse_another_benchmark(board: Board, theirs: Board, name: str) -> None:
    """Truth, images and rules must be the same."""
    if theirs.truth.digest != board.truth.digest:
        raise DataError(
            f"{name} was judged by another truth: {theirs.truth.name} {theirs.truth.digest[:12]}, not "
            f"{board.truth.name} {board.truth.digest[:12]}",
            hint=f"run dsim leaderboard on {board.truth.name} as this version of dsim ships it",
        )
    names = dict.fromkeys((*board.fingerprints, *theirs.fingerprints))
    differ = [dataset for dataset in names if board.fingerprints.get(dataset) != theirs.fingerprints.get(dataset)]
    if differ:
        raise DataError(
            f"{name} is of other images: {', '.join(differ)} ({len(differ)} of {len(names)} datasets)",
            hint="get the images that the card of the truth names, and run the benchmark on them",
        )
    if theirs.settings["self_pairs"] != board.settings["self_pairs"]:
        raise DataError(
            f"{name} was judged with self pairs {theirs.settings['self_pairs']}d, this board with them "
            f"{board.settings['self_pairs']}d",
            hint="run it with the settings of this board",
        )


def _check_row(board: Board, row: Row, name: str) -> Row:
    """Return the row as it may stand on the board, its scores computed here; raises DataError where it may not."""
    where = f"{name}, row {row.measure!r}"
    if not _NAME_AND_VERSION.fullmatch(row.plugin):
        raise DataError(
            f"{where}: the plugin {row.plugin!r} is not a distribution with its version",
            hint="install the measure as a distribution with a version, and run it again",
        )
    # Whatever a stranger writes there, the file that it came in is named beside it.
    source = f"{row.source}, by {name}" if row.source else name
    if row.status is Status.FAILED:
        return replace(row, source=source)
    assert row.matrix is not None
    assert row.evaluation is not None
    if {row.matrix.measure, row.evaluation.measure} != {row.measure}:
        raise DataError(f"{where}: its distances are of {row.matrix.measure!r}", hint=_RERUN)
    _refuse_other_names(board, row.matrix, where)
    _refuse_other_self_pairs(board, row.matrix, where)
    _refuse_other_images(board, row, where)
    judged = _judge_matrix(board, row.matrix, where)
    _refuse_other_scores(board, row.evaluation, judged, where)
    return replace(row, status=Status.ADDED, evaluation=judged, source=source)


def _refuse_other_names(board: Board, matrix: SimilarityMatrix, where: str) -> None:
    for side in ("sources", "targets"):
        wrong = sorted({*getattr(matrix, side)} ^ {*getattr(board.truth, side)})
        if wrong:
            raise DataError(
                f"{where}: its {side} are not those of {board.truth.name}: {', '.join(wrong)}",
                hint="compare all sources and targets of the truth, under its names",
            )


def _refuse_other_self_pairs(board: Board, matrix: SimilarityMatrix, where: str) -> None:
    """A pair that is called a dataset with itself is not judged: nobody may choose which pairs these are."""
    prints = board.fingerprints
    wrong = [
        f"{source} -> {target}"
        for i, source in enumerate(matrix.sources)
        for j, target in enumerate(matrix.targets)
        if matrix.same[i, j] and source != target and prints.get(source, source) != prints.get(target, target)
    ]
    if wrong:
        raise DataError(f"{where}: called one dataset, and they are two: {', '.join(wrong)}", hint=_RERUN)


def _refuse_other_images(board: Board, row: Row, where: str) -> None:
    """A measure must have read what the board's own rows read, where one of them reads the same things.

    Fingerprints are of what a measure reads (images, masks, labels): those of two measures need not be alike, but
    where one dataset's are, those of all must be.
    """
    read = _fingerprints(row)
    alike = [known for known in map(_fingerprints, board.rows) if any(known.get(name) == read[name] for name in read)]
    wrong = [name for name in read if alike and all(known.get(name) != read[name] for known in alike)]
    if wrong:
        raise DataError(f"{where}: it did not read the images of this board: {', '.join(wrong)}", hint=_RERUN)


def _fingerprints(row: Row) -> Mapping[str, str]:
    datasets = {} if row.matrix is None else row.matrix.provenance.get("datasets", {})
    return {name: record["fingerprint"] for name, record in datasets.items() if record.get("fingerprint")}


def _judge_matrix(board: Board, matrix: SimilarityMatrix, where: str) -> Evaluation:
    from dsim.evaluation import evaluate

    try:
        return evaluate(matrix, board.truth, **board.settings)
    except DsimError as error:
        raise DataError(f"{where}: it cannot be judged: {error.message}", hint=error.hint) from None


def _refuse_other_scores(board: Board, claimed: Evaluation, judged: Evaluation, where: str) -> None:
    """The value of every score must be the one computed here; its bounds too, if they were made with our settings."""
    ours = {key: board.settings[key] for key in ("resamples", "interval", "confidence", "seed")}
    same_intervals = all(getattr(claimed, key) == value for key, value in ours.items())
    for score, found in judged.judgement.scores.items():
        claimed_score = claimed.judgement.scores.get(score)
        pairs = [] if claimed_score is None else list(_pairs(claimed_score, found, same_intervals))
        if claimed_score is None or not all(_equal(*pair) for pair in pairs):
            claim = (
                "is missing" if claimed_score is None else f"is claimed to be {_figures(claimed_score, same_intervals)}"
            )
            raise DataError(
                f"{where}: {score} {claim}; its distances give {_figures(found, same_intervals)}", hint=_RERUN
            )


def _pairs(claimed: Any, judged: Any, bounds: bool) -> Iterator[tuple[float, float]]:
    for part in ("value", "low", "high") if bounds else ("value",):
        yield getattr(claimed, part), getattr(judged, part)


def _figures(score: Any, bounds: bool) -> str:
    return f"{score.value:.12g} [{score.low:.12g}, {score.high:.12g}]" if bounds else f"{score.value:.12g}"


def _equal(one: float, other: float) -> bool:
    return math.isnan(one) == math.isnan(other) and not abs(one - other) > TOLERANCE


def _why_passed_over(there: Row | None, row: Row, name: str) -> str:
    """Return why a row is passed over; empty where it is to be added. DataError where the board's row differs."""
    if there is None or (there.status is Status.FAILED and row.status is not Status.FAILED):
        return ""
    if row.status is Status.FAILED:
        return "passed over; it failed there, and the board has a row of it"
    differ = _differences(there, row)
    if differ:
        raise DataError(
            f"{name}, row {row.measure!r}: it is on the board already, with other {differ}",
            hint="run the benchmark for the new measures only (--measure NAME); other numbers need another version",
        )
    return "passed over; it is on the board already, with the same values"


def _differences(there: Row, row: Row) -> str:
    import numpy as np

    if _canonical(there.parameters) != _canonical(row.parameters):
        return "parameters"
    assert there.matrix is not None
    assert row.matrix is not None
    ours, theirs = there.matrix.to_frame(), row.matrix.to_frame()
    theirs = theirs.loc[ours.index, ours.columns]
    if there.matrix.direction != row.matrix.direction:
        return "direction"
    return "" if np.allclose(ours, theirs, rtol=_MACHINES, atol=TOLERANCE, equal_nan=True) else "distances"


def _canonical(value: Any) -> str:
    return json.dumps(value, sort_keys=True, default=list)


_DIGITS = 8


@dataclass(frozen=True)
class Accepted:
    """The documents in a folder, each under its own name behind the first digits of its sha256."""

    folder: Path

    def merge(self, board: Board, new: Sequence[Path], note: Callable[[str], None]) -> Board:
        """Return the board with the rows of the new documents, and of those that were accepted before.

        Raises DataError where a new one does not fit: then none is stored. An earlier one that does not fit is left
        out, which ``note`` reports.
        """
        for path in new:
            board = self._added(board, path, path.name, note)
        for path in new:
            text = path.read_text("utf-8")
            write_text(self.folder / f"{hashlib.sha256(text.encode()).hexdigest()[:_DIGITS]}-{path.name}", text)
        for path, name in self._earlier(new):
            try:
                board = self._added(board, path, name, note)
            except DataError as error:
                note(f"what was added from {name} is left out: {error.message}")
        return board

    def _added(self, board: Board, path: Path, name: str, note: Callable[[str], None]) -> Board:
        addition = merge_document(board, read_json(path), name)
        for text in addition.notes:
            note(f"{name}: {text}")
        if addition.added:
            note(f"{name}: added {', '.join(addition.added)}")
        return addition.board

    def _earlier(self, new: Sequence[Path]) -> Iterator[tuple[Path, str]]:
        """Files and names of documents that were accepted before."""
        digests = {hashlib.sha256(path.read_bytes()).hexdigest()[:_DIGITS] for path in new}
        for path in sorted(self.folder.glob("*.json")):
            if path.name[:_DIGITS] not in digests:
                yield path, path.name[_DIGITS + 1 :]
