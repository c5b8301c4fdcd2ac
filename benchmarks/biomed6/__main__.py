"""The truth of the six classification sets and its card, from the results of its measurement.

    python -m benchmarks.biomed6 RESULTS [--data ../shared/data] [--out FOLDER]

To be run from the root of the checkout. ``RESULTS`` is the folder that ``dsim transfer classification --out
RESULTS/truth.json`` wrote, with its .work. Checks the truth against the images, their labels and the finished work, and
writes truth.json, images.csv and card.md into ``--out``. Trains nothing; the same results give the same files.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from benchmarks.biomed6.card import card, command
from benchmarks.biomed6.checking import check, check_work
from benchmarks.biomed6.sets import listing, origins
from benchmarks.real_sets.checking import opened
from benchmarks.real_sets.storing import DATA, with_command, write
from dsim.errors import DsimError
from dsim.files.shipped import shipped
from dsim.truth import TransferMatrix


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.biomed6",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("results", type=Path, metavar="RESULTS")
    parser.add_argument("--data", type=Path, default=DATA, metavar="FOLDER")
    parser.add_argument("--out", type=Path, default=shipped("truth") / "biomed6-auc", metavar="FOLDER")
    given = parser.parse_args(arguments)
    try:
        store(given.results, given.data, given.out)
    except DsimError as error:
        sys.exit(f"{error.message}; {error.hint}")


def store(results: Path, data: Path, out: Path) -> None:
    """Check and write everything; what is wrong with the truth is a DataError before anything is written."""
    truth = TransferMatrix.from_json(results / "truth.json")
    check(truth)
    datasets = opened(truth, data)
    check_work(truth, datasets, results)
    known = origins(truth, datasets, data)
    write(with_command(truth, command(truth)), listing(datasets), card(truth, known), out)


if __name__ == "__main__":
    main()
