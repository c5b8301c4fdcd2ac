"""Maps of real images: t-SimCNE with and without rotations beside t-SNE of pixels and features.

    python -m benchmarks.maps run DATA --work DIR [--run NAME ...] [--dino MODEL]
    python -m benchmarks.maps list
    python -m benchmarks.maps tables DATA --work DIR [--speed FILE]

The first carries out the queue of ``design.py`` with one thread, the most important runs first, and goes on where it
was interrupted; the second prints the names of the runs; the third writes ``benchmarks/maps/results.json`` and the
tables of docs/maps-results.md from the runs that are done, with the measurements of benchmarks/timing/t_simcne.py that
``--speed`` names. Progress stands in ``DIR/progress.txt``.
"""

from __future__ import annotations

import argparse
from pathlib import Path

from benchmarks.maps.design import RUNS


def main() -> None:
    """Carry out the part that is asked for, as far as it is missing."""
    given = _arguments()
    if given.part == "list":
        print(*(run.name for run in RUNS), sep="\n")
        return
    import torch

    torch.set_num_threads(given.threads)
    if given.part == "run":
        from benchmarks.maps.runs import run_queue

        run_queue([run for run in RUNS if not given.run or run.name in given.run], given.data, given.work, given.dino)
        return
    from benchmarks.maps.results import write_results
    from benchmarks.maps.tables import fill_page

    if given.speed:
        from benchmarks.maps.speed import store_speed

        store_speed(given.speed)
    write_results(given.data, given.work)
    fill_page()


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.maps",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("part", choices=("run", "list", "tables"))
    parser.add_argument("data", type=Path, nargs="?", default=Path("../shared/data"), help="folder of the real sets")
    parser.add_argument("--work", type=Path, default=Path("maps-study"), help="folder of trainings, points and scores")
    parser.add_argument("--run", nargs="+", default=[], help="names of runs; default: all")
    parser.add_argument("--dino", type=Path, help="model of run lite0-chula of benchmarks.label_efficiency")
    parser.add_argument("--speed", type=Path, help="t_simcne.json of the work folder of benchmarks/timing/t_simcne.py")
    parser.add_argument("--threads", type=int, default=1, help="of torch")
    return parser.parse_args()


if __name__ == "__main__":
    main()
