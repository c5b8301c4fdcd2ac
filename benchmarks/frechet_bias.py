"""How far the Fréchet distance of two samples of one population is from 0, by their number: plain and extrapolated.

    python benchmarks/frechet_bias.py [--data PATH]

Populations in 512 dimensions, both with a trace of 1: Gaussians whose deviations are equal, or fall as 1 / k. With
``--data``, disjoint random samples of a dataset's features by the default extractor. Prints Markdown; means of draws.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator

import numpy as np
from numpy.typing import NDArray

from dsim.data import from_arrays, open_dataset
from dsim.features import extract
from dsim.measures import DatasetView
from dsim.runtime import Runtime
from dsim_distributions.frechet import FrechetDistance

Features = NDArray[np.float32]
Draw = Callable[[int, np.random.Generator], tuple[Features, Features]]

DIMENSION = 512
SIZES = (50, 100, 300, 500, 1000, 2000, 5000)
MEASURES = (FrechetDistance(), FrechetDistance(unbiased="extrapolate"))


def gaussian(decay: float) -> Draw:
    """Samples of a Gaussian with deviations k^-decay."""
    deviations = np.arange(1, DIMENSION + 1.0) ** -decay
    deviations /= np.linalg.norm(deviations)

    def draw(n: int, rng: np.random.Generator) -> tuple[Features, Features]:
        points = (rng.standard_normal((2 * n, DIMENSION)) * deviations).astype("f4")
        return points[:n], points[n:]

    return draw


def sample_of(path: str) -> tuple[Draw, int]:
    """Disjoint samples of a dataset, and the largest size there can be."""
    features = extract(open_dataset(path), MEASURES[0].extractor, Runtime())

    def draw(n: int, rng: np.random.Generator) -> tuple[Features, Features]:
        order = rng.permutation(len(features))
        return features[order[:n]], features[order[n : 2 * n]]

    return draw, len(features) // 2


def distances(draw: Draw, n: int, draws: int) -> Iterator[float]:
    """Mean value of each measure."""
    for measure in MEASURES:
        values = []
        for seed in range(draws):
            rng = np.random.default_rng([n, seed])
            data = [from_arrays(features=part) for part in draw(n, rng)]
            views = [DatasetView(one, measure.needs, "benchmark", Runtime()) for one in data]
            values.append(measure.compare(*(measure.summarise(view, rng) for view in views)))
        yield float(np.mean(values))


def table(title: str, draw: Draw, sizes: tuple[int, ...], draws: int) -> None:
    print(f"\n{title}\n\n| n | plain | extrapolated |\n|---:|---:|---:|")
    for n in sizes:
        plain, extrapolated = distances(draw, n, draws)
        print(f"| {n} | {plain:.3g} | {extrapolated:.2g} |", flush=True)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", metavar="PATH", help="a dataset of some hundred images")
    parser.add_argument("--draws", type=int, default=5)
    options = parser.parse_args()
    table("Equal deviations", gaussian(0), SIZES, options.draws)
    table("Deviations 1 / k", gaussian(1), SIZES, options.draws)
    if options.data:
        draw, largest = sample_of(options.data)
        sizes = tuple(n for n in (25, *SIZES) if n <= largest)
        table(open_dataset(options.data).name, draw, sizes, 4 * options.draws)


if __name__ == "__main__":
    main()
