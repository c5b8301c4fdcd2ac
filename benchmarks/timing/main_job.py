"""Seconds and peak memory of whole commands, first run (empty cache) and second, each in an empty folder.

python benchmarks/timing/main_job.py
python benchmarks/timing/main_job.py --data ../shared/data      # also 16 real sources against 5 real targets
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

MAIN_JOB = ["compare", "--measure", "asap"]


def measured(arguments: list[str], folder: Path, cache: Path) -> tuple[float, float]:
    """Wall seconds and peak memory (MB) of one run of ``dsim`` as a process of its own."""
    environment = {**os.environ, "DSIM_CACHE": str(cache)}
    started = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", "dsim", *arguments], cwd=folder, env=environment, stdout=subprocess.DEVNULL
    )
    _, status, usage = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)  # waited for here, so that its own usage is known
    if process.returncode != 0:
        raise SystemExit(f"dsim {' '.join(arguments)} left with {process.returncode}")
    return time.perf_counter() - started, usage.ru_maxrss / 1000


def report(title: str, arguments: list[str], repeats: int) -> None:
    """Median of ``repeats`` pairs of a first and a second run."""
    first, second = [], []
    for _ in range(repeats):
        with tempfile.TemporaryDirectory() as folder:
            cache = Path(folder) / "cache"
            first.append(measured(arguments, Path(folder), cache))
            second.append(measured(arguments, Path(folder), cache))
    for name, runs in (("first", first), ("second", second)):
        seconds, memory = (statistics.median(column) for column in zip(*runs, strict=True))
        print(f"{title:<28} {name:<7} {seconds:6.1f} s  {memory:6.0f} MB   (median of {repeats})")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--data", type=Path, help="folder that holds segmentation/ and unlabelled/")
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    report("phantoms, 9 x 6", MAIN_JOB, options.repeats)
    if options.data:
        sources, targets = (
            sorted(str(path.resolve()) for path in (options.data / part).iterdir() if path.is_dir())
            for part in ("segmentation", "unlabelled")
        )
        arguments = [*MAIN_JOB, "--sources", *sources, "--targets", *targets]
        report(f"real, {len(sources)} x {len(targets)}", arguments, options.repeats)


if __name__ == "__main__":
    main()
