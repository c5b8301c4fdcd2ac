"""Reverse accuracy: a quick segmenter learns the masks predicted on the target, and is scored on the source."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from dsim.data import evenly
from dsim.files.documents import digest
from dsim.measures import DatasetView
from dsim.models import as_rgb, mask_like, resize_planes
from dsim.plugin import Need
from dsim.stats.mask_agreement import is_degenerate
from dsim_models.behaviour import Behaviour, Candidate, ModelMeasure, drawn_columns
from dsim_models.specs import REVERSE_ACCURACY

if TYPE_CHECKING:
    from torch import Tensor

_LACKING = "reverse-accuracy scores on the source's annotated images, and it has none at hand"


class ReverseAccuracy(ModelMeasure):
    """Mean Dice, on the source's annotated images, of what was learnt from masks predicted on the target; in [0, 1].

    NaN, with the reason, for a source without images and masks. 0 where the predicted masks mark nothing or everything.
    Similarity. Source: Valindria et al. 2017, doi:10.1109/TMI.2017.2665165.

    >>> ReverseAccuracy(steps=20)
    reverse-accuracy:steps=20
    """

    spec = REVERSE_ACCURACY
    steps: int
    width: int
    side: int

    @property
    def source_optional(self) -> frozenset[Need]:
        return frozenset({Need.IMAGES, Need.MASKS})

    def key_of(self, source: DatasetView) -> str:
        # Two sources with one model are scored on images of their own.
        return digest([super().key_of(source), source.fingerprint])

    def values(
        self, data: DatasetView, positions: Sequence[int], seen: Sequence[int], seed: int
    ) -> tuple[NDArray[np.float64], str]:
        rows, inputs = [], None
        with data.runtime.progress.task(f"reverse accuracy on {data.dataset.name}", len(self.pool), "models") as task:
            for one in self.pool:
                kept = self.kept(data, one, positions, seed)
                row = kept.read()
                if row is None:
                    inputs = inputs if inputs is not None else _inputs(data, positions, self.side)
                    row = kept.write(self._row(data, one, positions, inputs, seed))
                rows.append(row)
                task.advance(1)
        return _padded(rows), _LACKING

    def _row(
        self, data: DatasetView, one: Candidate, positions: Sequence[int], inputs: Tensor, seed: int
    ) -> NDArray[np.float64]:
        """The Dice on each of the source's images, (m,)."""
        from dsim_models.quick import score, train

        source = one.source
        if not (source.has(Need.IMAGES) and source.has(Need.MASKS)):
            return np.full(1, np.nan)
        chosen = evenly(len(source), self.images)
        masks = data.predictions(one.reference, positions).masks()
        if all(is_degenerate(mask[None])[0] for mask in masks):
            return np.zeros(len(chosen))
        taught = np.stack([mask_like(mask, (self.side, self.side)) for mask in masks])
        network = train(inputs, taught, steps=self.steps, width=self.width, seed=seed)
        truth = np.stack([mask_like(source.mask(index), (self.side, self.side)) for index in chosen])
        return score(network, _inputs(source, chosen, self.side), truth)

    def resample(self, summary: Behaviour, draw: NDArray[np.intp]) -> Behaviour:
        # The source's images are drawn: those of the target taught one network, which stays as it is.
        return replace(summary, positions=draw) if summary.own else summary

    def compare(self, source: Behaviour, target: Behaviour) -> float:
        if source.own not in target.candidates:
            return super().compare(source, target)
        row = target.values[target.candidates.index(source.own)]
        scored = row[np.isfinite(row)]
        if not scored.size:
            return super().compare(source, target)
        # The scores are of images that were spread evenly over the source.
        looked_at = np.array(evenly(source.images, self.images))
        return float(scored[drawn_columns(looked_at, source.positions)].mean())


def _inputs(data: DatasetView, positions: Sequence[int], side: int) -> Tensor:
    """The images as squares, float32 (n, 3, side, side) in [0, 1]."""
    import torch

    named = ((index, f"image {data.dataset.ids[index]!r} of {data.dataset.name!r}") for index in positions)
    return torch.stack([resize_planes(as_rgb(data.image(index), what), (side, side)) for index, what in named])


def _padded(rows: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """Rows of several lengths as one table, (c, longest), NaN behind their ends."""
    table = np.full((len(rows), max(len(row) for row in rows)), np.nan)
    for row, values in zip(table, rows, strict=True):
        row[: len(values)] = values
    return table
