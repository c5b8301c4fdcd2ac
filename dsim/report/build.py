"""A report built from results: measures explained, datasets found again and looked at, maps embedded."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.data import brightened, evenly, thumbnail
from dsim.errors import DataError, DsimError
from dsim.measures import build_measure
from dsim.pages import embed_file, embed_image
from dsim.registry import default
from dsim.report.contents import Glance, Part, Report, Step
from dsim.report.layout import DRAWING_WIDTH

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.measures import SimilarityMatrix, SimilarityMeasure
    from dsim.pages import Picture
    from dsim.report.contents import Results
    from dsim.runtime import Runtime

_MAP = "embedding.png"
#: Longest side of a thumbnail, pixels; most of one dataset, and of all together unless there are more datasets.
SIDE, MOST, MOST_IN_ALL = 128, 4, 120
#: Where a dataset lies, by its record, that was given as arrays.
_MEMORY = "memory"
_BITS = {"uint8": "8 bit", "uint16": "16 bit", "int16": "16 bit, signed", "bool": "1 bit"}
_NOT_GIVEN = "the images are not at hand"


def make_report(
    results: Results,
    datasets: Mapping[str, Dataset] | None = None,
    *,
    missing: Mapping[str, str] | None = None,
    notes: Mapping[str, Sequence[str]] | None = None,
    reliability: Mapping[str, Sequence[str]] | None = None,
    steps: Sequence[Step] = (),
) -> Report:
    """Return the report on the results of a comparison.

    Parameters
    ----------
    datasets : those that are at hand, by name, for thumbnails; ``missing`` holds the reasons why others are not.
    notes, reliability : by measure: remarks besides the numbers, and how such choices fared where transfer was
        measured. ``steps`` : the next things to do.

    Raises UsageError where the matrices are of different datasets, or two of them of one measure.

    >>> from dsim.comparison import compare
    >>> from dsim.data.phantoms import open_phantom
    >>> from dsim.report import Results
    >>> pool = [open_phantom(name, count=4, size=32) for name in ("xray", "fundus")]
    >>> matrix = compare(pool, [open_phantom("xray-bedside", count=4, size=32)], measure="cc:size=32")
    >>> report = make_report(Results((matrix,), (None,)), {dataset.name: dataset for dataset in pool})
    >>> [(glance.name, glance.role, len(glance.pictures)) for glance in report.glances]
    [('xray-bedside', 'target', 0), ('xray', 'source', 4), ('fundus', 'source', 4)]
    """
    remarks, judged = notes or {}, reliability or {}
    parts = tuple(
        _build_part(matrix, folder, tuple(remarks.get(matrix.measure, ())), tuple(judged.get(matrix.measure, ())))
        for matrix, folder in zip(results.matrices, results.folders, strict=True)
    )
    glances = _describe_datasets(results.matrices[0], datasets or {}, missing or {})
    return Report(parts, glances, results.agreement, tuple(steps), dict(results.failed), results.tried)


def _build_part(matrix: SimilarityMatrix, folder: Path | None, notes: tuple[str, ...], judged: tuple[str, ...]) -> Part:
    spec = default().measures.get(matrix.measure.partition(":")[0].partition("@")[0])
    drawn, reason = _embed_map(matrix, folder)
    title, blind = (spec.title, spec.blind_to) if spec else ("", "")
    return Part(matrix, title, blind, drawn, reason, notes, judged)


def _embed_map(matrix: SimilarityMatrix, folder: Path | None) -> tuple[Picture | None, str]:
    """The map, or why there is none; neither where the measure embeds nothing."""
    if "embedding" not in matrix.provenance:
        return None, ""
    path = None if folder is None else folder / _MAP
    if path is None or not path.is_file():
        return None, f"{_MAP} is missing beside the matrix" if path else "no picture of it was written"
    alt = f"Map of the images by {matrix.measure}: one mark for each image, one large mark for each dataset"
    try:
        return embed_file(path, alt, DRAWING_WIDTH), ""
    except DataError as error:
        return None, error.message


def _describe_datasets(
    matrix: SimilarityMatrix, datasets: Mapping[str, Dataset], missing: Mapping[str, str]
) -> tuple[Glance, ...]:
    """All datasets of a matrix, targets first; ``missing`` says why one of them is not among ``datasets``."""
    records = matrix.provenance["datasets"]
    names = list(dict.fromkeys((*matrix.targets, *matrix.sources)))
    count = count_thumbnails(len(names))
    return tuple(
        _describe_dataset(matrix, name, records[name], datasets.get(name), missing.get(name, _NOT_GIVEN), count)
        for name in names
    )


def _describe_dataset(
    matrix: SimilarityMatrix, name: str, record: Mapping[str, Any], dataset: Dataset | None, reason: str, count: int
) -> Glance:
    roles = [role for role, group in (("source", matrix.sources), ("target", matrix.targets)) if name in group]
    role = " and ".join(roles)
    facts = {"images": f"{record['samples']:,}", **dict(_recorded_facts(record))}
    if dataset is None:
        return Glance(name, role, facts, missing=reason)
    if dataset.backing is None:
        return Glance(name, role, facts, missing="given as features only, without images")
    try:
        pictures = _thumbnails(dataset, count)
        facts = {"images": facts["images"], **dict(_visible_facts(dataset, count)), **dict(_stated_facts(dataset))}
    except DsimError as error:
        return Glance(name, role, facts, missing=error.message)
    return Glance(name, role, facts, pictures)


def count_thumbnails(datasets: int) -> int:
    """Return how many thumbnails each dataset has in a report of so many datasets.

    >>> count_thumbnails(5), count_thumbnails(60), count_thumbnails(500)
    (4, 2, 1)
    """
    return max(1, min(MOST, MOST_IN_ALL // max(1, datasets)))


def _thumbnails(dataset: Dataset, count: int) -> tuple[Picture, ...]:
    """Some images of a dataset, evenly spread over it, masks outlined; the text says which are shown brighter."""
    indices = evenly(len(dataset), count)
    pictures = [thumbnail(dataset, index, SIDE) for index in indices]
    marked = [", outlined by its mask" if dataset.has_mask(index) else "" for index in indices]
    return tuple(
        embed_image(picture, f"image {dataset.ids[index]} of {dataset.name}{outlined}{brightened([picture])}")
        for index, picture, outlined in zip(indices, pictures, marked, strict=True)
    )


def _recorded_facts(record: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """Depth and channels by the record: only images deeper than 8 bit have scales."""
    scales = sorted(record["treatment"].get("scales", {}))
    if scales:
        kinds = [key.rpartition("x") for key in scales]
        yield "channels", _join_distinct(channels for _, _, channels in kinds)
        yield "depth", _join_distinct(_BITS.get(dtype, dtype) for dtype, _, _ in kinds)


def _visible_facts(dataset: Dataset, count: int) -> Iterator[tuple[str, str]]:
    """Channels and sizes of the images that are shown; the depth of all where their headers have it."""
    shown = [dataset.native(index) for index in evenly(len(dataset), count)]
    dtypes = dataset.dtypes or [image.dtype.name for image in shown]
    yield "channels", _join_distinct(str(image.shape[2]) for image in shown)
    yield "depth", _join_distinct(_BITS.get(dtype, dtype) for dtype in dtypes)
    sizes = Counter((image.shape[1], image.shape[0]) for image in shown)
    (width, height), _ = max(sizes.items(), key=lambda item: (item[1], item[0]))
    yield "pixels", f"{width} × {height}" + (", others too" if len(sizes) > 1 else "")


def _stated_facts(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """Facts that are stated of the dataset as a whole."""
    from dsim.data import votes_of

    votes = Counter(filter(None, votes_of(dataset.attributes).get("modality", {}).values()))
    if votes:
        yield "modality", min(votes, key=lambda value: (-votes[value], value))
    if dataset.masked:
        yield "annotated", dataset.annotation or "masks"
    if dataset.labels is not None:
        yield "classes", str(len(dataset.classes))
    if dataset.groups is not None:
        yield "groups", str(len(set(dataset.groups)))


def _join_distinct(values: Iterable[str]) -> str:
    return ", ".join(sorted(set(values)))


def locate_datasets(matrix: SimilarityMatrix, runtime: Runtime) -> tuple[dict[str, Dataset], dict[str, str]]:
    """Return the datasets of a matrix that can be opened and have not changed, by name; of the others, the reasons.

    A dataset counts as the same where the fingerprint of what the measure reads of it is the one that was recorded.
    """
    located: dict[str, Dataset] = {}
    missing: dict[str, str] = {}
    records = matrix.provenance["datasets"]
    try:
        measure = build_measure(_measure_call(matrix.measure))
    except DsimError as error:
        reason = f"the images cannot be checked against the record: {error.message}"
        return {}, dict.fromkeys(records, reason)
    with runtime.progress.task("looking for the datasets", len(records), "datasets") as task:
        for name, record in records.items():
            try:
                dataset, reason = _open_unchanged(name, record, measure, runtime)
            except DsimError as error:
                dataset, reason = None, error.message
            if dataset is None:
                missing[name] = reason
            else:
                located[name] = dataset
            task.advance()
    return located, missing


def _open_unchanged(
    name: str, record: Mapping[str, Any], measure: SimilarityMeasure[Any], runtime: Runtime
) -> tuple[Dataset | None, str]:
    from dsim.data import open_dataset
    from dsim.measures import DatasetView

    where = dataset_reference(record)
    if not where:
        return None, "the images were given from memory, and are not in the files"
    dataset = open_dataset(where, skip_unreadable=bool(record["skipped"])).renamed(name)
    roles = ((measure.needs, measure.optional), (measure.source_needs, measure.source_optional))
    read = [(needs, optional) for needs, optional in dict.fromkeys(roles) if all(map(dataset.has, needs))]
    views = (DatasetView(dataset, needs, "the report", runtime, optional) for needs, optional in read)
    if record["fingerprint"] not in (view.fingerprint for view in views):
        return None, f"the images at {where} are not those that were compared"
    return dataset, ""


def dataset_reference(record: Mapping[str, Any]) -> str:
    """Return the reference that opens a dataset of a record again; empty where it was given from memory.

    Raises KeyError for a record without a location.
    """
    location = str(record["location"])
    return "" if location == _MEMORY else location + str(record.get("options", ""))


def _measure_call(identity: str) -> str:
    """The call of a measure's identity.

    >>> _measure_call("cc@1:size=32"), _measure_call("asap@2")
    ('cc:size=32', 'asap')
    """
    head, colon, parameters = identity.partition(":")
    return head.partition("@")[0] + colon + parameters
