"""From a dataset to its embedding: features, task, head, and the Fisher information of the probe's filters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dsim.measures import DatasetView
from dsim.plugin import MeasureError
from dsim.stats.fisher import class_factors, drawn_factors
from dsim_task2vec.fisher import batch_fisher, sample_fisher
from dsim_task2vec.head import fit_head
from dsim_task2vec.probe import Images, Probe
from dsim_task2vec.settings import Settings
from dsim_task2vec.subsets import draw_subsets
from dsim_task2vec.tasks import Task, find_task
from dsim_task2vec.variational import prior_precision, variational_precision


@dataclass(frozen=True)
class Embedded:
    """Embeddings of a dataset or of its subsets, their filters' prior precisions, both float64 (S, k), and a remark."""

    fisher: NDArray[np.float64]
    prior: NDArray[np.float64]
    remark: str


@dataclass(frozen=True)
class _Part:
    """Some images of a dataset: their indices (n,), task, features (n, d), and shares (n,)."""

    chosen: NDArray[np.intp]
    task: Task
    features: NDArray[np.float32]
    shares: NDArray[np.float64]


def embed(data: DatasetView, features: NDArray[np.float32], settings: Settings, rng: np.random.Generator) -> Embedded:
    """The embedding of the whole dataset, or with ``settings.subsets`` of each subset."""
    task = find_task(data, features, settings.labels, settings.clusters, rng)
    chosen, told = [np.arange(len(data))], ""
    if settings.subsets:
        chosen, told = draw_subsets(data.dataset.name, task, settings, rng)
    probe = Probe(settings.probe, data.runtime, settings.batchnorm)
    images = Images(data, probe)
    rows = []
    # Without TF32 and with fixed kernels a GPU agrees with the CPU to float32's own rounding.
    exactly = torch.backends.cudnn.flags(enabled=True, benchmark=False, deterministic=True, allow_tf32=False)
    doing = data.runtime.progress.task(f"Fisher information of {data.dataset.name}", len(chosen), "embeddings")
    with exactly, doing as progress:
        for indices in chosen:
            codes = task.part(indices)
            part = _Part(indices, codes, features[indices], codes.shares(settings.balanced))
            rows.append(_embed(probe, images, part, settings, rng))
            progress.advance(1)
    fisher, prior = (np.stack(column) for column in zip(*rows, strict=True))
    if not (fisher.max(axis=1) > 0).all():
        raise MeasureError(
            f"the Fisher information of {data.dataset.name!r} is 0: the head is certain of every image",
            hint="give a larger decay",
        )
    return Embedded(fisher, prior, "; ".join(filter(None, (task.remark, told))))


def _embed(
    probe: Probe, images: Images, part: _Part, settings: Settings, rng: np.random.Generator
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Fisher information and prior precision of each filter, both (k,)."""
    head = fit_head(part.features, part.task.codes, part.shares, settings.decay)
    if settings.fisher == "variational":
        return variational_precision(probe, images, part.chosen, part.task.codes, part.shares, head, settings, rng)
    posterior = head.posterior(part.features)
    if settings.fisher == "exact":
        factors = class_factors(posterior)
    else:
        factors = drawn_factors(posterior, _drawn_labels(posterior, settings.draws, rng))
    if settings.fisher == "batch":
        batches = _batches(part.shares, settings, rng)
        found = batch_fisher(probe, images, batches, part.chosen, factors, head.weight)
    else:
        found = sample_fisher(probe, images, part.chosen, part.shares, factors, head.weight)
    priors = [np.full(len(values), prior_precision(layer)) for layer, values in found.items()]
    return np.concatenate(list(found.values())), np.concatenate(priors)


def _drawn_labels(posterior: NDArray[np.float64], draws: int, rng: np.random.Generator) -> NDArray[np.intp]:
    """Labels drawn from the model's own posterior, (draws, n)."""
    below = posterior.cumsum(axis=1)[:, :-1]
    labels: NDArray[np.intp] = (rng.random((draws, len(posterior), 1)) > below).sum(axis=2)
    return labels


def _batches(shares: NDArray[np.float64], settings: Settings, rng: np.random.Generator) -> list[NDArray[np.intp]]:
    """Positions of all images in a random order, in batches of nearly equal size, of which none is dropped.

    Balanced, images are drawn with replacement by their shares, as in the reference.
    """
    images = len(shares)
    order = rng.choice(images, images, p=shares) if settings.balanced else rng.permutation(images)
    return np.array_split(order, math.ceil(images / settings.batch))
