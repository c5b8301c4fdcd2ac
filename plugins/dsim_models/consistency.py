"""Consistency of a model's masks under perturbations of the image, or of the network's features."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView
from dsim.models import as_rgb, open_kept, predict_images, scale_planes
from dsim.stats.mask_agreement import foreground_overlap, is_degenerate
from dsim_models.behaviour import Candidate, ModelMeasure
from dsim_models.specs import CONSISTENCY

if TYPE_CHECKING:
    from torch import Tensor

    from dsim.models import Segmenter
    from dsim_models.perturbations import View

#: Images of which several views pass the network together.
_BATCH = 16


class Consistency(ModelMeasure):
    """Mean agreement of masks before and after a perturbation, on the foreground; similarity in [0, 1].

    Source: Talks and Kreshuk 2025, arXiv:2503.00450. A mask that marks nothing or everything counts 0. Raises
    WeightsError for a source's model that is none.

    >>> Consistency(perturb="dropout", strength=0.25)
    consistency:perturb=dropout,strength=0.25
    """

    spec = CONSISTENCY
    perturb: str
    strength: float
    agree: str

    def values(
        self, data: DatasetView, positions: Sequence[int], seen: Sequence[int], seed: int
    ) -> tuple[NDArray[np.float64], str]:
        with data.runtime.progress.task(f"consistency on {data.dataset.name}", len(self.pool), "models") as task:
            rows = []
            for one in self.pool:
                rows.append(self._row(data, one, positions, seed))
                task.advance(1)
        return np.stack(rows), ""

    def _row(self, data: DatasetView, one: Candidate, positions: Sequence[int], seed: int) -> NDArray[np.float64]:
        kept = self.kept(data, one, positions, seed)
        known = kept.read()
        if known is not None:
            return known
        segmenter = open_kept(one.reference, one.weights, data.runtime)
        return kept.write([self._value(segmenter, _input(data, index, segmenter), seed + index) for index in positions])

    def _value(self, segmenter: Segmenter, image: Tensor, seed: int) -> float:
        first, *others = self._masks(segmenter, image, seed)
        if is_degenerate(first[None])[0]:
            return 0.0
        return float(np.mean([foreground_overlap(first, other, self.agree) for other in others]))

    def _masks(self, segmenter: Segmenter, image: Tensor, seed: int) -> list[NDArray[np.bool_]]:
        """The mask (h, w) of the image, and of each perturbed one, put back in its place."""
        from dsim_models.perturbations import dropped, views

        if self.perturb == "dropout":
            plain = _predict(segmenter, [image])
            return plain + [
                mask for network in dropped(segmenter, self.strength, seed) for mask in _predict(network, [image])
            ]
        changed: list[View] = views(self.strength, seed)
        found = _predict(segmenter, [image, *(view.change(image) for view in changed)])
        return [found[0], *(view.undo(mask) for view, mask in zip(changed, found[1:], strict=True))]


def _input(data: DatasetView, index: int, segmenter: Segmenter) -> Tensor:
    """An image float32 (3, h, w) at the size at which the network sees it: noise and blur are of its pixels."""
    image = as_rgb(data.image(index), f"image {data.dataset.ids[index]!r} of {data.dataset.name!r}")
    return scale_planes(image, segmenter.recipe.side)


def _predict(segmenter: Segmenter, images: Sequence[Tensor]) -> list[NDArray[np.bool_]]:
    found: Iterator[tuple[int, NDArray[np.float32]]] = predict_images(segmenter, enumerate(images), _BATCH)
    return [chances >= segmenter.recipe.threshold for _, chances in found]
