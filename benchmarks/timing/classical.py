"""CC, NMI and FRC of all 51 x 51 image pairs, beside the plain loops over pairs, in one run.

    python benchmarks/timing/classical.py [--sizes 64 256] [--images 51] [--repeats 5]

Prints Markdown. "pairs" is the time from summaries to the matrix of scores, "with summaries" adds preparing both
datasets; the ratios are the loop's time over these. The loops: ``np.corrcoef`` per pair; scikit-image's
``normalized_mutual_information`` per pair; for FRC the source's spectrum once per source, and one FFT per pair.
Both ways run on one thread, and times are of the CPU, so that other programs do not count.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from statistics import median

import numpy as np
from numpy.typing import NDArray
from rows import Row, race
from scipy.ndimage import gaussian_filter
from skimage.metrics import normalized_mutual_information
from threadpoolctl import threadpool_limits

from dsim.stats.correlation import correlations, ring_correlations, ring_spectra, standardise
from dsim.stats.information import bin_indices, normalised_mutual_information

Images = NDArray[np.uint8]
Scores = NDArray[np.float64]


@dataclass(frozen=True)
class Contest:
    """One measure in two ways: a loop over pairs of images, and summaries compared at once."""

    name: str
    loop: Callable[[Images, Images], Scores]
    summarise: Callable[[Images], NDArray]
    compare: Callable[[NDArray, NDArray], Scores]


def smooth_noise(n: int, size: int, seed: int) -> Images:
    """The images of the reference values: smooth noise, uint8, each stretched to 0 ... 255."""
    rng = np.random.default_rng(seed)
    noise = rng.standard_normal((n, size, size))
    smooth = np.stack([gaussian_filter(image, 2.0) for image in noise])
    low, high = smooth.min((1, 2), keepdims=True), smooth.max((1, 2), keepdims=True)
    return (255 * (smooth - low) / (high - low)).round().astype(np.uint8)


def cc_loop(a: Images, b: Images) -> Scores:
    return np.array([[np.corrcoef(x.ravel(), y.ravel())[0, 1] for y in b] for x in a])


def nmi_loop(a: Images, b: Images) -> Scores:
    return np.array([[normalized_mutual_information(x, y) for y in b] for x in a])


def frc_loop(a: Images, b: Images) -> Scores:
    frequency = np.fft.fftfreq(a.shape[-1], 1 / a.shape[-1])
    ring = np.hypot(frequency[:, None], frequency).astype(int).ravel()
    kept = (a.shape[-1] + 1) // 2

    def spectrum(image: Images) -> NDArray:
        return np.fft.fft2(image - image.mean()).ravel()

    def over_rings(values: NDArray) -> NDArray:
        return np.bincount(ring, values)[1:kept]

    scores = np.empty((len(a), len(b)))
    for i, x in enumerate(a):
        source = spectrum(x)
        energy = over_rings(np.abs(source) ** 2)
        for j, y in enumerate(b):
            target = spectrum(y)
            shared = over_rings((source * target.conj()).real)
            scores[i, j] = np.sum(shared / np.sqrt(energy * over_rings(np.abs(target) ** 2))) / kept
    return scores


CONTESTS = (
    Contest("cc", cc_loop, standardise, correlations),
    Contest("nmi", nmi_loop, bin_indices, normalised_mutual_information),
    Contest("frc", frc_loop, ring_spectra, ring_correlations),
)


def timed(function: Callable[[], NDArray], repeats: int) -> tuple[NDArray, float]:
    """The result, and the median of the CPU seconds taken."""
    seconds = []
    for _ in range(repeats):
        start = time.process_time()
        result = function()
        seconds.append(time.process_time() - start)
    return result, median(seconds)


def row(contest: Contest, a: Images, b: Images, repeats: int) -> str:
    expected, loop = timed(lambda: contest.loop(a, b), max(1, repeats // 2))
    (source, target), prepare = timed(lambda: (contest.summarise(a), contest.summarise(b)), repeats)
    scores, pairs = timed(lambda: contest.compare(source, target), repeats)
    whole = prepare + pairs
    return (
        f"| {contest.name} | {a.shape[-1]} | {loop:.3f} | {pairs:.4f} | {loop / pairs:.0f} | "
        f"{whole:.4f} | {loop / whole:.0f} | {np.abs(scores - expected).max():.0e} |"
    )


def rows(size: int = 64, images: int = 51) -> list[Row]:
    """The same contests, summaries included, as rows of the table of all measures."""
    a, b = (smooth_noise(images, size, seed) for seed in (0, 1))
    peers = {"cc": "np.corrcoef, looped", "nmi": "scikit-image, looped", "frc": "numpy FFT, looped"}
    aims = {"cc": 25, "nmi": 15, "frc": 10}
    return [
        race(
            contest.name,
            f"{images} x {images} images of {size} px",
            peers[contest.name],
            lambda contest=contest: contest.compare(contest.summarise(a), contest.summarise(b)).mean(),
            lambda contest=contest: contest.loop(a, b).mean(),
            aim=aims[contest.name],
        )
        for contest in CONTESTS
    ]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", type=int, nargs="+", default=[64, 256], help="side of the images, pixels")
    parser.add_argument("--images", type=int, default=51, help="images per dataset")
    parser.add_argument("--repeats", type=int, default=5, help="runs whose median counts; half as many of the loop")
    options = parser.parse_args()
    print("| measure | px | loop, s | pairs, s | ratio | with summaries, s | ratio | largest difference |")
    print("|---|---|---|---|---|---|---|---|")
    with threadpool_limits(1):
        for size in options.sizes:
            a, b = (smooth_noise(options.images, size, seed) for seed in (0, 1))
            for contest in CONTESTS:
                print(row(contest, a, b, options.repeats), flush=True)


if __name__ == "__main__":
    main()
