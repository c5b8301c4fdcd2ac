"""The common form of images for the classical measures, and what becomes of images that have no value."""

from __future__ import annotations

from collections.abc import Callable
from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

from dsim.features.transforms import Square
from dsim.measures import DatasetView
from dsim.plugin import MeasureError

Scalar = TypeVar("Scalar", bound=np.generic)


def common_form(size: int) -> Square:
    """Gray (ITU-R 601 luma, or the mean of any other number of channels), ``size`` x ``size``, aspect ignored."""
    return Square(size, channels=1)


def prepare(
    data: DatasetView, size: int, function: Callable[[NDArray[np.float32]], NDArray[Scalar]]
) -> NDArray[Scalar]:
    """A function of batches of images (b, size, size), applied to the whole dataset as it is read."""
    parts = []
    for batch in data.batches(common_form(size)):
        images = batch[:, 0]
        _refuse_not_finite(images, data)
        parts.append(function(images))
    return np.concatenate(parts)


def refuse_constant(prepared: NDArray[np.float32], data: DatasetView) -> None:
    """Raise MeasureError where constant images have left NaN rows: each would make all its pairs undefined."""
    constant = np.flatnonzero(np.isnan(prepared.reshape(len(prepared), -1)[:, 0]))
    if len(constant):
        raise MeasureError(
            f"{len(constant)} of {len(data)} images of {data.dataset.name!r} are constant, and {data.wanted_by} is "
            f"undefined for them: {_some([data.dataset.ids[i] for i in constant.tolist()])}",
            hint="remove them, or choose nmi, which a constant image does not stop",
        )


def refuse_undefined(scores: NDArray[np.float64]) -> NDArray[np.float64]:
    """The scores, or MeasureError where some pairs have none: leaving them out would change what the mean is of."""
    undefined = int(np.isnan(scores).sum())
    if undefined:
        raise MeasureError(
            f"{undefined} of {scores.size} image pairs are pairs of two constant images, for which nmi is 0 / 0",
            hint="remove the constant images from one of the datasets",
        )
    return scores


def _refuse_not_finite(images: NDArray[np.float32], data: DatasetView) -> None:
    if not np.isfinite(images).all():
        raise MeasureError(
            f"images of {data.dataset.name!r} hold NaN or infinite pixels", hint="replace them before comparing"
        )


def _some(names: list[str], shown: int = 3) -> str:
    """The first names, and how many more.

    >>> _some(["a", "b", "c", "d"])
    'a, b, c and 1 more'
    """
    more = f" and {len(names) - shown} more" if len(names) > shown else ""
    return ", ".join(names[:shown]) + more
