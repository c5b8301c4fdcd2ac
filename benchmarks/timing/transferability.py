"""LogME, LEEP, NLEEP, H-score, GBC, PARC and CC-FV beside plain re-derivations of their published recipes, in one run.

    python benchmarks/timing/transferability.py [--repeats 3]

1000 images, 512 features, 10 classes; for CC-FV 60 images of 256 cells and 64 channels. The recipes are written here
from the papers, with the steps of the published code: LogME by the fixed point per class after an SVD of F'F, stopped
at 1 %, hence its difference; LEEP by class; H-scores by pseudo-inverses of covariances; GBC by pairs of classes; PARC
by `numpy.corrcoef` and `scipy.stats.spearmanr`; CC-FV by `scipy.linalg.sqrtm` per pair of images. NLEEP is
scikit-learn's mixture on both sides.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rows import Row, race, show
from threadpoolctl import threadpool_limits

from dsim.stats import transferability as ours

Array = NDArray[np.float64]
Labels = NDArray[np.intp]

N, D, C = 1000, 512, 10
WORK = f"n = {N}, d = {D}, {C} classes"


def labelled(n: int = N, d: int = D, classes: int = C, seed: int = 0) -> tuple[Array, Labels]:
    """Gaussian classes in float64, so that both sides work on the same numbers."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    means = rng.standard_normal((classes, d)) * 2 / np.sqrt(d)
    return means[labels] + rng.standard_normal((n, d)), labels


def logme_fixed_point(f: Array, y: Labels) -> float:
    """Algorithm 1 of the paper, class by class."""
    n, d = f.shape
    v, s, vh = np.linalg.svd(f.T @ f, full_matrices=True)
    evidences = []
    for c in range(int(y.max()) + 1):
        target = (y == c).astype(np.float64)
        alpha = beta = ratio = 1.0
        projected = vh @ (f.T @ target)
        for _ in range(11):
            gamma = (s / (s + ratio)).sum()
            m = v @ (projected * beta / (alpha + beta * s))
            size, residual = (m * m).sum(), ((target - f @ m) ** 2).sum()
            alpha, beta = gamma / size, (n - gamma) / residual
            before, ratio = ratio, alpha / beta
            if abs(ratio - before) / before < 0.01:
                break
        logs = d * np.log(alpha) + n * np.log(beta) - np.log(alpha + beta * s).sum() - n * np.log(2 * np.pi)
        evidences.append(0.5 * (logs - beta * residual - alpha * size) / n)
    return float(np.mean(evidences))


def leep_by_class(theta: Array, y: Labels) -> float:
    joint = np.stack([theta[y == c].sum(axis=0) / len(y) for c in range(int(y.max()) + 1)])
    conditional = (joint / joint.sum(axis=0)).T
    expected = theta @ conditional
    return float(np.mean(np.log([row[c] for row, c in zip(expected, y, strict=True)])))


def nleep_by_scikit_learn(f: Array, y: Labels) -> float:
    from sklearn.decomposition import PCA
    from sklearn.mixture import GaussianMixture

    reduced = PCA(n_components=0.8, svd_solver="full").fit_transform(f)
    mixture = GaussianMixture(5 * (int(y.max()) + 1), random_state=0).fit(reduced)
    return leep_by_class(mixture.predict_proba(reduced), y)


def means_in_place(f: Array, y: Labels) -> Array:
    placed = np.zeros_like(f)
    for c in range(int(y.max()) + 1):
        placed[y == c] = f[y == c].mean(axis=0)
    return placed


def h_score_by_inverse(f: Array, y: Labels) -> float:
    return float(np.trace(np.linalg.pinv(np.cov(f.T), rcond=1e-15) @ np.cov(means_in_place(f, y).T)))


def regularised_h_score_by_inverse(f: Array, y: Labels) -> float:
    from sklearn.covariance import LedoitWolf

    fitted = LedoitWolf().fit(f)
    between = (1 - fitted.shrinkage_) * np.cov(means_in_place(f, y).T, bias=True)
    return float(np.trace(np.linalg.pinv(fitted.covariance_, rcond=1e-15) @ between))


def gbc_by_pairs(f: Array, y: Labels) -> float:
    classes = range(int(y.max()) + 1)
    total = 0.0
    for i in classes:
        for j in classes:
            if i == j:
                continue
            a, b = f[y == i], f[y == j]
            v, w = (np.full(f.shape[1], part.var(axis=0).mean()) for part in (a, b))
            both = (v + w) / 2
            apart = ((a.mean(axis=0) - b.mean(axis=0)) ** 2 / both).sum() / 8
            total += np.exp(-apart - (np.log(both) - (np.log(v) + np.log(w)) / 2).sum() / 2)
    return -float(total)


def parc_by_scipy(f: Array, y: Labels) -> float:
    from scipy.stats import spearmanr

    standard = (f - f.mean(axis=0)) / f.std(axis=0)
    upper = np.triu_indices(len(f), 1)
    labels = 1 - np.asarray(np.corrcoef(np.eye(int(y.max()) + 1)[y]))
    # Rounded: correlations of equal rows differ in their last digits, and ranks see that.
    return float(spearmanr((1 - np.asarray(np.corrcoef(standard)))[upper], labels[upper].round(9)).statistic)


def clouds(count: int = 60, cells: int = 256, d: int = 64) -> tuple[list[Array], list[Array]]:
    """Foreground and whole images."""
    rng = np.random.default_rng(0)
    mixing = rng.standard_normal((d, d)) / np.sqrt(d)
    whole = [rng.standard_normal((cells, d)) @ mixing + 0.3 * rng.standard_normal(d) for _ in range(count)]
    return [image[: cells // 2] for image in whole], whole


def cc_fv_by_sqrtm(foreground: list[Array], whole: list[Array]) -> float:
    """Pairs of images one by one; variety by the full matrix of distances, softened as in dsim."""
    from scipy.linalg import sqrtm

    distances = []
    for i in range(len(foreground)):
        for j in range(i + 1, len(foreground)):
            s, t = np.cov(foreground[i].T), np.cov(foreground[j].T)
            gap = np.sum((foreground[i].mean(axis=0) - foreground[j].mean(axis=0)) ** 2)
            distances.append(np.sqrt(abs(gap + np.trace(s) + np.trace(t) - 2 * np.trace(sqrtm(s @ t)).real)))
    varieties = []
    for cloud in whole:
        norms = np.sum(cloud * cloud, axis=1)
        squares = np.maximum(norms[:, None] + norms[None] - 2 * cloud @ cloud.T, 0)[np.triu_indices(len(cloud), 1)]
        varieties.append(1 / np.mean(1 / np.sqrt(squares + 1e-3 * squares.mean())))
    return float(np.log(np.mean(varieties) / np.mean(distances)))


def cc_fv(foreground: list[Array], whole: list[Array]) -> float:
    return ours.cc_fv([ours.class_consistency(foreground)], ours.feature_variety(whole))


def rows(repeats: int = 3) -> list[Row]:
    """All races, on one thread."""
    f, y = labelled()
    theta = np.exp(f[:, :20])
    theta /= theta.sum(axis=1, keepdims=True)
    images = clouds()
    cells = f"{len(images[0])} images, {images[1][0].shape[0]} cells, d = {images[1][0].shape[1]}"
    races: list[tuple[str, str, str, Callable[..., float], Callable[..., float], tuple[Any, ...]]] = [
        ("logme", WORK, "fixed point per class", ours.logme, logme_fixed_point, (f, y)),
        ("leep", f"n = {N}, 20 source classes, {C} classes", "loops", ours.leep, leep_by_class, (theta, y)),
        ("nleep", WORK, "scikit-learn", ours.nleep, nleep_by_scikit_learn, (f, y)),
        ("h-score", WORK, "Ledoit-Wolf, pinv", ours.regularised_h_score, regularised_h_score_by_inverse, (f, y)),
        ("h-score, plain", WORK, "pinv", ours.h_score, h_score_by_inverse, (f, y)),
        ("gbc", WORK, "pairs of classes", ours.gbc, gbc_by_pairs, (f, y)),
        ("parc", WORK, "corrcoef, spearmanr", ours.parc, parc_by_scipy, (f, y)),
        ("cc-fv", cells, "sqrtm per pair", cc_fv, cc_fv_by_sqrtm, images),
    ]
    with threadpool_limits(1):
        return [
            race(name, work, peer, partial(own, *given), partial(theirs, *given), repeats=repeats)
            for name, work, peer, own, theirs, given in races
        ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--repeats", type=int, default=3, help="runs whose median counts")
    show(rows(parser.parse_args().repeats))


if __name__ == "__main__":
    main()
