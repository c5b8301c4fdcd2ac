"""Run independent tasks one after another, or side by side."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any


def run_jobs(jobs: int, tasks: Sequence[Callable[[], Any]], done: Callable[[int, Any], None]) -> None:
    """Run tasks, handing each result on, in order, as soon as it is there: what was handed on survives an interrupt.

    joblib is asked for threads, so that an enclosing ``joblib.parallel_config(backend="dask")`` still decides.
    """
    if jobs == 1 or len(tasks) < 2:
        for position, task in enumerate(tasks):
            done(position, task())
        return
    from joblib import Parallel, delayed

    results = Parallel(n_jobs=jobs, prefer="threads", return_as="generator")(delayed(task)() for task in tasks)
    for position, result in enumerate(results):
        done(position, result)
