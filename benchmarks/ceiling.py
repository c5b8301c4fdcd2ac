"""How far the estimated ceiling is from the ceiling that is known, in simulated truths.

    python benchmarks/ceiling.py [--sources 9] [--targets 15] [--repetitions 2 3 5] [--runs 100]

Expected scores are normal with deviation 1, repetitions have normal noise. ``known`` is what the measure that knows the
expected scores gets on fresh means of as many repetitions; ``estimated`` is what ``ceiling`` makes of the repetitions
alone. With ``lopsided``, the better half of the sources has a third of the noise of the other. Prints Markdown: means
over runs, and the deviation of the estimate of one run from what is known.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from dsim.evaluation import BY_NAME, Intervals
from dsim.evaluation.baselines import ceiling
from dsim.stats import ranking
from dsim.truth import TransferMatrix

Values = NDArray[np.float64]
NAMES = ("pearson", "spearman", "kendall", "top1", "regret")
NOISES = (0.3, 1.0)
FRESH = 20


def truth(values: Values, repetition: str = "seed") -> TransferMatrix:
    """A truth of these scores, (sources, targets, repetitions)."""
    sources, targets = (
        [f"{letter}{i}" for i in range(count)] for letter, count in zip("st", values.shape, strict=False)
    )
    bounds = (-1e3, 1e3)
    return TransferMatrix(
        "simulated", "score", "", tuple(sources), tuple(targets), values, bounds, repetition=repetition
    )


def measured(expected: Values, repetitions: int, noise: Values | float, rng: np.random.Generator) -> Values:
    """Expected scores, (sources, targets), measured repeatedly; ``noise`` is the deviation of one repetition."""
    shape = (*expected.shape, repetitions)
    return expected[:, :, None] + np.broadcast_to(noise, expected.shape)[:, :, None] * rng.standard_normal(shape)


def perfect(expected: Values, means: Values) -> dict[str, float]:
    """Mean scores of the measure that knows the expected scores, judged by measured means (..., sources, targets)."""
    near, good = -expected.T, np.swapaxes(means, -1, -2)
    found = {name: getattr(ranking, name)(-near, good) for name in ("pearson", "spearman", "kendall")}
    found |= {"top1": ranking.top_k(near, good, 1), "regret": ranking.regret(near, good)}
    return {name: float(values.mean()) for name, values in found.items()}


def runs(
    sources: int, targets: int, repetitions: int, noise: float, count: int, lopsided: bool = False
) -> Iterator[tuple[dict[str, float], dict[str, float]]]:
    """Known and estimated ceilings of simulated truths, by score."""
    rng = np.random.default_rng([repetitions, sources])
    how = Intervals(targets)
    for _ in range(count):
        expected = rng.standard_normal((sources, targets))
        better = expected > np.median(expected, axis=0)
        deviations = noise * np.where(better, 0.45, 1.34) if lopsided else noise
        fresh = [measured(expected, repetitions, deviations, rng).mean(axis=2) for _ in range(FRESH)]
        values = truth(measured(expected, repetitions, deviations, rng))
        estimated = ceiling(values, np.ones(expected.shape, dtype=bool), how)
        yield perfect(expected, np.stack(fresh)), {name: estimated[name].value for name in NAMES}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sources", type=int, default=9)
    parser.add_argument("--targets", type=int, default=15)
    parser.add_argument("--repetitions", type=int, nargs="+", default=[2, 3, 5])
    parser.add_argument("--runs", type=int, default=100)
    options = parser.parse_args()
    print("| noise of a repetition | repetitions | " + " | ".join(BY_NAME[name].title for name in NAMES) + " |")
    print("|---|---:|" + "---:|" * len(NAMES))
    for lopsided, noise in ((False, NOISES[0]), (False, NOISES[1]), (True, NOISES[1])):
        for repetitions in options.repetitions:
            found = list(runs(options.sources, options.targets, repetitions, noise, options.runs, lopsided))
            cells = []
            for name in NAMES:
                known, estimated = (np.array([run[side][name] for run in found]) for side in (0, 1))
                cells.append(f"{known.mean():.2f}, {estimated.mean():.2f} ± {(estimated - known).std():.2f}")
            kind = f"{noise:g}{', lopsided' if lopsided else ''}"
            print(f"| {kind} | {repetitions} | " + " | ".join(cells) + " |", flush=True)


if __name__ == "__main__":
    main()
