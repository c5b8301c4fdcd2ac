"""Which images to label next: chosen on frozen features, against as many random ones, on the study's sets.

    python -m benchmarks.label_efficiency.choices DATA --work DIR [--set NAME ...]

Every repeat draws 80 % of the training part as the pool; each strategy chooses from it, and support vectors that are
trained on the choice are scored on the test part. No label is looked at in choosing.
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.label_efficiency.curves import codes_of, make_runtime
from benchmarks.label_efficiency.design import SEED, SETS, TEST, open_set
from benchmarks.label_efficiency.extractors import DINO, IMAGENET, extractors_of
from dsim.efficiency import divide_labelled
from dsim.efficiency.next_labels import judge_choices
from dsim.features import extract
from dsim.files import write_text

RESULTS = Path(__file__).with_name("choices.json")
#: Images labelled in all, and how often.
BUDGETS, REPEATS = (10, 20, 50, 100, 200), 20


def judge_set(name: str, data: Path, work: Path) -> list[dict[str, Any]]:
    """Return accuracy by budget for each strategy, on features of ImageNet and of DINO where it was trained."""
    split, runtime = divide_labelled(open_set(data, name), test=TEST, seed=SEED), make_runtime(work)
    training, test = (codes_of(side, split.classes) for side in (split.training, split.test))
    rows = []
    for label, reference in extractors_of(name, work).items():
        if label not in (DINO, IMAGENET):
            continue
        features = [extract(side, reference, runtime) for side in (split.training, split.test)]
        found = judge_choices(features[0], training, features[1], test, BUDGETS, repeats=REPEATS, seed=SEED)
        base = next(curve.accuracies for curve in found if curve.strategy == "random")
        for curve in found:
            lead = curve.accuracies - base
            rows.append(
                {
                    "set": name,
                    "extractor": label,
                    "strategy": curve.strategy,
                    "budgets": list(curve.counts),
                    "mean": curve.accuracies.mean(0).round(4).tolist(),
                    "sd": curve.accuracies.std(0, ddof=1).round(4).tolist(),
                    "lead": lead.mean(0).round(4).tolist(),
                    "wins": ((lead > 0) + (lead == 0) / 2).mean(0).round(3).tolist(),
                    "classes": np.mean(curve.classes, 0).round(1).tolist(),
                }
            )
    return rows


def main() -> None:
    """Judge all sets, and write the results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder of the real sets")
    parser.add_argument("--work", type=Path, required=True, help="folder of trainings and features")
    parser.add_argument("--set", nargs="+", default=list(SETS), help="names of sets; default: all")
    given = parser.parse_args()
    rows = [row for name in given.set for row in judge_set(name, given.data, given.work)]
    write_text(RESULTS, "[\n" + ",\n".join(map(json.dumps, rows)) + "\n]\n")


if __name__ == "__main__":
    main()
