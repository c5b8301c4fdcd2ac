"""How many labels real sets need, and what DINO on unlabelled images of one's own changes.

    python -m benchmarks.label_efficiency train DATA --work DIR [--run NAME ...] [--threads 2]
    python -m benchmarks.label_efficiency curves DATA --work DIR [--set NAME ...] [--extractor NAME ...]
    python -m benchmarks.label_efficiency write DATA --work DIR [--set NAME ...]

The first trains the runs of ``design.py``, one after the other, each from its last checkpoint; the second measures the
curves of accuracy against labelled images; the third writes results, tables and the picture. Each goes on where it was
interrupted. See docs/label-efficiency-results.md.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.label_efficiency.curves import CLASSIFIERS, ORDERS
from benchmarks.label_efficiency.design import RUNS, SETS, find_run


def main() -> None:
    """Carry out the part that is asked for, as far as it is missing."""
    given = _arguments()
    import torch

    torch.set_num_threads(given.threads)
    {"train": _train, "curves": _measure, "write": _write}[given.part](given)


def _train(given: argparse.Namespace) -> None:
    from benchmarks.label_efficiency.runs import train_run

    for run in [find_run(name) for name in given.run] if given.run else RUNS:
        train_run(run, given.data, given.work)


def _measure(given: argparse.Namespace) -> None:
    from benchmarks.label_efficiency.curves import FINETUNED_COUNTS, finetune_set, measure_set
    from benchmarks.label_efficiency.extractors import FINETUNED

    for name in given.set or SETS:
        if name in FINETUNED_COUNTS and FINETUNED in (given.extractor or [FINETUNED]):
            finetune_set(name, given.data, given.work)
        frozen = [label for label in given.extractor if label != FINETUNED]
        if frozen or not given.extractor:
            for order in given.order:
                measure_set(name, given.data, given.work, order, wanted=frozen, classifiers=given.classifier)


def _write(given: argparse.Namespace) -> None:
    from benchmarks.label_efficiency.results import write_results

    for name in given.set or SETS:
        write_results(name, given.data, given.work, given.extractor)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.label_efficiency",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=("train", "curves", "write"))
    parser.add_argument("data", type=Path, help="folder of the real sets")
    parser.add_argument("--work", type=Path, required=True, help="folder of trainings and finished curves")
    parser.add_argument("--run", nargs="+", default=[], help="names of runs; default: all")
    parser.add_argument("--set", nargs="+", default=[], help="names of sets; default: all")
    parser.add_argument("--extractor", nargs="+", default=[], help="names of extractors; default: all")
    parser.add_argument("--order", nargs="+", default=ORDERS, choices=ORDERS)
    parser.add_argument("--classifier", nargs="+", default=CLASSIFIERS, choices=CLASSIFIERS)
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
