"""Measured transfer: the scores of models trained on each source, on each target, with their repetitions."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SCHEMA = "dsim.transfer/1"


@dataclass(frozen=True)
class TruthDataset:
    """What a truth knows of one of its datasets.

    Parameters
    ----------
    images : how many the models were trained on (a source) or scored on; 0 where it is not known.
    location : what ``open_dataset`` reads, ``phantoms:...`` or a path below a data folder; empty where it cannot be had.
    fingerprint : of the images, sha256, so that nobody judges with others; empty where it is not known.
    note : anything a reader should know.
    """

    images: int = 0
    location: str = ""
    fingerprint: str = ""
    note: str = ""


@dataclass(frozen=True)
class TransferMatrix:
    """Scores of transfer from each source to each target; higher is better.

    Parameters
    ----------
    name : by which it is known.
    score : what was measured: ``DSC``, ``AUC``, ``accuracy``, or a name of one's own with ``bounds``.
    unit : ``"%"`` where the scores run to 100, else ``""``.
    values : float64, shape (sources, targets, repetitions); NaN where a cell or a repetition was not measured, with
        the reason of a whole cell in ``reasons``.
    repetition : what was repeated: ``seed`` (each training anew) or ``fold`` (the same folds of a target for all its
        sources, so that what a fold has in common says nothing of sources); empty for a single measurement.
    baseline : float64, shape (targets, repetitions): the score on each target without any source; or None.
    bounds : smallest and largest possible score.
    imagenet : name of the source that is ImageNet; empty without one.
    datasets : what is known of them, by name. ``reasons`` : of missing cells, by (source, target).
    provenance : where the numbers come from.
    """

    name: str
    score: str
    unit: str
    sources: tuple[str, ...]
    targets: tuple[str, ...]
    values: NDArray[np.float64]
    bounds: tuple[float, float]
    repetition: str = ""
    baseline: NDArray[np.float64] | None = None
    imagenet: str = ""
    datasets: Mapping[str, TruthDataset] = field(default_factory=dict)
    reasons: Mapping[tuple[str, str], str] = field(default_factory=dict)
    provenance: Mapping[str, Any] = field(default_factory=dict)
