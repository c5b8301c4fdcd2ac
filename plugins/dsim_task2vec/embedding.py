"""A dataset's embedding: its task, subsets of it, and the Fisher information of the probe's filters."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from numpy.typing import NDArray

from dsim.measures import DatasetView
from dsim.plugin import MeasureError, Need
from dsim.stats.fisher import class_factors, drawn_factors
from dsim_task2vec.fisher import batch_fisher, prior_precision, sample_fisher, variational_precision
from dsim_task2vec.probe import Images, Probe, fit_head
from dsim_task2vec.specs import Settings


@dataclass(frozen=True)
class Task:
    """Class of each image, integers (n,) from 0; ``remark`` says where the classes come from if not from labels."""

    codes: NDArray[np.intp]
    remark: str = ""

    def shares(self, balanced: bool) -> NDArray[np.float64]:
        """Return the weight of each image, float64 (n,), summing to 1: equal, or equal in sum for all classes."""
        counts = np.bincount(self.codes)
        weights = 1 / counts[self.codes] if balanced else np.ones(len(self.codes))
        shares: NDArray[np.float64] = weights / weights.sum()
        return shares

    def part(self, chosen: NDArray[np.intp]) -> Task:
        """Return the task of these images, indices (m,): without the classes that do not occur among them."""
        return Task(np.unique(self.codes[chosen], return_inverse=True)[1], self.remark)


def find_task(
    data: DatasetView, features: NDArray[np.float32], labels: str, clusters: int, rng: np.random.Generator
) -> Task:
    """Return the task by ``labels``: ``given``, ``clusters``, or ``auto`` for labels where the dataset has them.

    ``features`` are float32 (n, d). Raises MeasureError for one class only, or fewer distinct images than clusters.
    """
    if labels == "clusters" or not data.has(Need.LABELS):
        return _clustered(data, features, clusters, rng)
    found, codes = np.unique(np.array(data.labels), return_inverse=True)
    if len(found) < 2:
        raise MeasureError(
            f"all {len(data)} images of {data.dataset.name!r} have the label {str(found[0])!r}, and a task needs two "
            "classes",
            hint="use clusters of the features as classes: task2vec:labels=clusters",
        )
    return Task(codes)


def _clustered(data: DatasetView, features: NDArray[np.float32], clusters: int, rng: np.random.Generator) -> Task:
    from sklearn.cluster import KMeans

    # Copies of one image may differ by rounding, which is nothing to make classes of.
    scale = max(float(np.abs(features).max()), 1e-30)
    distinct = len(np.unique(np.round(features / scale, 4), axis=0))
    if distinct < clusters:
        raise MeasureError(
            f"{data.dataset.name!r} has {distinct} distinct images, too few for {clusters} clusters as pseudo-labels",
            hint="give labels, or ask for fewer clusters: task2vec:clusters=2",
        )
    seed = int(rng.integers(2**31))
    # Many starts: the best of few would depend on the seed.
    found = KMeans(clusters, n_init=10, random_state=seed).fit_predict(features.astype(np.float64))
    return Task(found.astype(np.intp), f"pseudo-labels: {clusters} clusters of the probe's features")


#: Draws until a subset holds two classes.
_ATTEMPTS = 100


def subset_size(images: int, settings: Settings, name: str) -> int:
    """Return the images per subset: the share, at least ``least``; MeasureError where two cannot be disjoint."""
    size = max(round(settings.share * images), settings.least)
    if 2 * size > images:
        raise MeasureError(
            f"{name!r} has {images} images, too few for subsets of {size}: two of them would share images",
            hint="give more images, a smaller share or a smaller least, or compare whole datasets: subsets=0",
        )
    return size


def draw_subsets(
    name: str, task: Task, settings: Settings, rng: np.random.Generator
) -> tuple[list[NDArray[np.intp]], str]:
    """Return the indices, (m,) each, of subsets drawn without replacement, and their size in words.

    Raises MeasureError where two subsets cannot be disjoint, or where subsets hold one class only.
    """
    images = len(task.codes)
    size = subset_size(images, settings, name)
    share = f"{100 * settings.share:g} %"
    words = f"{settings.subsets} subsets of {size} of {images} images"
    if size != round(settings.share * images):
        words += f" ({share} would be {settings.share * images:.3g}, below the least of {settings.least})"
    return [_draw(name, task, size, rng) for _ in range(settings.subsets)], words


def _draw(name: str, task: Task, size: int, rng: np.random.Generator) -> NDArray[np.intp]:
    for _ in range(_ATTEMPTS):
        chosen = np.sort(rng.choice(len(task.codes), size, replace=False))
        if len(np.unique(task.codes[chosen])) > 1:
            return chosen
    raise MeasureError(
        f"subsets of {size} images of {name!r} hold only one class: the others are too rare",
        hint="give a larger share or least",
    )


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
    """Return the embedding of the whole dataset, or with ``settings.subsets`` of each subset; features are (n, d).

    Raises MeasureError without a task or Fisher information; UsageError for a probe of other layers.
    """
    task = find_task(data, features, settings.labels, settings.clusters, rng)
    chosen, words = [np.arange(len(data))], ""
    if settings.subsets:
        chosen, words = draw_subsets(data.dataset.name, task, settings, rng)
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
    return Embedded(fisher, prior, "; ".join(filter(None, (task.remark, words))))


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
