"""Edge agreement: whether the outlines of predicted masks follow the image's edges."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from dsim.measures import DatasetView
from dsim.models import as_rgb, resize_planes
from dsim.stats.mask_agreement import edge_contrast, gradient_of
from dsim_models.behaviour import ModelMeasure
from dsim_models.specs import EDGE_AGREEMENT


class EdgeAgreement(ModelMeasure):
    """Mean, over images, of r / (1 + r), r the strength of edges at the outline over that anywhere; in [0, 1].

    0.5: the outlines run anywhere. A mask that marks nothing or everything counts 0. Similarity.

    >>> EdgeAgreement(images=8)
    edge-agreement:images=8
    """

    spec = EDGE_AGREEMENT

    def values(
        self, data: DatasetView, positions: Sequence[int], seen: Sequence[int], seed: int
    ) -> tuple[NDArray[np.float64], str]:
        kept = [self.kept(data, one, positions, 0) for one in self.pool]
        known = [place.read() for place in kept]
        rows = []
        for one, place, row in zip(self.pool, kept, known, strict=True):
            if row is None:
                predicted = data.predictions(one.reference, positions)
                pairs = zip(positions, predicted.masks(), strict=True)
                row = place.write([_value(data, index, mask) for index, mask in pairs])
            rows.append(row)
        return np.stack(rows), ""


def _value(data: DatasetView, index: int, mask: NDArray[np.bool_]) -> float:
    image = as_rgb(data.image(index), f"image {data.dataset.ids[index]!r} of {data.dataset.name!r}")
    height, width = mask.shape
    gray = resize_planes(image, (height, width)).mean(0).numpy().astype(np.float64)
    return float(edge_contrast(gradient_of(gray), mask[None])[0])
