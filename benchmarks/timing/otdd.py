"""OTDD beside a straightforward implementation on geomloss, and beside POT, in one run.

    python benchmarks/timing/otdd.py [--n 1000] [--datasets 20] [--threads 1]

Prints Markdown. The straightforward implementation follows the reference code: one eigendecomposition for every pair of
classes of the two datasets together (190 for two times ten classes), then geomloss's debiased Sinkhorn divergence with
the label distances in its cost. Features are those of ``labelled_pair``: 512 dimensions, ten classes.

``--memory N`` tells instead the time and the peak memory of one pair of N images each, in a process of its own.
"""

from __future__ import annotations

import argparse
import time
import warnings
from itertools import combinations

import features
import numpy as np
import torch
from memory import peak_megabytes
from numpy.typing import NDArray
from rows import Row, race, show
from threadpoolctl import threadpool_limits

from dsim.measures import SimilarityMeasure, build_measure
from dsim.stats.euclidean import squared_distances
from dsim.stats.transport import sinkhorn

DIMENSIONS, CLASSES, EPS = 512, 10, 0.1

Labelled = tuple[NDArray[np.float32], NDArray[np.int64]]


def labelled_pair(n: int, seed: int = 0) -> tuple[Labelled, Labelled]:
    """The pair of the reference values: ten Gaussian classes, whose means move from one dataset to the other."""
    r = np.random.default_rng(seed)
    root = np.sqrt(DIMENSIONS)
    first = r.standard_normal((CLASSES, DIMENSIONS)) * 2.0 / root
    second = first + r.standard_normal((CLASSES, DIMENSIONS)) / root
    y = np.arange(n) % CLASSES
    x1, x2 = (mean[y] + r.standard_normal((n, DIMENSIONS)) / root for mean in (first, second))
    return (x1.astype("f4"), y), (x2.astype("f4"), y.copy())


def summary(measure: SimilarityMeasure, data: Labelled) -> object:
    """The summary of a dataset given as features and labels."""
    return features.summary(measure, data[0], [f"class {code}" for code in data[1]])


def cold(measure: SimilarityMeasure, source: Labelled, target: Labelled) -> float:
    """One pair with both its summaries."""
    return float(measure.compare(summary(measure, source), summary(measure, target)))


def straightforward(source: Labelled, target: Labelled) -> float:
    """Every pair of classes by an eigendecomposition of its own, then geomloss."""
    groups = [x[y == c].astype(np.float64) for x, y in (source, target) for c in range(CLASSES)]
    means, covariances = [g.mean(axis=0) for g in groups], [np.cov(g.T) for g in groups]
    roots = [_root(covariance) for covariance in covariances]
    table = np.zeros((2 * CLASSES, 2 * CLASSES))
    for i, j in combinations(range(2 * CLASSES), 2):
        values = np.linalg.eigvalsh(roots[i] @ covariances[j] @ roots[i])
        cross = np.sqrt(np.maximum(values, 0)).sum()
        spread = np.trace(covariances[i]) + np.trace(covariances[j]) - 2 * cross
        table[i, j] = table[j, i] = ((means[i] - means[j]) ** 2).sum() + spread
    return _geomloss(source, target, table)


def _root(covariance: NDArray[np.float64]) -> NDArray[np.float64]:
    values, vectors = np.linalg.eigh(covariance)
    root: NDArray[np.float64] = (vectors * np.sqrt(np.maximum(values, 0))) @ vectors.T
    return root


def _geomloss(source: Labelled, target: Labelled, table: NDArray[np.float64]) -> float:
    from geomloss import SamplesLoss

    labels = torch.from_numpy(table).float()

    def cost(a: torch.Tensor, b: torch.Tensor) -> torch.Tensor:
        between = torch.cdist(a[..., :-1], b[..., :-1]).square() / 2
        rows, columns = a[..., -1].long(), b[..., -1].long()
        return between + labels[rows[..., :, None], columns[..., None, :]] / 2

    clouds = [torch.from_numpy(np.c_[x, y + shift].astype("f4")) for (x, y), shift in ((source, 0), (target, CLASSES))]
    loss = SamplesLoss("sinkhorn", p=2, blur=EPS**0.5, scaling=0.9, cost=cost, debias=True, backend="tensorized")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(loss(*clouds))


def matrix_row(datasets: int, n: int, cold_seconds: float, expected: float) -> Row:
    """A matrix of many datasets, summaries included, per pair; beside one pair alone by the straightforward way."""
    measure = build_measure("otdd")
    data = [side for seed in range(datasets // 2) for side in labelled_pair(n, seed)]
    started = time.perf_counter()
    summaries = [summary(measure, each) for each in data]
    columns = [measure.compare_many(summaries[:i], [summaries[i]])[:, 0] for i in range(1, len(summaries))]
    seconds = (time.perf_counter() - started) / sum(len(column) for column in columns)
    difference = abs(columns[0][0] - expected) / expected
    work = f"{datasets} datasets of {n}, per pair"
    return Row("otdd", work, "one pair alone, straightforward", cold_seconds, seconds, difference, 40.0)


def pot_row(name: str, table: NDArray[np.float64], steps: int) -> Row:
    """One entropic transport with the costs given; POT's log-domain Sinkhorn stops after ``steps`` iterations."""
    import ot

    weights = [np.full(size, 1 / size) for size in table.shape]

    def pot() -> float:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            plan = ot.bregman.sinkhorn_log(*weights, table, EPS, numItermax=steps, stopThr=1e-9)
        return float((plan * table).sum())

    return race(
        "otdd", name, f"POT sinkhorn_log, at most {steps} steps", lambda: sinkhorn(table, EPS).cost, pot, repeats=1
    )


def rows(n: int = 1000, datasets: int = 20) -> list[Row]:
    """All races."""
    source, target = labelled_pair(n)
    measure = build_measure("otdd")
    peer = "190 eigendecompositions, geomloss"
    pair = race(
        "otdd",
        f"one pair of {n}, cold",
        peer,
        lambda: cold(measure, source, target),
        lambda: straightforward(source, target),
        aim=10.0,
    )
    easy = squared_distances(source[0], target[0]) / 2
    return [
        pair,
        matrix_row(datasets, n, pair.peer_seconds, straightforward(source, target)),
        pot_row(f"transport, {n} x {n}", easy, 1000),
        pot_row(f"transport, {n} x {n}, costs 100 times larger", 100 * easy, 1000),
    ]


def tell_memory(n: int) -> None:
    """Time and peak memory of one pair, as one line."""
    source, target = labelled_pair(n)
    before = peak_megabytes()
    started = time.perf_counter()
    value = cold(build_measure("otdd"), source, target)
    seconds = time.perf_counter() - started
    peak = peak_megabytes()
    print(f"n = {n}: {value:.6f}, {seconds:.1f} s, peak {peak / 1e3:.2f} GB, of it before {before / 1e3:.2f} GB")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--n", type=int, default=1000, help="images per dataset")
    parser.add_argument("--datasets", type=int, default=20, help="datasets of the matrix")
    parser.add_argument("--threads", type=int, default=1, help="threads of both sides")
    parser.add_argument("--memory", type=int, default=0, help="tell the memory of one pair of this many images instead")
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with threadpool_limits(options.threads):
        if options.memory:
            tell_memory(options.memory)
        else:
            show(rows(options.n, options.datasets))


if __name__ == "__main__":
    main()
