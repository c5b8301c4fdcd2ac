"""The contents of a report before it becomes a page, and the results of ``dsim compare`` that it is made of."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import DataError
from dsim.files.documents import check, read
from dsim.measures import SimilarityMatrix, join_ways
from dsim.measures.matrix import SCHEMA

if TYPE_CHECKING:
    from dsim.comparison import Agreement
    from dsim.pages import Picture
    from dsim.recommend import Tried

_AGREEMENT = "dsim.agreement/1"
_RECOMMENDED = "dsim.recommend/1"
_MATRIX, _TOGETHER, _RECOMMENDATION = "matrix.json", "agreement.json", "recommendation.json"
_HINT = "give the folder that dsim compare or dsim recommend wrote (--out), or the JSON file in it"


@dataclass(frozen=True)
class Glance:
    """One dataset at a glance.

    Parameters
    ----------
    role : ``"source"``, ``"target"`` or ``"source and target"``. ``facts`` : known facts about it, by heading.
    pictures : some of its images; ``missing`` is the reason where there are none.
    """

    name: str
    role: str
    facts: Mapping[str, str]
    pictures: tuple[Picture, ...] = ()
    missing: str = ""


@dataclass(frozen=True)
class Part:
    """One measure of the report.

    Parameters
    ----------
    matrix : its values (sources, targets). ``title`` : the measure in words; empty where it is not installed.
    blind_to : differences that it cannot see.
    map : the picture of the embedding; ``no_map`` is the reason why there is none, empty for measures without one.
    notes : remarks besides the numbers. ``reliability`` : how such choices fared where transfer was measured.
    """

    matrix: SimilarityMatrix
    title: str = ""
    blind_to: str = ""
    map: Picture | None = None
    no_map: str = ""
    notes: tuple[str, ...] = ()
    reliability: tuple[str, ...] = ()


@dataclass(frozen=True)
class Step:
    """Something to do next: ``text`` in words, and ``command`` as it is typed; empty where there is none."""

    text: str
    command: str = ""


@dataclass(frozen=True)
class Report:
    """A whole report: ``parts`` one per measure, ``agreement`` of the measures where there are at least two.

    ``glances`` are all datasets, targets first. ``failed`` are measures without a matrix, with their reasons.
    ``tried`` are the models that were tried on the target; None where none were.
    """

    parts: tuple[Part, ...]
    glances: tuple[Glance, ...]
    agreement: Agreement | None = None
    steps: Sequence[Step] = ()
    failed: Mapping[str, str] = field(default_factory=dict)
    tried: Tried | None = None

    @property
    def first(self) -> SimilarityMatrix:
        """The matrix of the first measure; all have its sources and targets."""
        return self.parts[0].matrix

    def glance(self, name: str) -> Glance:
        """Return the glance at the dataset of that name.

        Raises StopIteration for a name that is not of a dataset.
        """
        return next(glance for glance in self.glances if glance.name == name)


@dataclass(frozen=True)
class Results:
    """Matrices (sources, targets) with the folders that hold their pictures, None where nothing was written.

    ``seconds`` : of each measure, where known. ``failed`` : measures without a matrix, with their reasons.
    ``tried`` : of a recommendation, the models that were tried on its target; ``advice`` what to do by them.
    """

    matrices: tuple[SimilarityMatrix, ...]
    folders: tuple[Path | None, ...]
    seconds: Mapping[str, float] = field(default_factory=dict)
    failed: Mapping[str, str] = field(default_factory=dict)
    tried: Tried | None = None
    advice: tuple[Step, ...] = ()

    @cached_property
    def agreement(self) -> Agreement | None:
        """The agreement of the measures; None for a single one.

        Raises UsageError where they are of different datasets, or two of one measure.
        """
        from dsim.comparison import compare_rankings

        if len(self.matrices) < 2:
            return None
        return compare_rankings(self.matrices, seconds=self.seconds, failed=self.failed)


def open_results(path: str | Path) -> Results:
    """Return the results in a folder, or behind a matrix.json, an agreement.json or a recommendation.json.

    Raises DataError where there are none, where they are damaged, or where a folder holds several measures and no
    agreement.json says which belong together.
    """
    file = _results_file(Path(path))
    document = read(file, _HINT)
    schema = document.get("schema")
    if schema == _AGREEMENT:
        return _read_together(file, document)
    if schema == SCHEMA:
        return Results((SimilarityMatrix.from_dict(document, str(file)),), (file.parent,))
    if schema == _RECOMMENDED:
        check(document, _RECOMMENDED, str(file), _HINT)
        return recommended(document, str(file))
    raise DataError(f"{file} has schema {schema!r}, none of {SCHEMA}, {_AGREEMENT}, {_RECOMMENDED}", hint=_HINT)


def recommended(document: Mapping[str, Any], where: str = "the recommendation") -> Results:
    """Return the results in a document of ``dsim.recommend/1``: its matrix, the models that were tried, the advice.

    Raises DataError where the matrix in it is damaged.
    """
    from dsim.recommend import Tried

    matrix, selection = SimilarityMatrix.from_dict(document["matrix"], where), document.get("selection")
    if selection is None:
        return Results((matrix,), (None,))
    tried = Tried.from_dict(selection)
    return Results((matrix,), (None,), tried=tried, advice=tuple(_advice(document, tried)))


def _advice(document: Mapping[str, Any], tried: Tried) -> Iterator[Step]:
    """What the recommendation says is to be done."""
    command, chosen = document["command"] or "", tried.chosen
    if document["instead"]:
        yield Step(f"{tried.target}: no model fits, so do not pre-label it: {join_ways(document['instead'])}.", command)
    elif command.startswith("dsim annotate-next"):
        yield Step(
            f"{tried.target}: whether {chosen.name} fits is open. Let images be chosen, and annotate them.", command
        )
    else:
        yield Step(f"{tried.target}: pre-label it by the model {chosen.name}, which marks {chosen.marks}.", command)
    for other in document.get("also", ()):
        yield Step(f"{other['words']}:", other["command"])


def _results_file(path: Path) -> Path:
    """A folder's agreement.json, else its matrix.json; the path itself where it is a file."""
    if not path.is_dir():
        return path
    # Compare removes the agreement of an earlier run when it writes a single matrix, but not the other way round.
    for name in (_TOGETHER, _MATRIX, _RECOMMENDATION):
        if (path / name).is_file():
            return path / name
    below = sorted(path.glob(f"*/{_MATRIX}"))
    if len(below) == 1:
        return below[0]
    if below:
        folders = ", ".join(matrix.parent.name for matrix in below)
        raise DataError(f"{path} holds several measures and no {_TOGETHER}: {folders}", hint="name one of the folders")
    raise DataError(f"{path} holds no {_MATRIX}", hint=_HINT)


def _read_together(path: Path, document: Mapping[str, Any]) -> Results:
    """The measures that an agreement names, in its order."""
    try:
        recorded = {entry["measure"]: entry["seconds"] for entry in document["measures"]}
        failed = {entry["measure"]: entry["reason"] for entry in document["failed"]}
    except (KeyError, TypeError) as error:
        message = f"{path} is not a whole {_AGREEMENT}: {type(error).__name__}: {error}"
        raise DataError(message, hint=_HINT) from None
    by_measure: dict[str, tuple[SimilarityMatrix, Path]] = {}
    for beside in sorted(path.parent.glob(f"*/{_MATRIX}")):
        matrix = SimilarityMatrix.from_json(beside)
        by_measure[matrix.measure] = (matrix, beside.parent)
    _refuse_missing(path, [measure for measure in recorded if measure not in by_measure])
    chosen = [by_measure[measure] for measure in recorded]
    seconds = {measure: float(value) for measure, value in recorded.items() if value is not None}
    return Results(tuple(matrix for matrix, _ in chosen), tuple(folder for _, folder in chosen), seconds, failed)


def _refuse_missing(path: Path, measures: Sequence[str]) -> None:
    if measures:
        raise DataError(
            f"{path} names {', '.join(measures)}, and no {_MATRIX} beside it is of that measure",
            hint="put the folders of the measures beside it, or compare again",
        )
