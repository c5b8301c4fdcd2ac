"""CPU time of commands that only tell, with a slow third-party plugin installed.

    python benchmarks/timing/startup.py [--runs 10] [--json]

A distribution whose plugin imports torch and then sleeps is laid down in a temporary folder; the first command
catalogues it. Each figure is the least CPU time (user + system, children included) over the runs: what the command
costs, without what else the machine was doing.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

COMMANDS = (["--help"], ["measures"], ["explain", "asap"], ["plugins"], ["compare", "--help"])
LIMIT = 0.35
SLOW_PLUGIN = """
import time
import torch
from dsim.plugin import hookimpl

time.sleep(2)

@hookimpl
def dsim_measures():
    return []
"""


def main() -> None:
    """Measure, print, and fail where a command is over the limit."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--runs", type=int, default=10)
    parser.add_argument("--json", action="store_true")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        environment = install_slow_plugin(Path(folder))
        first = seconds(["measures"], environment)
        least = {" ".join(c): min(seconds(c, environment) for _ in range(options.runs)) for c in COMMANDS}
        bare = min(seconds(None, environment) for _ in range(options.runs))
    if options.json:
        print(json.dumps({"limit": LIMIT, "python": bare, "first": first, "commands": least}, indent=2))
    else:
        print(f"{'python -c pass':<24} {bare:.3f} s")
        print(f"{'first dsim measures':<24} {first:.3f} s   (imports and catalogues the slow plugin)")
        for command, took in least.items():
            print(f"{'dsim ' + command:<24} {took:.3f} s")
    sys.exit(max(least.values()) > LIMIT)


def install_slow_plugin(folder: Path) -> dict[str, str]:
    """Lay the plugin down; returns the environment in which dsim finds it, with an empty cache."""
    (folder / "sloth.py").write_text(SLOW_PLUGIN)
    info = folder / "sloth-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: sloth\nVersion: 1.0\n")
    (info / "entry_points.txt").write_text("[dsim]\nsloth = sloth\n")
    return {**os.environ, "PYTHONPATH": str(folder), "DSIM_CACHE": str(folder / "cache")}


def seconds(arguments: list[str] | None, environment: dict[str, str]) -> float:
    """CPU time of one run of ``dsim arguments``, or of an empty Python where there are none."""
    script = shutil.which("dsim", path=os.path.dirname(sys.executable))
    dsim = [script] if script else [sys.executable, "-m", "dsim"]
    command = [sys.executable, "-c", "pass"] if arguments is None else [*dsim, *arguments]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, env=environment, stdout=subprocess.DEVNULL, check=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime


if __name__ == "__main__":
    main()
