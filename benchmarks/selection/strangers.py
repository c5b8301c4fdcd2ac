"""Whether anything of the zoo fits sets that had no part in the record: five without labels.

    python -m benchmarks.selection.strangers --data DATA

Prints for each set below DATA/unlabelled the nearest candidates, how near they are, and the verdict on them.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from dsim.data import open_dataset
from dsim.features import zoo_sources
from dsim.selection import find_candidates, shipped_prior
from dsim.selection.fit import nearest_kin
from dsim.selection.signals import KINSHIP, distance_signals, nearness
from dsim.ui import make_runtime

SHOWN = 3


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    runtime, bounds = make_runtime("cpu", offline=True), shipped_prior().bounds
    sources = zoo_sources(runtime)
    print(bounds)
    for folder in sorted((options.data / "unlabelled").iterdir()):
        target = open_dataset(folder)
        candidates, _ = find_candidates(target)
        signals, _ = distance_signals(target, candidates, sources, runtime)
        near = nearness(signals, KINSHIP)
        nearest = [f"{candidates[place].name} {near[place]:.2f}" for place in near.argsort()[::-1][:SHOWN]]
        print(target.name, bounds.judge(nearest_kin(signals)), *nearest, sep=", ", flush=True)


if __name__ == "__main__":
    main()
