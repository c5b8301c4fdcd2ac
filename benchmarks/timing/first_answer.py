"""Seconds from an empty folder, with an empty cache, to the first sentence of the answer.

    python benchmarks/timing/first_answer.py [--runs 3] [--target FOLDER --sources FOLDER...] [--json]

Each run is a new process in a new folder; the clock stops at the first line on stdout, which is the sentence. With
--target it is ``dsim recommend`` for these images, else only the commands on the built-in phantoms are measured.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path

_PHANTOMS = {
    "compare, 9 sources, 6 targets": ["compare", "--measure", "asap"],
    "recommend, 9 sources": ["recommend", "phantoms:fluorescence-dim", "--sources", "phantoms:*"],
}


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--target", type=Path)
    parser.add_argument("--sources", type=Path, nargs="*", default=[])
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    if options.runs < 1:
        parser.error("--runs must be 1 or more")
    measured = {
        name: [_first_line(command) for _ in range(options.runs)] for name, command in _commands(options).items()
    }
    if options.json:
        print(json.dumps({name: [seconds for _, seconds in runs] for name, runs in measured.items()}, indent=2))
        return
    for name, runs in measured.items():
        print(f"{name}: {', '.join(f'{seconds:.1f}' for _, seconds in runs)} s\n  {runs[0][0]}")


def _commands(options: argparse.Namespace) -> dict[str, list[str]]:
    from dsim.data.phantoms import sources

    phantoms = [f"phantoms:{dataset.name}" for dataset in sources()]
    commands = {
        name: [word for part in command for word in (phantoms if part == "phantoms:*" else [part])]
        for name, command in _PHANTOMS.items()
    }
    if options.target is not None:
        target, pool = str(options.target.resolve()), [str(source.resolve()) for source in options.sources]
        own = f"recommend {options.target.name}, {len(pool) or 'the zoo'} sources"
        commands[own] = ["recommend", target, *(["--sources", *pool] if pool else [])]
    return commands


def _first_line(command: Sequence[str]) -> tuple[str, float]:
    """The first line that the command prints, and the seconds until then; the rest of it is waited for, not timed."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, "DSIM_CACHE": str(Path(folder, "cache"))}
        words = [sys.executable, "-m", "dsim", *command, "--offline"]
        started = time.perf_counter()
        with subprocess.Popen(words, cwd=folder, env=environment, stdout=subprocess.PIPE, text=True) as run:
            assert run.stdout is not None
            line = run.stdout.readline().rstrip()
            seconds = time.perf_counter() - started
            run.stdout.read()
        if run.returncode:
            raise SystemExit(f"dsim {' '.join(command)} ended with exit code {run.returncode}")
    return line, seconds


if __name__ == "__main__":
    main()
