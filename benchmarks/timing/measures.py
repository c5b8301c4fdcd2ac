"""All measures beside their peers, in one run: seconds, ratios, and how far the values lie apart.

    pip install '.[dev,bench]'
    python benchmarks/timing/measures.py [--only frechet otdd ...]

Prints one Markdown table, row by row. Peers: scipy, scikit-image, scikit-learn, POT, geomloss, torch-fidelity,
torchmetrics, and straightforward re-derivations of reference recipes that cannot be installed (microsoft/otdd,
aws-cv-task2vec, mml-similarity). Each part runs alone too: python benchmarks/timing/PART.py.
"""

from __future__ import annotations

import argparse
import importlib

from rows import show

PARTS = ("frechet", "distributions", "otdd", "kld", "task2vec", "transferability")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    show([row for part in parser.parse_args().only for row in importlib.import_module(part).rows()])


if __name__ == "__main__":
    main()
