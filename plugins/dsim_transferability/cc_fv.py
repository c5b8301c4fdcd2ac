"""CC-FV: consistency of the target's foreground and variety of its pixels, through the source's pixel head."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView, refuse_other_dimension
from dsim.plugin import MeasureError, SimilarityMeasure
from dsim.stats.transferability import Head, cc_fv, class_consistency, feature_variety
from dsim_transferability.scores import trained
from dsim_transferability.specs import CC_FV

#: Cells of a class that an image needs: fewer have no covariance.
_FEWEST = 2


@dataclass(frozen=True)
class Cells:
    """Cells of the maps of a dataset, drawn; and the head that predicts their classes.

    Parameters
    ----------
    features : float32 (p, d). images, classes : integers (p,), the image of each cell and its mask value, 0 background.
    weights, bias : float64 (d, C) and (C,) of the head, C = 0 where none is used.
    count, side : number of images, and cells along a side of a map.
    """

    features: NDArray[np.float32]
    images: NDArray[np.int64]
    classes: NDArray[np.int64]
    weights: NDArray[np.float64]
    bias: NDArray[np.float64]
    count: int
    side: int


class CcFv(SimilarityMeasure[Cells]):
    """Log of feature variety over class inconsistency, of cells (p, d); similarity, any real number.

    Source: Yang et al. 2023, arXiv:2307.11958; Liu et al. 2018, arXiv:1805.09298 (variety).
    Raises MeasureError where all images have the same maps.

    >>> import dsim
    >>> dsim.build_measure("cc-fv:classes=values,pixels=64")
    cc-fv:classes=values,pixels=64
    """

    spec = CC_FV
    extractor: str
    representation: str
    classes: str
    pixels: int
    penalty: float

    def extractors(self) -> tuple[str, ...]:
        return (self.extractor,)

    def summarise(self, data: DatasetView, rng: np.random.Generator) -> Cells:
        first, side, alike = np.zeros(0, np.float32), 0, True
        drawn: list[tuple[NDArray[np.float32], NDArray[np.int64]]] = []
        for maps, grid in self._grids(data):
            # Of large maps only what is drawn is kept.
            first, side = (maps, math.isqrt(len(grid))) if not drawn else (first, side)
            alike = alike and bool(np.abs(maps - first).max() <= 1e-5 * np.abs(first).max())
            chosen = _drawn(grid, self.pixels, rng)
            drawn.append((maps[:, chosen].T, grid[chosen]))
        if alike:  # what varies then is padding, and where the masks lie
            raise MeasureError(f"all images of {data.dataset.name!r} have the same maps", hint="look at the images")
        features, classes = (np.concatenate(parts) for parts in zip(*drawn, strict=True))
        images = np.repeat(np.arange(len(drawn)), [len(part) for part, _ in drawn])
        _refuse_unusable(data.dataset.name, features, images, classes, side)
        head = Head(np.zeros((features.shape[1], 0)), np.zeros(0))
        if self.representation == "probe":
            head = trained(features, classes, self.penalty)
        return Cells(features, images, classes, head.weights, head.bias, len(drawn), side)

    def _grids(self, data: DatasetView) -> Iterator[tuple[NDArray[np.float32], NDArray[np.int64]]]:
        """Each image's map (d, cells) and the class of each cell (cells,)."""
        from dsim.features import open_dense

        dense = open_dense(self.extractor, data.runtime)
        masks = data.masks()
        for batch in data.batches(dense.transform, dense.batch):
            for features in dense.maps(batch):
                mask = next(masks)
                wanted = (mask > 0).astype(np.int64) if self.classes == "foreground" else mask
                grid = dense.mask(wanted, (features.shape[1], features.shape[2]))
                yield features.reshape(len(features), -1), grid.ravel()

    def compare(self, source: Cells, target: Cells) -> float:
        refuse_other_dimension(source.features.shape[1], target.features.shape[1])
        points = np.asarray(target.features, dtype=np.float64)
        if self.representation == "probe":
            points = Head(source.weights, source.bias).coordinates(target.features)
        images = range(target.count)
        foreground = [value for value in np.unique(target.classes).tolist() if value != 0]
        consistencies = [
            class_consistency(_clouds(points, target.images, target.classes == value, images)) for value in foreground
        ]
        variety = feature_variety(_clouds(points, target.images, np.full(len(points), True), images))
        value = cc_fv(consistencies, variety)
        if not math.isfinite(value):
            message = "the target's features do not vary as the source's head sees them"
            raise MeasureError(message, hint="give target images that differ")
        return value

    def remark(self, summary: Cells) -> str:
        shown = np.bincount(summary.images[summary.classes != 0], minlength=summary.count)
        left_out = int((shown < _FEWEST).sum())
        if not left_out:
            return ""
        return (
            f"{left_out} of {summary.count} images have fewer than {_FEWEST} cells of foreground on the map of "
            f"{summary.side} x {summary.side} cells and do not count for class consistency"
        )


def _drawn(classes: NDArray[np.int64], most: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Cells of an image, at most so many of each class, in order."""
    chosen = []
    for value in np.unique(classes):
        members = np.flatnonzero(classes == value)
        chosen.append(members if len(members) <= most else rng.choice(members, most, replace=False))
    return np.sort(np.concatenate(chosen))


def _clouds(
    points: NDArray[np.float64], images: NDArray[np.int64], among: NDArray[np.bool_], all_images: range
) -> list[NDArray[np.float64]]:
    """Points of each image that has enough of them."""
    parts = [points[among & (images == image)] for image in all_images]
    return [part for part in parts if len(part) >= _FEWEST]


def _refuse_unusable(
    name: str,
    features: NDArray[np.float32],
    images: NDArray[np.int64],
    classes: NDArray[np.int64],
    side: int,
) -> None:
    """Raise MeasureError where masks or features say nothing at the resolution of the map."""
    if not np.isfinite(features).all():
        raise MeasureError(f"maps of {name!r} are not finite", hint="look at the images, or check the weights")
    on_map = f"on the map of {side} x {side} cells"
    if not (classes == 0).any():
        raise MeasureError(f"masks of {name!r} leave no background {on_map}", hint="0 is background in a mask")
    if not classes.any():
        raise MeasureError(f"masks of {name!r} hold no foreground {on_map}", hint="choose a layer with larger maps")
    for value in np.unique(classes[classes != 0]).tolist():
        cells = np.bincount(images[classes == value])
        if (cells >= _FEWEST).sum() < 2:
            raise MeasureError(
                f"fewer than 2 images of {name!r} have {_FEWEST} cells of mask value {value} {on_map}",
                hint="choose a layer with larger maps, or classes=foreground where values number objects",
            )
