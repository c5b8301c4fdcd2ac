"""Datasets at a glance: how many images of what kind, and some of them to see."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dsim.data.sheet import evenly
from dsim.errors import DsimError
from dsim.report.contents import Glance
from dsim.report.pictures import each_of, thumbnails

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.measures import SimilarityMatrix

_BITS = {"uint8": "8 bit", "uint16": "16 bit", "int16": "16 bit, signed", "bool": "1 bit"}
_NOT_GIVEN = "the images are not at hand"


def glances(
    matrix: SimilarityMatrix, datasets: Mapping[str, Dataset], missing: Mapping[str, str]
) -> tuple[Glance, ...]:
    """All datasets of a matrix, targets first; ``missing`` says why one of them is not among ``datasets``."""
    described = matrix.provenance["datasets"]
    names = list(dict.fromkeys((*matrix.targets, *matrix.sources)))
    count = each_of(len(names))
    return tuple(
        _glance(matrix, name, described[name], datasets.get(name), missing.get(name, _NOT_GIVEN), count)
        for name in names
    )


def _glance(
    matrix: SimilarityMatrix, name: str, told: Mapping[str, Any], dataset: Dataset | None, why: str, count: int
) -> Glance:
    roles = [role for role, group in (("source", matrix.sources), ("target", matrix.targets)) if name in group]
    role = " and ".join(roles)
    facts = {"images": f"{told['samples']:,}", **dict(_recorded(told))}
    if dataset is None:
        return Glance(name, role, facts, missing=why)
    if dataset.backing is None:
        return Glance(name, role, facts, missing="given as features only: there are no images")
    try:
        pictures = thumbnails(dataset, count)
        facts = {"images": facts["images"], **dict(_seen(dataset, count)), **dict(_known(dataset))}
    except DsimError as error:
        return Glance(name, role, facts, missing=error.message)
    return Glance(name, role, facts, pictures)


def _recorded(told: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    """What the record says of depth and channels: only images deeper than 8 bit have scales."""
    scales = sorted(told["treatment"].get("scales", {}))
    if scales:
        kinds = [key.rpartition("x") for key in scales]
        yield "channels", _listed(channels for _, _, channels in kinds)
        yield "depth", _listed(_BITS.get(dtype, dtype) for dtype, _, _ in kinds)


def _seen(dataset: Dataset, count: int) -> Iterator[tuple[str, str]]:
    """What the images that are shown are like; the depth of all where their headers tell it."""
    shown = [dataset.native(index) for index in evenly(len(dataset), count)]
    dtypes = dataset.dtypes or [image.dtype.name for image in shown]
    yield "channels", _listed(str(image.shape[2]) for image in shown)
    yield "depth", _listed(_BITS.get(dtype, dtype) for dtype in dtypes)
    sizes = Counter((image.shape[1], image.shape[0]) for image in shown)
    (width, height), _ = max(sizes.items(), key=lambda item: (item[1], item[0]))
    yield "pixels", f"{width} × {height}" + (", others too" if len(sizes) > 1 else "")


def _known(dataset: Dataset) -> Iterator[tuple[str, str]]:
    """What is stated of the dataset as a whole."""
    from dsim.data.attributes import votes_of

    said = Counter(filter(None, votes_of(dataset.attributes).get("modality", {}).values()))
    if said:
        yield "modality", min(said, key=lambda value: (-said[value], value))
    if dataset.masked:
        yield "annotated", "masks"
    if dataset.labels is not None:
        yield "classes", str(len(dataset.classes))
    if dataset.groups is not None:
        yield "groups", str(len(set(dataset.groups)))


def _listed(values: Any) -> str:
    return ", ".join(sorted(dict.fromkeys(values)))
