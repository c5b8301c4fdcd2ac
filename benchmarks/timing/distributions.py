"""Measures of feature distributions beside their peers and beside the plain way, in one run, with both values.

    python benchmarks/timing/distributions.py

"dsim" is the whole way from features: both summaries and the pair. The peer gets the same features.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
import ot
import torch
from features import DIMENSION, Features, Given, relu_features, summary
from rows import Row, race, show
from scipy.spatial.distance import cdist
from scipy.stats import wasserstein_distance
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import roc_auc_score
from sklearn.metrics.pairwise import rbf_kernel
from sklearn.model_selection import PredefinedSplit, cross_val_predict
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch_fidelity.metric_kid import kernel_mmd, kid_features_to_metric
from torchmetrics.image.kid import KernelInceptionDistance

from dsim.measures import build_measure


def ours(call: str, source: Features, target: Features) -> float:
    """dsim's value, without caches."""
    measure = build_measure(call)
    summaries = [summary(measure, features) for features in (source, target)]
    return float(measure.compare(*summaries))


def kid_torch_fidelity(source: Features, target: Features) -> float:
    tensors = torch.from_numpy(source), torch.from_numpy(target)
    found = kid_features_to_metric(*tensors, kid_subsets=100, kid_subset_size=1000, rng_seed=2020, verbose=False)
    return float(found["kernel_inception_distance_mean"])


def kid_torchmetrics(source: Features, target: Features) -> float:
    metric = KernelInceptionDistance(feature=Given(), subsets=100, subset_size=1000)
    for features, real in ((source, True), (target, False)):
        metric.update(torch.from_numpy(features), real=real)
    torch.manual_seed(0)
    return float(metric.compute()[0])


def kid_one_subset(source: Features, target: Features) -> float:
    return float(kernel_mmd(source.astype(float), target.astype(float)))


def energy_scipy(source: Features, target: Features) -> float:
    n, m = len(source), len(target)
    within = cdist(source, source).sum() / (n * (n - 1)) + cdist(target, target).sum() / (m * (m - 1))
    return float(2 * cdist(source, target).mean() - within)


def mmd_sklearn(source: Features, target: Features) -> float:
    pooled = np.concatenate([source, target]).astype(np.float64)
    bandwidth = np.median(cdist(pooled, pooled)[np.triu_indices(len(pooled), 1)])
    kernel = partial(rbf_kernel, gamma=0.5 / bandwidth**2)
    x, y = source.astype(np.float64), target.astype(np.float64)
    n, m = len(x), len(y)
    within = (kernel(x, x).sum() - n) / (n * (n - 1)) + (kernel(y, y).sum() - m) / (m * (m - 1))
    return float(within - 2 * kernel(x, y).mean())


def wasserstein_pot(source: Features, target: Features) -> float:
    cost = ot.dist(source.astype(np.float64), target.astype(np.float64))
    return float(ot.emd2([], [], cost, numItermax=10_000_000) ** 0.5)


def sinkhorn_pot(source: Features, target: Features) -> float:
    cost = ot.dist(source.astype(np.float64), target.astype(np.float64))
    plan = ot.sinkhorn([], [], cost, 0.05 * cost.mean(), method="sinkhorn_log", numItermax=100_000, stopThr=1e-9)
    return float((plan * cost).sum() ** 0.5)


def sliced_pot(source: Features, target: Features) -> float:
    onto = build_measure("sliced-wasserstein")._directions(DIMENSION).astype(np.float64)  # type: ignore[attr-defined]
    return float(
        ot.sliced_wasserstein_distance(source.astype(np.float64), target.astype(np.float64), projections=onto.T)
    )


def marginal_scipy(source: Features, target: Features) -> float:
    return float(np.mean([wasserstein_distance(source[:, i], target[:, i]) for i in range(DIMENSION)]))


def coverage_plain(source: Features, target: Features, k: int = 5) -> float:
    radii = np.sort(cdist(target, target), axis=1)[:, k]
    return float((cdist(source, target) <= radii).any(axis=0).mean())


def c2st_sklearn(source: Features, target: Features) -> float:
    """scikit-learn's pipeline on the folds that dsim deals."""
    measure: Any = build_measure("c2st")
    held = measure._held_out(*(summary(measure, features) for features in (source, target)))
    folds = np.concatenate([held.first_folds, held.second_folds])
    features, label = np.concatenate([source, target]), np.repeat([0, 1], [len(source), len(target)])
    learned = len(features) * (measure.folds - 1) / measure.folds
    model = make_pipeline(
        StandardScaler(), LogisticRegression(C=1 / (measure.penalty * learned), class_weight="balanced", max_iter=5000)
    )
    scores = cross_val_predict(model, features, label, cv=PredefinedSplit(folds), method="decision_function")
    parts = [folds == fold for fold in range(measure.folds)]
    pairs = [int((label[part] == 0).sum() * (label[part] == 1).sum()) for part in parts]
    return float(np.average([roc_auc_score(label[part], scores[part]) for part in parts], weights=pairs))


Peer = Callable[[Features, Features], float]

#: Measure, images per dataset, peer, its function, the ratio aimed at.
RACES: tuple[tuple[str, int, str, Peer, float], ...] = (
    ("kid", 5000, "torch-fidelity, 100 subsets of 1000", kid_torch_fidelity, 3.0),
    ("kid", 5000, "torchmetrics, 100 subsets of 1000", kid_torchmetrics, 3.0),
    ("kid", 1000, "torch-fidelity, all 1000 at once", kid_one_subset, 0.0),
    ("mmd", 1000, "scipy and scikit-learn tables", mmd_sklearn, 0.0),
    ("energy", 2000, "scipy cdist", energy_scipy, 0.0),
    ("wasserstein", 1000, "POT emd2", wasserstein_pot, 0.0),
    ("wasserstein:method=sinkhorn", 500, "POT sinkhorn_log", sinkhorn_pot, 0.0),
    ("sliced-wasserstein", 5000, "POT, same directions", sliced_pot, 0.0),
    ("marginal-wasserstein", 5000, "a loop of scipy", marginal_scipy, 0.0),
    ("prdc", 2000, "scipy cdist and sort", coverage_plain, 0.0),
    ("c2st", 300, "scikit-learn pipeline, same folds", c2st_sklearn, 0.0),
)


def pair(call: str, n: int) -> tuple[Features, Features]:
    """The reference's pair for KID; for the others one nearer: no share must be 0, no AUC 1."""
    if call == "kid":
        return relu_features(n, 0), relu_features(n, 1)
    rng = np.random.default_rng(3)
    scales = np.exp(0.5 * rng.standard_normal(DIMENSION))
    source, target = (np.maximum((rng.standard_normal((n, DIMENSION)) + shift) * scales, 0) for shift in (0, 0.05))
    return source.astype("f4"), target.astype("f4")


def rows() -> list[Row]:
    """All races."""
    found = []
    for call, n, peer, theirs, aim in RACES:
        both = pair(call, n)
        work = f"{n} x {DIMENSION}"
        found.append(race(call, work, peer, partial(ours, call, *both), partial(theirs, *both), aim=aim))
    return found


def main() -> None:
    show(rows())


if __name__ == "__main__":
    main()
