"""Check the images of datasets: copies, blank images, outliers, doubtful labels, groups that cluster by themselves."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from typing import TYPE_CHECKING

from dsim.errors import DataError, UnknownNameError
from dsim.maps.quality.findings import Examined, Fault, MapCheck
from dsim.maps.quality.lists import LISTS, swap_powers
from dsim.maps.quality.subject import Subject
from dsim.runtime import Runtime

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.maps.image_map import ImageMap

#: The extractor of a check without a fitted map: it is shipped, and needs no training.
EXTRACTOR = "zoo:lite0.imagenet.r1"


def check_map(
    images: ImageMap | Sequence[Dataset],
    *,
    extractor: str = "",
    kinds: Collection[str] = (),
    seed: int = 0,
    runtime: Runtime | None = None,
) -> MapCheck:
    """Return what is worth a look among the images of a map, or of datasets that have no map yet.

    Parameters
    ----------
    images : a map, whose model's features are taken; or datasets, which have images.
    extractor : reference of other features. For datasets the default is the features that all of them were given, else
        those of a network trained on ImageNet.
    kinds : values of ``Fault``; all by default. Labels and groups are examined where a dataset has them.
    seed : of the permutations of groups.

    Raises
    ------
    UnknownNameError : a kind that does not exist. DataError : no dataset, or two of one name. NeedError : a dataset
    without images. Also what ``extract`` raises.

    >>> import numpy as np
    >>> from dsim.data import from_arrays
    >>> pixels = np.random.default_rng(0).integers(0, 255, (4, 16, 16), np.uint8)
    >>> pixels[3] = pixels[0]
    >>> check = check_map([from_arrays(pixels, name="noise")], kinds=["exact-duplicate"])
    >>> [(finding.id, finding.partner) for finding in check.findings]
    [('3', '0')]
    """
    datasets, reference = _resolve(images, extractor)
    wanted = _kinds(kinds)
    subject = Subject(datasets, reference, runtime or Runtime(), wanted, seed)
    parts = [LISTS[kind](subject) for kind in Fault if kind in wanted]
    return MapCheck(
        datasets=tuple(data.name for data in datasets),
        sizes=tuple(map(len, datasets)),
        extractor=reference,
        findings=tuple(finding for part in parts for finding in part.ranked),
        examined=tuple(Examined(part.kind, part.examined, part.note) for part in parts),
        swap_power=swap_powers(subject) if Fault.LABEL in wanted else {},
    )


def _resolve(images: ImageMap | Sequence[Dataset], extractor: str) -> tuple[tuple[Dataset, ...], str]:
    from dsim.maps.image_map import ImageMap
    from dsim.maps.model import open_map_model

    if isinstance(images, ImageMap):
        datasets = images.datasets
        reference = extractor or (open_map_model(images.model).of_features if images.model else EXTRACTOR)
    else:
        datasets = tuple(images)
        given = bool(datasets) and all(data.features is not None for data in datasets)
        reference = extractor or ("" if given else EXTRACTOR)
    names = [dataset.name for dataset in datasets]
    if not names or len(set(names)) < len(names):
        raise DataError(
            "no dataset was given" if not names else f"two datasets have one name: {', '.join(sorted(names))}",
            hint="name datasets that have images: NAME=PATH gives one a name",
        )
    return datasets, reference


def _kinds(kinds: Collection[str]) -> frozenset[Fault]:
    known = [kind.value for kind in Fault]
    for kind in kinds:
        if kind not in known:
            raise UnknownNameError("kind of finding", kind, known, hint=f"kinds are: {', '.join(known)}")
    return frozenset(Fault(kind) for kind in kinds) or frozenset(Fault)
