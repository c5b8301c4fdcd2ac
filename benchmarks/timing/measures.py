"""All measures beside their peers, in one run: seconds, ratios, and how far the values lie apart.

    pip install '.[dev,bench]'
    python benchmarks/timing/measures.py [--only frechet otdd ...] [--threads 1]

Prints one Markdown table, part by part. Both sides of a race have the same threads. Peers: scipy, scikit-image,
scikit-learn, POT, geomloss, torch-fidelity, torchmetrics, and straightforward re-derivations of reference recipes that
cannot be installed (microsoft/otdd, aws-cv-task2vec, mml-similarity). Each part runs alone too:
python benchmarks/timing/PART.py.
"""

from __future__ import annotations

import argparse
import importlib

import torch
from rows import show
from threadpoolctl import threadpool_limits

PARTS = ("classical", "frechet", "distributions", "otdd", "kld", "embeddings", "task2vec", "transferability")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", nargs="+", choices=PARTS, default=PARTS)
    parser.add_argument("--threads", type=int, default=1)
    options = parser.parse_args()
    torch.set_num_threads(options.threads)
    with threadpool_limits(options.threads):
        show(row for part in options.only for row in importlib.import_module(part).rows())


if __name__ == "__main__":
    main()
