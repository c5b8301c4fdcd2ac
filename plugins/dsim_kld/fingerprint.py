"""Fingerprints: number of images, means and histograms of features; their files; how one is made of a dataset."""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

import numpy as np
from numpy.typing import NDArray

from dsim.errors import DataError
from dsim.files import write_text
from dsim.files.documents import digest
from dsim.measures import DatasetView
from dsim.plugin import MeasureError, Need
from dsim.stats.divergences import bin_of, count_bins, shared_edges
from dsim.stats.frames import Points

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.runtime import Runtime


#: Up to this many images their features stay at hand, for intervals and tests. Beyond, memory must not grow with n.
KEPT = 4096


@dataclass(frozen=True)
class Fingerprint:
    """A dataset as a fingerprint.

    ``count`` images; ``mean`` float64 (d,); ``histograms`` int64 (d, bins), (d, 0) where none was asked for;
    ``points`` (count, d), the features themselves, or (0, d) where there are more than ``KEPT``.
    """

    #: Made again from cached features in one pass; the points would only fill the disk a second time.
    transient: ClassVar[bool] = True

    count: int
    mean: NDArray[np.float64]
    histograms: NDArray[np.int64]
    points: Points

    @property
    def kept(self) -> bool:
        """Whether the features are at hand, so that resamples can be had."""
        return len(self.points) == self.count


def take(blocks: Iterable[Points], edges: NDArray[np.float64] | None) -> Fingerprint:
    """Return the fingerprint of features that come in blocks (b, d); ``edges`` (e,) lie between bins, None for no bins.

    Memory is one block and (d, bins), and at most ``KEPT`` rows.
    """
    count, total, histograms = 0, np.zeros(0), np.zeros((0, 0), dtype=np.int64)
    kept: list[Points] | None = []
    for block in blocks:
        found = _histograms(block, edges)
        total = block.sum(axis=0, dtype=np.float64) if not count else total + block.sum(axis=0, dtype=np.float64)
        histograms = found if not count else histograms + found
        count += len(block)
        # A copy: the rows of a stream may lie in memory that the next block is read into.
        kept = [*kept, np.array(block)] if kept is not None and count <= KEPT else None
    points = np.concatenate(kept) if kept else np.zeros((0, len(total)))
    return Fingerprint(count, total / max(count, 1), histograms, points)


def resampled(
    fingerprint: Fingerprint, draws: Iterable[NDArray[np.intp]], edges: NDArray[np.float64] | None
) -> Iterator[Fingerprint]:
    """Yield fingerprints of the images drawn, indices (m,) each, without their points; features are binned once."""
    points = fingerprint.points
    indices = None if edges is None else bin_of(points, edges)
    bins = 0 if edges is None else len(edges) + 1
    for draw in draws:
        found = np.zeros((points.shape[1], 0), np.int64) if indices is None else count_bins(indices[draw], bins)
        yield Fingerprint(len(draw), points[draw].mean(axis=0, dtype=np.float64), found, points[:0])


def merged(first: Fingerprint, second: Fingerprint) -> Fingerprint:
    """Return the fingerprint of both datasets' images together: mean (d,), histograms (d, bins)."""
    count = first.count + second.count
    mean = (first.mean * first.count + second.mean * second.count) / count
    points = (first.points, second.points) if first.kept and second.kept else (first.points[:0],)
    return Fingerprint(count, mean, first.histograms + second.histograms, np.concatenate(points))


def finite_blocks(data: DatasetView, extractor: str) -> Iterator[Points]:
    """Yield the dataset's features in blocks (b, d); MeasureError where any is NaN or infinite."""
    start = 0
    for block in data.feature_blocks(extractor):
        bad = np.flatnonzero(~np.isfinite(block).all(axis=1))
        if len(bad):
            raise MeasureError(
                f"features of {data.dataset.name!r} are not finite, the first of {data.dataset.ids[start + bad[0]]!r}",
                hint="remove these samples, or mend their features",
            )
        start += len(block)
        yield block


def _histograms(block: Points, edges: NDArray[np.float64] | None) -> NDArray[np.int64]:
    if edges is None:
        return np.zeros((block.shape[1], 0), dtype=np.int64)
    return count_bins(bin_of(block, edges), len(edges) + 1)


SCHEMA = "dsim.fingerprint/1"
#: What stands for a recipe where features came with the dataset: nobody knows of which network they are.
GIVEN = {"extractor": "given with the dataset"}

_AGAIN = "write it again: dsim fingerprint write DATASET --out FILE"


@dataclass(frozen=True)
class Record:
    """A fingerprint with all that its comparison depends on.

    ``reference`` calls the extractor again ("" for features that were given); ``recipe`` identifies it; ``bins`` and
    ``scale`` lay the bins; ``dataset`` is the sha256 that identifies the data; ``origin`` is the file it came from.
    """

    name: str
    fingerprint: Fingerprint
    reference: str
    recipe: Mapping[str, str]
    bins: int
    scale: float
    dataset: str
    created: str = ""
    dsim: str = ""
    origin: str = "memory"

    @property
    def recipe_digest(self) -> str:
        """sha256 of the extractor's recipe: equal where the features mean the same."""
        return digest(dict(self.recipe))


def write_record(record: Record, path: Path) -> None:
    """Write a fingerprint as one JSON document, atomically. The features of single images are left out."""
    document = _document(record)
    write_text(path, json.dumps({**document, "sha256": digest(document)}, ensure_ascii=False, allow_nan=False) + "\n")


def read_record(path: Path) -> Record:
    """Return the fingerprint in a file; raises DataError that names it where it is not a whole fingerprint."""
    try:
        document = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise DataError(f"there is no fingerprint {path}", hint=_AGAIN) from None
    except (OSError, ValueError) as error:
        raise DataError(f"cannot read the fingerprint {path}: {error}", hint=_AGAIN) from error
    if not isinstance(document, dict) or "schema" not in document:
        raise DataError(f"{path} is not a fingerprint: it names no schema", hint=_AGAIN)
    if document["schema"] != SCHEMA:
        raise DataError(
            f"{path} has schema {document['schema']!r}, and this dsim ({_version()}) reads {SCHEMA!r}",
            hint="write it with the same version of dsim on both sides",
        )
    stated = document.pop("sha256", None)
    if stated != digest(document):
        raise DataError(f"{path} is damaged or was changed: its checksum does not match", hint=_AGAIN)
    try:
        return _record(document, str(path))
    except (KeyError, TypeError, ValueError) as error:
        raise DataError(f"{path} is not a whole fingerprint: {type(error).__name__} {error}", hint=_AGAIN) from error


def is_record(path: str) -> bool:
    """Return whether a path means a fingerprint rather than a dataset."""
    return path.lower().endswith(".json")


def refuse_strangers(records: Sequence[Record]) -> None:
    """Raise DataError, naming two files, where not all fingerprints were made in the same way."""
    first = records[0]
    for other in records[1:]:
        for what, one, two in (
            ("extractor", first.recipe_digest, other.recipe_digest),
            ("number of features", len(first.fingerprint.mean), len(other.fingerprint.mean)),
            ("bins", (first.bins, first.scale), (other.bins, other.scale)),
        ):
            if one != two:
                raise DataError(
                    f"{first.origin} and {other.origin} were not made in the same way, and have no common measure: "
                    f"{what} {_describe(first, what)} and {_describe(other, what)}",
                    hint="write both with the same --extractor, weights, --bins and --scale",
                )


def _describe(record: Record, what: str) -> str:
    if what == "extractor":
        return f"{record.reference or GIVEN['extractor']} (recipe {record.recipe_digest[:12]})"
    return str(len(record.fingerprint.mean)) if what != "bins" else f"{record.bins} at scale {record.scale:g}"


def _document(record: Record) -> dict[str, Any]:
    found = record.fingerprint
    return {
        "schema": SCHEMA,
        "name": record.name,
        "images": found.count,
        "features": len(found.mean),
        "extractor": {
            "reference": record.reference,
            "recipe": dict(record.recipe),
            "sha256": record.recipe_digest,
        },
        "bins": {"count": record.bins, "scale": record.scale},
        "provenance": {
            "dsim": record.dsim or _version(),
            "created": record.created or datetime.now(UTC).isoformat(timespec="seconds"),
            "dataset": record.dataset,
        },
        "mean": found.mean.tolist(),
        "histograms": [_packed(row) for row in found.histograms],
    }


def _packed(row: NDArray[np.int64]) -> list[int]:
    """A histogram without the zeros at its ends: [first bin, counts...]."""
    filled = np.flatnonzero(row)
    return [int(filled[0]), *row[filled[0] : filled[-1] + 1].tolist()] if len(filled) else [0]


def _record(document: Mapping[str, Any], origin: str) -> Record:
    bins, count = int(document["bins"]["count"]), int(document["images"])
    mean = np.array(document["mean"], dtype=np.float64)
    histograms = np.zeros((int(document["features"]), bins), dtype=np.int64)
    for row, packed in zip(histograms, document["histograms"], strict=True):
        row[packed[0] : packed[0] + len(packed) - 1] = packed[1:]
    if mean.shape != (len(histograms),) or not np.isfinite(mean).all() or (histograms.sum(axis=1) != count).any():
        raise ValueError("the numbers do not fit each other")
    extractor, provenance = document["extractor"], document["provenance"]
    return Record(
        name=str(document["name"]),
        fingerprint=Fingerprint(count, mean, histograms, np.zeros((0, len(mean)))),
        reference=str(extractor["reference"]),
        recipe=dict(extractor["recipe"]),
        bins=bins,
        scale=float(document["bins"]["scale"]),
        dataset=str(provenance["dataset"]),
        created=str(provenance["created"]),
        dsim=str(provenance["dsim"]),
        origin=origin,
    )


def _version() -> str:
    from importlib.metadata import version

    return version("dsim")


def make_record(dataset: Dataset, extractor: str, bins: int, scale: float, runtime: Runtime, least: int = 1) -> Record:
    """Return the fingerprint of a dataset: mean (d,) and histograms (d, bins), good for every variant of the measure.

    Raises DataError where there are fewer than ``least`` images: the histograms of few images reveal much of each.
    """
    if len(dataset) < least:
        raise DataError(
            f"{dataset.name!r} has {len(dataset)} images; a fingerprint of fewer than {least} reveals too much of each",
            hint="give more images, or lower --least where the images are public",
        )
    view = DatasetView(dataset, frozenset({Need.FEATURES}), "dsim fingerprint", runtime)
    reference, recipe = ("", dict(GIVEN)) if dataset.features is not None else _identity(extractor, runtime)
    found = take(finite_blocks(view, extractor), shared_edges(bins, scale))
    return Record(dataset.name, found, reference, recipe, bins, scale, view.fingerprint, origin=dataset.location)


def _identity(extractor: str, runtime: Runtime) -> tuple[str, dict[str, str]]:
    """The extractor as others call it, and its recipe: a path of this machine is nobody else's business."""
    from dsim.features import recipe

    found = recipe(extractor, runtime)
    head, bracket, rest = found.reference.partition("[")
    options = [part for part in rest.removesuffix("]").split(",") if part and not part.startswith("weights=")]
    return (f"{head}[{','.join(options)}]" if bracket and options else head), dict(found.key())
