"""Task fingerprints beside the formulas that the peer and a straightforward script compute pair by pair."""

from __future__ import annotations

import numpy as np
from features import DIMENSION, relu_features
from numpy.typing import NDArray
from rows import Row, race, show

from dsim.stats.divergences import REACH
from dsim_kld.fingerprint import Fingerprint, take
from dsim_kld.measure import FingerprintDivergence

#: Datasets that are compared, each with all others.
DATASETS, IMAGES = 20, 1000


def rows() -> list[Row]:
    """One row per variant: all pairs of 20 datasets, the sum of their values."""
    clouds = [relu_features(IMAGES, seed) for seed in range(DATASETS)]
    work = f"{DATASETS} datasets of {IMAGES} x {DIMENSION}, all {DATASETS**2} pairs"
    mean, binned = FingerprintDivergence(variant="mean"), FingerprintDivergence()
    return [
        race("kld-tf:variant=mean", work, "mml-similarity's formula", lambda: ours(mean, clouds), lambda: peer(clouds)),
        race(
            "kld-tf",
            f"4 datasets of {IMAGES} x {DIMENSION}, all 16 pairs",
            "numpy.histogram, feature by feature",
            lambda: ours(binned, clouds[:4]),
            lambda: straightforward(clouds[:4], binned),
            repeats=1,
        ),
    ]


def ours(measure: FingerprintDivergence, clouds: list[NDArray[np.float32]]) -> float:
    """The sum over all pairs; every dataset is summarised once."""
    found: list[Fingerprint] = [take([cloud], measure.edges) for cloud in clouds]
    return float(measure.compare_many(found, found).sum())


def peer(clouds: list[NDArray[np.float32]]) -> float:
    """scipy.stats.entropy of both means, which are computed for every pair."""
    from scipy.stats import entropy

    return float(sum(entropy(a.mean(axis=0), b.mean(axis=0)) for a in clouds for b in clouds))


def straightforward(clouds: list[NDArray[np.float32]], measure: FingerprintDivergence) -> float:
    """Histograms by numpy, feature by feature and pair by pair."""
    inner = measure.scale * np.sinh(np.linspace(-REACH, REACH, measure.bins + 1)[1:-1])
    edges = np.concatenate([[-np.inf], inner, [np.inf]])

    def smoothed(cloud: NDArray[np.float32]) -> NDArray[np.float64]:
        counts = np.stack([np.histogram(column, edges)[0] for column in cloud.T]) / len(cloud)
        return (1 - measure.smoothing) * counts + measure.smoothing / measure.bins

    def divergence(a: NDArray[np.float32], b: NDArray[np.float32]) -> float:
        p, q = smoothed(a), smoothed(b)
        return float((p * np.log(p / q)).sum(axis=1).mean())

    return sum(divergence(a, b) for a in clouds for b in clouds)


if __name__ == "__main__":
    show(rows())
