"""What a few annotated images give: every way to a model, on 16 real sets, each left out of the zoo in turn.

    python -m benchmarks.adaptation DATA --work DIR --models FOLDER
    python -m benchmarks.adaptation DATA --work DIR --write
    python -m benchmarks.adaptation.picture

The first goes on where it was interrupted; several can run side by side on other ``--targets``. See docs/adapt.md.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from benchmarks.adaptation.cells import Study, read_cells, whole_cell, without_candidates
from benchmarks.adaptation.design import known_of, make_case
from benchmarks.adaptation.tables import RESULTS, as_text, results
from dsim.adapt import Settings
from dsim.data import open_dataset
from dsim.files import write_text
from dsim.runtime import Runtime
from dsim.selection import read_record

HERE = Path(__file__).parent


def main() -> None:
    """Carry out the part that is asked for, as far as it is missing."""
    given = _arguments()
    names = given.targets or [target.name for target in read_record(given.record).targets]
    study = Study(Settings(), given.work, Runtime(device="cpu", cache=given.work / "cache"))
    if given.write:
        write_text(RESULTS, as_text(results(read_cells(given.work))))
        return
    for draw in range(given.draws):
        for count in given.counts:
            for name in names:
                _fill(name, count, draw, study, given)


def _fill(name: str, count: int, draw: int, study: Study, given: argparse.Namespace) -> None:
    path = given.work / "cells" / f"{name}-{count}-{draw}.json"
    if path.exists():
        return
    case = make_case(open_dataset(given.data / name), draw)
    folds = min(given.folds, count) if count > 1 else 0
    chosen = replace(study, settings=replace(study.settings, folds=folds))
    if given.scratch:
        if count:
            without_candidates(chosen, case, count)
        print(name, count, draw, "trained", flush=True)
        return
    known = known_of(read_record(given.record), case.target, given.models)
    cell = whole_cell(chosen, case, known, count, draw)
    write_text(path, json.dumps(cell) + "\n")
    means = {way: round(sum(scores) / len(scores), 3) for way, scores in cell["test"].items()}
    print(name, count, draw, means, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.adaptation",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("data", type=Path, help="folder of the 16 sets")
    parser.add_argument("--work", type=Path, required=True, help="folder of finished trainings and cells")
    parser.add_argument("--models", type=Path, default=Path("models"), help="folder of NAME-without-TARGET.safetensors")
    parser.add_argument("--record", type=Path, default=HERE.parent / "selection" / "biomed16.json")
    parser.add_argument("--counts", type=int, nargs="+", default=[3, 10, 5, 1, 0], help="annotated images")
    parser.add_argument("--draws", type=int, default=1, help="orders in which images are annotated")
    parser.add_argument("--folds", type=int, default=3, help="of the cross-validation")
    parser.add_argument("--scratch", action="store_true", help="only what needs no candidate")
    parser.add_argument("--write", action="store_true", help="only collect the finished cells into biomed16.json")
    parser.add_argument("--targets", nargs="+", help="names; default: all of the record")
    return parser.parse_args()


if __name__ == "__main__":
    main()
