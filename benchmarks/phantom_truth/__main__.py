"""The truth of the phantom benchmark: small networks trained on each source phantom and scored on each target.

    python -m benchmarks.phantom_truth [--work FILE] [--out FOLDER] [--seeds 5] [--jobs 2] [--quick]

To be run from the root of the checkout. Writes truth.json and card.md into ``--out`` when all trainings are finished.
Each finished training is a line of ``--work``: stopped and started again, nothing is repeated. ``--quick`` runs a tiny
design in seconds; its scores mean nothing. Needs no download, no data and no GPU.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from pathlib import Path

from joblib import Parallel, delayed

from benchmarks.phantom_truth import work
from benchmarks.phantom_truth.assemble import truth
from benchmarks.phantom_truth.card import card
from benchmarks.phantom_truth.design import Design, Recipe, design, quick_design
from dsim.files import write_text
from dsim.files.shipped import shipped
from dsim.truth import TransferMatrix


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.phantom_truth",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--work", type=Path, default=Path("dsim-results/phantom-truth.jsonl"), metavar="FILE")
    parser.add_argument("--out", type=Path, default=shipped("truth") / "phantoms-dsc", metavar="FOLDER")
    parser.add_argument("--seeds", type=int, default=5, help="trainings per source")
    parser.add_argument("--jobs", type=int, default=1, help="trainings at a time, one thread each")
    parser.add_argument("--quick", action="store_true", help="a tiny design; give --out and --work too")
    chosen = parser.parse_args(arguments)
    if chosen.quick and chosen.out == parser.get_default("out"):
        parser.error("--quick measures nothing: give it an --out of its own")
    if chosen.seeds < 2:
        parser.error("--seeds 2 at least: one training tells nothing of the spread")
    plan = quick_design() if chosen.quick else design(Recipe())
    matrix = measured(plan, range(chosen.seeds), chosen.work, chosen.jobs)
    write_text(chosen.out / "truth.json", matrix.to_json())
    write_text(chosen.out / "card.md", card(matrix))
    say(f"wrote {chosen.out / 'truth.json'} and card.md")


def measured(plan: Design, seeds: Sequence[int], path: Path, jobs: int) -> TransferMatrix:
    """The truth, once all trainings are in the work file."""
    run(plan, seeds, path, jobs)
    return truth(plan, {job: each for job, each in work.read(path, plan).items() if job[1] in seeds})


def run(plan: Design, seeds: Sequence[int], path: Path, jobs: int) -> None:
    """Carry out what is not in the work file yet, and note each training there as soon as it is finished."""
    todo = work.missing(plan, seeds, work.read(path, plan))
    say(f"{len(todo)} of {len(seeds) * len(plan.sources)} trainings to do")
    started = time.monotonic()
    parallel = Parallel(n_jobs=jobs, return_as="generator_unordered")
    finished = parallel(delayed(work.carry_out)(plan, source, seed) for source, seed in todo)
    for count, done in enumerate(finished, 1):
        work.append(path, done)
        left = (time.monotonic() - started) / count * (len(todo) - count)
        own = f"{100 * done.scores[done.source]:.1f}"
        say(f"{count}/{len(todo)} {done.source} seed {done.seed}: own {own} %, {done.seconds:.0f} s, {left:.0f} s left")


def say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
