"""SimSearch on real images: ways to compare patches, trainings, and the tables of docs/simsearch-results.md.

    python -m benchmarks.simsearch untrained DATA --work DIR [--task NAME ...] [--search NAME ...] [--repeats 5]
    python -m benchmarks.simsearch trained DATA --work DIR [--task NAME ...] [--repeats 2] [--trainings 1]
    python -m benchmarks.simsearch write DATA --work DIR

The first two compute what is missing; the third writes results and tables of all that is finished. Each may be stopped
at any time. The whole study of the publication is ``trained --prototypes 5 10 --negatives 0 5 --repeats 20 --trainings
5 --noisy 0 --training paper``: about 140 hours on two cores.
"""

from __future__ import annotations

import argparse
from dataclasses import replace
from pathlib import Path

from benchmarks.label_efficiency.runs import Lines
from benchmarks.simsearch.design import SEARCHES, TASKS, pose, settings
from dsim.files.documents import to_json
from dsim.runtime import Runtime
from dsim_simsearch.study.cells import UNTRAINED, find_methods
from dsim_simsearch.study.run import Plan, run_study

#: What is measured by the default alone, and by every other way to compare patches.
ALL, OTHERS = UNTRAINED, ("similarity",)
TRAINED = ("Pos", "Pos+Neg", "Pos+Selflearn", "Pos+Neg+Selflearn")


def main() -> None:
    """Carry out the part that is asked for, as far as it is missing."""
    given = _arguments()
    import torch

    torch.set_num_threads(given.threads)
    {"untrained": _untrained, "trained": _trained, "write": _write}[given.part](given)


def _untrained(given: argparse.Namespace) -> None:
    for task in given.task or TASKS:
        for search in given.search or SEARCHES:
            methods = given.methods or (ALL if search == "default" else OTHERS)
            plan = Plan(find_methods(methods), tuple(given.prototypes), tuple(given.negatives), given.repeats, 1)
            _run(given, task, search, plan, f"untrained-{task}-{search}")


def _trained(given: argparse.Namespace) -> None:
    plan = Plan(
        find_methods(given.methods or TRAINED),
        tuple(given.prototypes),
        tuple(given.negatives),
        given.repeats,
        given.trainings,
    )
    for task in given.task or TASKS:
        _run(given, task, "default", plan, f"trained-{task}")


def _run(given: argparse.Namespace, task: str, search: str, plan: Plan, name: str) -> None:
    runtime = Runtime(device="cpu", cache=given.work / "cache", progress=Lines())
    runtime.progress.note(f"{name}: {len(plan.cells)} cells")
    chosen = replace(settings(search, given.noisy), training=given.training)
    document = run_study(pose(task, given.data), plan, chosen, given.work / task, runtime)
    given.work.joinpath("documents").mkdir(exist_ok=True)
    to_json(document, given.work / "documents" / f"{name.replace(' ', '_').replace(',', '')}.json")


def _write(given: argparse.Namespace) -> None:
    from benchmarks.simsearch.tables import write_results

    write_results(given.work / "documents")


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.simsearch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=("untrained", "trained", "write"))
    parser.add_argument("data", type=Path, help="folder of the real sets")
    parser.add_argument("--work", type=Path, required=True, help="folder of finished cells and features")
    parser.add_argument("--task", nargs="+", default=[], choices=TASKS)
    parser.add_argument("--search", nargs="+", default=[], choices=SEARCHES)
    parser.add_argument("--methods", nargs="+", default=[])
    parser.add_argument("--prototypes", nargs="+", type=int, default=[5])
    parser.add_argument("--negatives", nargs="+", type=int, default=[5])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--trainings", type=int, default=1)
    parser.add_argument("--noisy", type=int, default=0, help="images of noisy patches; 0: all others")
    parser.add_argument("--training", default="quick", help="preset of trainings")
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
