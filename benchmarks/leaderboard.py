"""Run every registered measure on a benchmark, judge all of them, and put them in order.

    python benchmarks/leaderboard.py                       # the phantoms, whose truth is shipped
    python benchmarks/leaderboard.py --benchmark mine.json --data FOLDER

The same as ``dsim leaderboard``, with the same options; docs/leaderboard.md tells what it writes.
"""

from __future__ import annotations

import sys

from dsim.cli.main import main

if __name__ == "__main__":
    main(["leaderboard", *sys.argv[1:]])
