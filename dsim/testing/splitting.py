"""Checks of merging two datasets and of splitting one: what noise floor and permutation test rest on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from dsim.testing.report import Failure, NotApplicable, cause_of
from dsim.testing.subject import Subject, same

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

_UNDO = "implement resample and merge, or declare two_sample=False"


def merging(subject: Subject) -> str:
    """As declared by two_sample: two datasets are merged, first before second, and split again with the same value."""
    import numpy as np

    whole, count = _merged(subject)
    first, second, third = (subject.specimens.ladder[i] for i in (0, 2, 4))
    parts = _part(subject, whole, np.arange(len(first))), _part(subject, whole, np.arange(len(first), count))
    value = float(subject.measure.compare(*parts))
    hint = "merge must hold the first's images, then the second's; resample must pick the drawn ones"
    same(subject, subject.value(first, second), value, "a pair, and the pair merged and split again", hint, 1e-5)
    merged = float(subject.measure.compare(whole, subject.summary(third)))
    anew = float(subject.measure.compare(_part(subject, whole, np.arange(count)), subject.summary(third)))
    hint = "what a summary holds besides its images (means, ...) must be that of all of them"
    same(subject, anew, merged, "all images of a merged dataset, and the merged dataset itself", hint, 1e-5)
    return f"{len(first)} and {len(second)} images"


def splitting(subject: Subject) -> str:
    """compare_splits gives what compare gives for the two parts of each split, whatever their sizes."""
    import numpy as np

    try:
        whole, count = _merged(subject)
        _part(subject, whole, np.arange(count))
    except Failure:
        raise NotApplicable("datasets cannot be merged or picked from; see the check merging") from None
    least = subject.spec.min_samples
    if count // 2 < least:
        raise NotApplicable(f"min_samples is {least}, and the specimens make parts of {count // 2} images")
    cuts = (count // 2, max(count // 3, least))
    orders = np.arange(count), np.random.default_rng(9).permutation(count)
    splits = [(order[:cut], order[cut:]) for order in orders for cut in cuts]
    found = np.asarray(subject.measure.compare_splits(whole, splits), dtype=np.float64)
    if found.shape != (len(splits),):
        raise Failure(f"compare_splits returned shape {found.shape}", "return one value per split")
    for (one, other), value in zip(splits, found.tolist(), strict=True):
        single = float(subject.measure.compare(_part(subject, whole, one), _part(subject, whole, other)))
        told = f"the parts ({len(one)} and {len(other)} images) of a split alone and in compare_splits"
        same(subject, single, value, told, "mend compare_splits", 1e-5)
    return f"{len(splits)} splits of {count} images"


def _merged(subject: Subject) -> tuple[Any, int]:
    """Two datasets in one, and its number of images."""
    if not subject.spec.two_sample:
        raise NotApplicable("two_sample is declared False")
    first, second = subject.specimens.ladder[0], subject.specimens.ladder[2]
    try:
        whole = subject.measure.merge(subject.summary(first), subject.summary(second))
    except Exception as error:
        raise Failure(f"merging raised {cause_of(error)}", _UNDO) from error
    return whole, len(first) + len(second)


def _part(subject: Subject, whole: Any, indices: NDArray[np.intp]) -> Any:
    try:
        return subject.measure.resample(whole, indices)
    except Exception as error:
        raise Failure(f"picking images of a merged dataset raised {cause_of(error)}", _UNDO) from error


CHECKS = (merging, splitting)
