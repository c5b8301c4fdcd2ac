"""From results to a report: measures explained, datasets looked at, maps fetched."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import DataError
from dsim.registry import default
from dsim.report.contents import Part, Picture, Report, Step
from dsim.report.glances import glances
from dsim.report.pictures import picture_of

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.measures import SimilarityMatrix
    from dsim.report.results import Results

MAP = "embedding.png"


def make_report(
    results: Results,
    datasets: Mapping[str, Dataset] | None = None,
    *,
    missing: Mapping[str, str] | None = None,
    notes: Mapping[str, Sequence[str]] | None = None,
    reliability: Mapping[str, Sequence[str]] | None = None,
    steps: Sequence[Step] = (),
) -> Report:
    """The report on the results of a comparison.

    Parameters
    ----------
    datasets : those that are at hand, by name, for thumbnails; ``missing`` says why others are not.
    notes, reliability : by measure: what must be said besides the numbers, and what became of such choices where
        transfer was measured.
    steps : what to do next.

    >>> from dsim.comparison import compare
    >>> from dsim.data.phantoms import open_phantom
    >>> from dsim.report.results import Results
    >>> pool = [open_phantom(name, count=4, size=32) for name in ("xray", "fundus")]
    >>> matrix = compare(pool, [open_phantom("xray-bedside", count=4, size=32)], measure="cc:size=32")
    >>> report = make_report(Results((matrix,), (None,)), {dataset.name: dataset for dataset in pool})
    >>> [(glance.name, glance.role, len(glance.pictures)) for glance in report.glances]
    [('xray-bedside', 'target', 0), ('xray', 'source', 4), ('fundus', 'source', 4)]
    """
    said, judged = notes or {}, reliability or {}
    parts = tuple(
        _part(matrix, folder, tuple(said.get(matrix.measure, ())), tuple(judged.get(matrix.measure, ())))
        for matrix, folder in zip(results.matrices, results.folders, strict=True)
    )
    shown = glances(results.matrices[0], datasets or {}, missing or {})
    return Report(parts, shown, results.agreement, tuple(steps), dict(results.failed))


def _part(matrix: SimilarityMatrix, folder: Path | None, notes: tuple[str, ...], judged: tuple[str, ...]) -> Part:
    spec = default().measures.get(matrix.measure.partition(":")[0].partition("@")[0])
    drawn, why = _map(matrix, folder)
    title, blind = (spec.title, spec.blind_to) if spec else ("", "")
    return Part(matrix, title, blind, drawn, why, notes, judged)


def _map(matrix: SimilarityMatrix, folder: Path | None) -> tuple[Picture | None, str]:
    """The map, or why there is none; neither where the measure embeds nothing."""
    if "embedding" not in matrix.provenance:
        return None, ""
    path = None if folder is None else folder / MAP
    if path is None or not path.is_file():
        return None, f"there is no {MAP} beside the matrix" if path else "no picture of it was written"
    alt = f"Map of the images by {matrix.measure}: one mark for each image, one large mark for each dataset"
    try:
        return picture_of(path, alt), ""
    except DataError as error:
        return None, error.message
