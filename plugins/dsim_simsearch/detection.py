"""Detections of a trained detector in images: softmax maps, regions by class, semantic maps."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import cached_property
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsim.annotations import Region
from dsim.plugin import Runtime, UsageError
from dsim.stats.peaks import local_maxima
from dsim_simsearch.grids import Grid, Places, cover_image, interpolate, places_between
from dsim_simsearch.settings import STRIDE, SUPPRESSION

if TYPE_CHECKING:
    from dsim_simsearch.detector import Detector
    from dsim_simsearch.images import PreparedImages

Floats = NDArray[np.float32]

#: Candidates of a lower confidence are left out.
FLOOR = 0.01
#: Cells of the grid whose logits are computed at a time.
_AT_ONCE = 2**20


@dataclass(frozen=True)
class Detections:
    """The detections of a detector in images: candidates once, and those above thresholds.

    Parameters
    ----------
    classes : names of the classes. ``images`` : ids of all images, also of those without any detection.
    candidates : the local maxima of each class's confidence, by image, class and falling confidence (``score``).
    thresholds : for each class the least confidence, in [0, 1], of its detections.
    radius : two detections are further apart than this, pixels.

    >>> two = Region("a", 0, 0, 4, 4, "cell", 0.9), Region("a", 1, 0, 4, 4, "dust", 0.6)
    >>> seen = Detections(("cell", "dust"), ("a", "b"), two, {"cell": 0.5, "dust": 0.5}, radius=2)
    >>> seen.counts
    {'a': {'cell': 1, 'dust': 0}, 'b': {'cell': 0, 'dust': 0}}
    >>> seen.above(0.95, dust=0.5).counts["a"]
    {'cell': 0, 'dust': 1}
    """

    classes: tuple[str, ...]
    images: tuple[str, ...]
    candidates: tuple[Region, ...]
    thresholds: Mapping[str, float]
    radius: float

    @cached_property
    def regions(self) -> tuple[Region, ...]:
        """The detections, by image and falling confidence: one class at each place.

        Of candidates above the thresholds of their classes the surest comes first, whatever its class, and those
        within ``radius`` of it are dropped: so a place is of the class of which it is surest, among those that the
        thresholds let through.
        """
        by_image: dict[str, list[Region]] = {image: [] for image in self.images}
        for region in self.candidates:
            if region.score >= self.thresholds[region.label]:
                by_image[region.image].append(region)
        return tuple(region for found in by_image.values() for region in _apart(found, self.radius))

    @cached_property
    def counts(self) -> dict[str, dict[str, int]]:
        """The number of detections by image and class."""
        table = {image: dict.fromkeys(self.classes, 0) for image in self.images}
        for region in self.regions:
            table[region.image][region.label] += 1
        return table

    def above(self, threshold: float | None = None, **thresholds: float) -> Detections:
        """Return the detections at other thresholds: one for all classes, and others by name. See ``at``."""
        every = {} if threshold is None else dict.fromkeys(self.classes, threshold)
        return self.at({**every, **thresholds})

    def at(self, thresholds: Mapping[str, float]) -> Detections:
        """Return the detections at other thresholds by class; classes that are not named keep theirs.

        Raises UsageError for a class that there is not, or a threshold outside [0, 1].
        """
        return replace(self, thresholds=check_thresholds(self.classes, {**self.thresholds, **thresholds}))


class SemanticMap(NamedTuple):
    """The class of each pixel of an image.

    Parameters
    ----------
    classes : names, in the order of the values 1, 2, ... ``values`` : uint8 (height, width); 0 is none of them.
    """

    classes: tuple[str, ...]
    values: NDArray[np.uint8]


class _Logits:
    """Logits of images by one detector."""

    def __init__(self, detector: Detector, images: PreparedImages, runtime: Runtime) -> None:
        from dsim_simsearch.detector import check_preparation
        from dsim_simsearch.features import FeatureMaps

        check_preparation(detector, images.preparation.to_dict())
        self.detector, self.images = detector, images
        self.maps = FeatureMaps(images, detector.blocks, detector.patch, detector.region, runtime)

    def of(self, index: int) -> _LogitMap:
        """Return the logits of an image. Features of all its cells are never held at once."""
        import torch

        classifier = self.detector.classifier
        rows = [classifier(torch.from_numpy(band)).numpy() for band in self.maps.bands(index)]
        values = np.ascontiguousarray(np.moveaxis(np.concatenate(rows), 2, 0))
        grid = detection_grid(self.detector, self.images.shape(index))
        return _LogitMap(values, *self.maps.place(index), grid)


@dataclass(frozen=True)
class _LogitMap:
    """Logits (K + 1, rows, cols) of an image on the cells of the network, bilinear between them."""

    values: Floats
    origin: tuple[float, float]
    step: float
    grid: Grid

    def between(self, xs: NDArray[np.float64], ys: NDArray[np.float64]) -> Iterable[tuple[slice, Floats]]:
        """Yield rows, and the logits (K + 1, rows, cols) at these places, bilinear, some rows at a time."""
        _, rows, cols = self.values.shape
        across = places_between((xs - self.origin[0]) / self.step, cols)
        down = places_between((ys - self.origin[1]) / self.step, rows)
        lines = max(1, _AT_ONCE // len(xs))
        for first in range(0, len(ys), lines):
            part = slice(first, min(first + lines, len(ys)))
            low = down.low[part]
            top, below = int(low.min()), int(low.max()) + 2
            places = Places(low - top, down.share[part])
            yield part, interpolate(np.ascontiguousarray(self.values[:, top:below]), places, across)


def softmax_maps(detector: Detector, images: PreparedImages, index: int, runtime: Runtime | None = None) -> Floats:
    """Return the softmax values of an image's patches, float32 (K + 1, rows, cols); the background is the last.

    The patches are those of ``detection_grid``; logits between the cells of the network are bilinear. Raises
    UsageError where the images are prepared in another way than those of the training.
    """
    logits = _Logits(detector, images, runtime or Runtime()).of(index)
    grid = logits.grid
    values = np.empty((len(logits.values), grid.rows, grid.cols), dtype=np.float32)
    for rows, part in logits.between(grid.xs(), grid.ys()):
        values[:, rows] = _softmax(part)
    return values


def detection_grid(detector: Detector, shape: tuple[int, int]) -> Grid:
    """Return the centres of the patches of an image (height, width) that a detector classifies."""
    return cover_image(shape, STRIDE * detector.patch[1])


def detect(
    detector: Detector,
    images: PreparedImages,
    thresholds: Mapping[str, float] | float,
    runtime: Runtime,
    indices: Sequence[int] | None = None,
    floor: float = FLOOR,
) -> Detections:
    """Return the detections in images.

    Parameters
    ----------
    thresholds : the least softmax value, in [0, 1], of detections: of each class, or one for all. They change nothing
        of the candidates: ``Detections.at`` gives the detections at others at once.
    indices : of the images to be searched; None: all. ``floor`` : candidates of a lower confidence are left out.

    Raises UsageError for a class without a threshold or a threshold outside [0, 1], and where images are prepared in
    another way than those of the training; DataError for an image that cannot be read.
    """
    classes = detector.classes
    if isinstance(thresholds, int | float):
        thresholds = dict.fromkeys(classes, float(thresholds))
    thresholds = check_thresholds(classes, thresholds)
    chosen = range(len(images)) if indices is None else indices
    logits = _Logits(detector, images, runtime)
    candidates: list[Region] = []
    with runtime.progress.task("detection", total=len(chosen), unit="images") as task:
        for index in chosen:
            candidates += _candidates(detector, logits.of(index), images.dataset.ids[index], floor)
            task.advance(1)
    ids = images.dataset.ids
    return Detections(
        classes, tuple(ids[index] for index in chosen), tuple(candidates), thresholds, SUPPRESSION * max(detector.patch)
    )


def semantic_map(
    detector: Detector,
    images: PreparedImages,
    index: int,
    thresholds: Mapping[str, float] | float,
    runtime: Runtime | None = None,
) -> SemanticMap:
    """Return the class of each pixel of an image: the most probable one among those above their thresholds.

    The softmax of a patch stands at its centre, and lies bilinear between centres; beyond the outermost ones it is
    theirs. Raises as ``detect`` does.
    """
    classes = detector.classes
    if isinstance(thresholds, int | float):
        thresholds = dict.fromkeys(classes, float(thresholds))
    limits = [check_thresholds(classes, thresholds)[name] for name in classes]
    values, grid = softmax_maps(detector, images, index, runtime), detection_grid(detector, images.shape(index))
    height, width = images.shape(index)
    xs = places_between((np.arange(width) + 0.5 - grid.x) / grid.stride, grid.cols)
    ys = places_between((np.arange(height) + 0.5 - grid.y) / grid.stride, grid.rows)
    result = np.empty((height, width), dtype=np.uint8)
    lines = max(1, _AT_ONCE // width)
    for first in range(0, height, lines):
        part = slice(first, min(first + lines, height))
        low = ys.low[part]
        near = values[:-1, int(low.min()) : int(low.max()) + 2]
        found = interpolate(near, Places(low - int(low.min()), ys.share[part]), xs)
        for number, limit in enumerate(limits):
            found[number][found[number] < limit] = -1
        result[part] = np.where(found.max(axis=0) < 0, 0, found.argmax(axis=0) + 1)
    return SemanticMap(classes, result)


def check_thresholds(classes: Sequence[str], thresholds: Mapping[str, float]) -> dict[str, float]:
    """Return the threshold of each class, in their order.

    Raises UsageError for a class that there is not, one without a threshold, or a threshold outside [0, 1].
    """
    for name, value in thresholds.items():
        if name not in classes:
            raise UsageError(f"the detector has no class {name!r}", hint=f"choose among: {', '.join(classes)}")
        if not 0 <= value <= 1:
            raise UsageError(f"the threshold of {name!r} is {value}", hint="give a softmax value in [0, 1]")
    if missing := [name for name in classes if name not in thresholds]:
        raise UsageError(f"there is no threshold for {', '.join(missing)}", hint="give one for each class")
    return {name: float(thresholds[name]) for name in classes}


def _candidates(detector: Detector, logits: _LogitMap, image: str, floor: float) -> list[Region]:
    """The local maxima of each class in an image."""
    grid, count = logits.grid, len(detector.classes)
    odds = np.empty((count, grid.rows, grid.cols), dtype=np.float32)
    for rows, part in logits.between(grid.xs(), grid.ys()):
        odds[:, rows] = _log_odds(part)[:count]
    height, width = detector.patch
    radius = SUPPRESSION * max(detector.patch) / grid.stride
    found = []
    for name, values in zip(detector.classes, odds, strict=True):
        peaks = local_maxima(values, radius)
        scores = 1 / (1 + np.exp(-peaks.scores.astype(np.float64)))
        xs, ys = grid.xs(peaks.cols), grid.ys(peaks.rows)
        for x, y, score in zip(xs.tolist(), ys.tolist(), scores.tolist(), strict=True):
            if score >= floor:
                found.append(Region(image, x - width / 2, y - height / 2, width, height, name, score))
    return found


def _softmax(logits: Floats) -> Floats:
    """Softmax over the first axis."""
    powers: Floats = np.exp(logits - logits.max(axis=0))
    powers /= powers.sum(axis=0)
    return powers


def _log_odds(logits: Floats) -> Floats:
    """The logarithm of p / (1 - p) of softmax values p: where these are 1 to all digits, maxima are still maxima."""
    result = np.empty_like(logits)
    for number in range(len(logits)):
        others = np.delete(logits, number, axis=0)
        highest = others.max(axis=0)
        result[number] = logits[number] - highest - np.log(np.exp(others - highest).sum(axis=0))
    return result


def _apart(regions: Sequence[Region], radius: float) -> list[Region]:
    """Regions of one image by falling score; those within ``radius`` of a surer one are left out."""
    ordered = sorted(regions, key=lambda region: (-region.score, region.label, region.y, region.x))
    side = max(radius, 1e-9)
    taken: dict[tuple[int, int], list[tuple[float, float]]] = {}
    result = []
    for region in ordered:
        x, y = region.centre
        column, row = math.floor(x / side), math.floor(y / side)
        near = [place for i in (-1, 0, 1) for j in (-1, 0, 1) for place in taken.get((column + i, row + j), ())]
        if all((x - other_x) ** 2 + (y - other_y) ** 2 > radius**2 for other_x, other_y in near):
            taken.setdefault((column, row), []).append((x, y))
            result.append(region)
    return result
