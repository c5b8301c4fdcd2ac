"""Models of several sources of one kind: trained, and for measuring also without one source each.

    python -m benchmarks.zoo_kinds train RESULTS [--kind nuclei] [--data ../shared/data/segmentation] [--jobs 1]

To be run from the root of the checkout. Can be stopped at any moment and goes on.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path

from benchmarks.real_sets.storing import DATA
from benchmarks.zoo_kinds.training import KINDS, RECIPE, train_all
from dsim.data import Dataset, open_dataset


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.zoo_kinds",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("what", choices=("train",))
    parser.add_argument("results", type=Path, metavar="RESULTS")
    parser.add_argument("--kind", choices=KINDS, default="nuclei")
    parser.add_argument("--data", type=Path, default=DATA / "segmentation", metavar="FOLDER")
    parser.add_argument("--jobs", type=int, default=1, help="processes side by side")
    given = parser.parse_args(arguments)
    train_all(given.kind, opened(given.kind, given.data), given.results, given.jobs, RECIPE)


def opened(kind: str, data: Path) -> dict[str, Dataset]:
    """The members of a kind, by name."""
    return {name: open_dataset(data / name).renamed(name) for name in KINDS[kind][1]}


if __name__ == "__main__":
    main()
