"""How the house stands, in one report: layers, imports, start-up, sizes.

    python tests/architecture.py     # exit code 1 where a rule of tests/test_architecture.py is broken

The rules and what is counted are those of tests/test_architecture.py; the seconds are CPU time as
benchmarks/timing/startup.py takes it, the least of a few runs.
"""

from __future__ import annotations

import os
import runpy
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import test_architecture as rules

RUNS, SHOWN = 5, 8


def main() -> int:
    """Print the report."""
    faults = {
        "imports that go upwards or sideways": rules.faults_of_layers(),
        "imports of plugins that are not offered": rules.faults_of_plugins(),
        "heavy imports at the top of a module": rules.faults_of_heavy_imports(),
    }
    for what, found in faults.items():
        print(f"{what}: {len(found) or 'none'}")
        print("".join(f"    {fault}\n" for fault in found), end="")
    print(f"\nstart-up of dsim --help: {start_up():.3f} s of CPU, the least of {RUNS} runs")
    modules, functions = rules.lengths_of_modules(), rules.lengths_of_functions()
    _largest("modules", modules, rules.MODULE_LINES)
    _largest("functions", functions, rules.FUNCTION_LINES)
    print(f"    {rules.share_of_short(functions):.1%} of {len(functions)} have {rules.SHORT} lines or fewer")
    _rooms(modules)
    too_long = max(modules.values()) > rules.MODULE_LINES or max(functions.values()) > rules.FUNCTION_LINES
    return 1 if too_long or any(faults.values()) else 0


def start_up() -> float:
    """CPU seconds of ``dsim --help``, once plugins are catalogued."""
    seconds = runpy.run_path(str(rules.ROOT / "benchmarks" / "timing" / "startup.py"))["seconds"]
    seconds(["--help"], dict(os.environ))
    return float(min(seconds(["--help"], dict(os.environ)) for _ in range(RUNS)))


def rooms(modules: dict[str, int]) -> dict[str, tuple[int, int]]:
    """Number of modules and of lines by room: a part of dsim, or a built-in plugin; in alphabetical order."""
    counts, lines = Counter[str](), Counter[str]()
    for path, length in modules.items():
        top, *rest = Path(path).with_suffix("").parts
        room = rest[0] if top == "plugins" else f"{top}.{rest[0]}".removesuffix(".__init__")
        counts[room] += 1
        lines[room] += length
    return {room: (counts[room], lines[room]) for room in sorted(counts)}


def _largest(what: str, lengths: dict[str, int], limit: int) -> None:
    print(f"\nlargest {what} (limit: {limit} lines)")
    for name, lines in sorted(lengths.items(), key=lambda item: -item[1])[:SHOWN]:
        print(f"    {lines:>5}  {name}")


def _rooms(modules: dict[str, int]) -> None:
    found = rooms(modules)
    print(f"\n{'room':<24}{'modules':>8}{'lines':>8}")
    for room, (count, lines) in {**found, "all": (len(modules), sum(modules.values()))}.items():
        print(f"{room:<24}{count:>8}{lines:>8}")


if __name__ == "__main__":
    sys.exit(main())
