"""SimSearch on real images: ways to compare patches, trainings, and the tables of docs/simsearch-results.md.

    python -m benchmarks.simsearch untrained DATA --work DIR [--task NAME ...] [--search NAME ...] [--repeats 5]
    python -m benchmarks.simsearch trained DATA --work DIR [--task NAME ...] [--repeats 2] [--trainings 1]
    python -m benchmarks.simsearch windows DATA --work DIR [--repeats 2]
    python -m benchmarks.simsearch write DATA --work DIR

The first three compute what is missing; the last writes results and tables of all that is finished. Each may be stopped
at any time. The whole study of the publication is ``trained --prototypes 5 10 --negatives 0 5 --repeats 20 --trainings
5 --noisy 0 --training paper``: about 140 hours on two cores.
"""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from benchmarks.label_efficiency.runs import Lines
from benchmarks.simsearch.design import FEW, NOISY, PASSES, SEARCHES, TASKS, WHOLE, pose, settings
from benchmarks.simsearch.tables import RESULTS
from dsim.files.documents import to_json
from dsim.runtime import Runtime
from dsim_simsearch.study.cells import UNTRAINED, find_methods
from dsim_simsearch.study.problem import Problem
from dsim_simsearch.study.run import Plan, describe_study, ledger_of, run_study

#: What is measured by the default alone, and by every other way to compare patches.
ALL, OTHERS = UNTRAINED, ("similarity",)
TRAINED = ("similarity", "re-ranked", "Pos", "Pos+Neg", "Pos+Selflearn", "Pos+Neg+Selflearn", "supervised")


def main() -> None:
    """Carry out the part that is asked for, as far as it is missing."""
    given = _arguments()
    import torch

    torch.set_num_threads(given.threads)
    {"untrained": _untrained, "trained": _trained, "windows": _windows, "write": _write}[given.part](given)


def _untrained(given: argparse.Namespace) -> None:
    for task in given.task or TASKS:
        for search in given.search or SEARCHES:
            methods = given.methods or (ALL if search == "default" else OTHERS)
            plan = Plan(find_methods(methods), tuple(given.prototypes), tuple(given.negatives), given.repeats, 1)
            _run(given, task, search, plan, f"{task} by {search}", 0)


def _trained(given: argparse.Namespace) -> None:
    plan = Plan(
        find_methods(given.methods or TRAINED),
        tuple(given.prototypes),
        tuple(given.negatives),
        given.repeats,
        given.trainings,
    )
    for task in given.task or TASKS:
        _run(given, task, "default", plan, f"trained {task}", given.noisy)


def _windows(given: argparse.Namespace) -> None:
    for search in PASSES:
        plan = Plan(find_methods(OTHERS), (5,), (0,), given.repeats, 1)
        _run(given, next(iter(TASKS)), search, plan, f"{search}, {FEW} test images", 0, FEW)


def _run(
    given: argparse.Namespace, task: str, search: str, plan: Plan, name: str, noisy: int, most: int | None = None
) -> None:
    runtime = Runtime(device="cpu", cache=given.work / "cache", progress=Lines())
    runtime.progress.note(f"{name}: {len(plan.cells)} cells")
    chosen = replace(settings(search, noisy), training=given.training)
    run_study(pose(task, given.data, most), plan, chosen, given.work / task, runtime)


def _write(given: argparse.Namespace) -> None:
    """Store what is finished of the whole study, whatever it was computed by."""
    from benchmarks.simsearch import tables

    RESULTS.mkdir(exist_ok=True)
    for task in TASKS:
        problem = pose(task, given.data)
        parts = [("untrained", search, UNTRAINED, 0) for search in SEARCHES]
        for part, search, methods, noisy in [*parts, ("trained", "default", TRAINED, given.noisy)]:
            _store(given, problem, methods, search, noisy, tables.name_document(part, task, search))
    first = next(iter(TASKS))
    for search in PASSES:
        _store(given, pose(first, given.data, FEW), OTHERS, search, 0, tables.name_document("windows", first, search))
    tables.draw_pictures()
    tables.main()


def _store(
    given: argparse.Namespace, problem: Problem, methods: Sequence[str], search: str, noisy: int, name: str
) -> None:
    plan = Plan(find_methods(methods), (5, 10), (0, 5), WHOLE[0], WHOLE[1])
    chosen = replace(settings(search, noisy), training=given.training)
    folder = given.work / next(task for task in TASKS if TASKS[task].classes == problem.classes)
    document = describe_study(problem, plan, chosen, ledger_of(problem, chosen, folder))
    if document["scores"]:
        to_json(document, RESULTS / name)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.simsearch",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=("untrained", "trained", "windows", "write"))
    parser.add_argument("data", type=Path, help="folder of the real sets")
    parser.add_argument("--work", type=Path, required=True, help="folder of finished cells and features")
    parser.add_argument("--task", nargs="+", default=[], choices=TASKS)
    parser.add_argument("--search", nargs="+", default=[], choices=SEARCHES)
    parser.add_argument("--methods", nargs="+", default=[])
    parser.add_argument("--prototypes", nargs="+", type=int, default=[5])
    parser.add_argument("--negatives", nargs="+", type=int, default=[5])
    parser.add_argument("--repeats", type=int, default=5)
    parser.add_argument("--trainings", type=int, default=1)
    parser.add_argument("--noisy", type=int, default=NOISY, help="images of noisy patches; 0: all others")
    parser.add_argument("--training", default="quick", help="preset of trainings")
    parser.add_argument("--threads", type=int, default=2, help="of torch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
