"""What each measure sees of the phantoms, whose right order is known: style ladders, content ladders, true sources.

    python benchmarks/ladders.py [--measures frechet kid ...] [--seeds 0 1 2] [--out FILE.json]

Prints Markdown. "style" and "content": Spearman correlation of the distance to step 0 with the step, over steps 1 to 4
of a ladder, mean over nine bases and the seeds; 1 is perfect, 0 blind (all steps at one distance count as 0).
"recovered": ladders whose order is right throughout. "true source": targets, six per seed, whose nearest source is the
true one. "margin": how much farther the nearest wrong source lies than the true one, in standard deviations of that
target's distances, mean over targets.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr

import dsim
from dsim.data import Dataset
from dsim.data.phantoms import TRUE_SOURCE, content_ladder, sources, style_ladder, targets
from dsim.errors import DsimError
from dsim.files.documents import to_json
from dsim.measures import SimilarityMatrix
from dsim.registry import Need, default

BASES = tuple(dataset.name for dataset in sources(count=2, size=32))
STEPS = 5


@dataclass(frozen=True)
class Judgement:
    """What one measure sees, over all bases and seeds."""

    style: float
    style_recovered: int
    content: float
    content_recovered: int
    ladders: int
    placed: int
    targets: int
    margin: float


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--measures", nargs="+", default=label_free(), metavar="MEASURE")
    parser.add_argument("--seeds", nargs="+", type=int, default=[0])
    parser.add_argument("--out", type=Path, help="write the table as JSON too")
    arguments = parser.parse_args()
    print("| measure | style | recovered | content | recovered | true source | margin |")
    print("|---|---:|---:|---:|---:|---:|---:|")
    table = {}
    for measure in arguments.measures:
        try:
            found = judge(measure, arguments.seeds)
        except DsimError as error:
            print(f"| `{measure}` | not run: {error.message} | | | | | |", flush=True)
            continue
        table[measure] = asdict(found)
        ladders = f"of {found.ladders}"
        print(
            f"| `{measure}` | {found.style:.2f} | {found.style_recovered} {ladders} | {found.content:.2f} "
            f"| {found.content_recovered} {ladders} | {found.placed} of {found.targets} | {found.margin:.2f} |",
            flush=True,
        )
    if arguments.out:
        to_json(table, arguments.out)


def label_free() -> list[str]:
    """The built-in measures that read nothing but images."""
    needs = {Need.IMAGES, Need.FEATURES}
    return sorted(name for name, spec in default().measures.items() if spec.needs <= needs)


def judge(measure: str, seeds: Sequence[int]) -> Judgement:
    style = [climb(style_ladder(STEPS, base=base, seed=seed), measure) for base in BASES for seed in seeds]
    content = [climb(content_ladder(STEPS, base=base, seed=seed), measure) for base in BASES for seed in seeds]
    margins = np.concatenate([margins_of(measure, seed) for seed in seeds])
    return Judgement(
        style=float(np.mean(style)),
        style_recovered=int(np.isclose(style, 1).sum()),
        content=float(np.mean(content)),
        content_recovered=int(np.isclose(content, 1).sum()),
        ladders=len(style),
        placed=int((margins > 0).sum()),
        targets=len(margins),
        margin=float(margins.mean()),
    )


def climb(ladder: Sequence[Dataset], measure: str) -> float:
    """Spearman correlation of the distance to step 0 with the step; 0 where all are equal, NaN where one is NaN."""
    found = distances(dsim.compare(ladder[1:], ladder[:1], measure=measure, bootstrap=0))[:, 0]
    return float(spearmanr(range(len(found)), found).statistic) if np.ptp(found) != 0 else 0.0


def margins_of(measure: str, seed: int) -> NDArray[np.float64]:
    """Of each target: distance to the nearest wrong source less that to the true one, in standard deviations."""
    matrix = dsim.compare(sources(seed=seed), targets(seed=seed), measure=measure, bootstrap=0)
    found = []
    for name, column in zip(matrix.targets, distances(matrix).T, strict=True):
        true = matrix.sources.index(TRUE_SOURCE[name])
        gap = np.delete(column, true).min() - column[true]
        found.append(gap / column.std() if gap else 0.0)
    return np.array(found)


def distances(matrix: SimilarityMatrix) -> NDArray[np.float64]:
    return matrix.direction.sign * matrix.values


if __name__ == "__main__":
    main()
