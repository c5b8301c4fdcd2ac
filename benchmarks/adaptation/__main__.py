"""What a few annotated images give: every way to a model, on 16 real sets, each left out of the zoo in turn.

``python -m benchmarks.adaptation DATA --work DIR`` goes on where it was interrupted; see docs/adapt.md.
"""

from __future__ import annotations

import argparse
import json
from dataclasses import replace
from pathlib import Path

from benchmarks.adaptation.cells import Study, read_cells, whole_cell, without_candidates
from benchmarks.adaptation.design import known_of, make_case
from dsim.adapt import Settings
from dsim.data import open_dataset
from dsim.runtime import Runtime
from dsim.selection import read_record

HERE = Path(__file__).parent


def main() -> None:
    """Run the cells that are missing."""
    given = _arguments()
    record = read_record(given.record)
    names = given.targets or [target.name for target in record.targets]
    study = Study(replace(Settings(), folds=0), given.work, Runtime(device="cpu"))
    path = given.work / "cells.jsonl"
    done = {(cell["target"], cell["count"], cell["draw"]) for cell in read_cells(path)}
    for draw in range(given.draws):
        for count in given.counts:
            for name in names:
                if (name, count, draw) in done:
                    continue
                case = make_case(open_dataset(given.data / name), draw)
                folds = min(given.folds, count) if count > 1 else 0
                chosen = replace(study, settings=replace(study.settings, folds=folds))
                if given.without_candidates:
                    without_candidates(chosen, case, count)
                    print(name, count, draw, "trained", flush=True)
                    continue
                cell = whole_cell(chosen, case, known_of(record, name, given.models), count, draw)
                with path.open("a", encoding="utf-8") as file:
                    file.write(json.dumps(cell) + "\n")
                means = {way: round(sum(scores) / len(scores), 3) for way, scores in cell["test"].items()}
                print(name, count, draw, means, flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.adaptation", description=__doc__)
    parser.add_argument("data", type=Path, help="folder of the 16 sets")
    parser.add_argument("--work", type=Path, required=True, help="folder of finished trainings and cells")
    parser.add_argument("--models", type=Path, default=Path("models"), help="candidates as NAME.safetensors")
    parser.add_argument("--record", type=Path, default=HERE.parent / "selection" / "biomed16.json")
    parser.add_argument("--counts", type=int, nargs="+", default=[3, 10, 5, 1, 0], help="annotated images")
    parser.add_argument("--draws", type=int, default=1, help="orders in which images are annotated")
    parser.add_argument("--folds", type=int, default=3, help="of the cross-validation")
    parser.add_argument("--targets", nargs="+", help="names; default: all of the record")
    parser.add_argument("--without-candidates", action="store_true", help="only what needs no candidate")
    return parser.parse_args()


if __name__ == "__main__":
    main()
