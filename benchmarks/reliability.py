"""How reliable the choices of ``dsim recommend`` are: judged by the measured transfer of a truth, leave-one-out.

    python benchmarks/reliability.py phantoms-dsc [--measure ensemble] [--data FOLDER] [--out FILE]

Chooses a source for every target, which is taken from the pool first, by the very procedure of ``dsim recommend``, and
writes benchmarks/truth/<truth>/reliability.json: ``dsim recommend`` tells what stands there. The images must be at
hand, and are checked to be those of the truth.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from dsim.leaderboard import open_benchmark
from dsim.recommend import DEFAULT, Procedure
from dsim.recommend.reliability import FILE, measure_reliability, sentences, write
from dsim.ui import make_runtime

ROOT = Path(__file__).parent
#: Said beside the numbers of that truth.
NOTES = {
    ("phantoms-dsc", "ensemble"): (
        "The members of the ensemble were chosen on these phantoms, by ladders and matching, not by transfer: on real"
        " images they may do worse."
    )
}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("truth")
    parser.add_argument("--measure", nargs="+", default=[DEFAULT])
    parser.add_argument("--data", type=Path)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--device", default="auto")
    options = parser.parse_args()
    how = make_runtime(options.device, offline=True)
    benchmark = open_benchmark(options.truth, options.data)
    path = options.out or ROOT / "truth" / benchmark.truth.name / FILE
    for call in options.measure:
        note = NOTES.get((benchmark.truth.name, call))
        record = measure_reliability(
            benchmark.truth,
            benchmark.sources,
            benchmark.targets,
            Procedure.of(call, how),
            runtime=how,
            notes=[note] if note else [],
        )
        write(path, record)
        print(f"{call}:", *sentences(record), sep="\n  ")


if __name__ == "__main__":
    main()
