"""Does the table of doubt put the bad masks first? True Dice against the expected one, on annotated targets.

    python benchmarks/prelabel_doubt.py --models FILE... --targets FOLDER...

Prints CSV: one row per model and target, over the images that the model was not trained on. Correlations are
Spearman's, of the Dice with the expected Dice and with the entropy at outlines (its sign turned).
"""

from __future__ import annotations

import argparse
import csv
import sys
import warnings

import numpy as np
from scipy.stats import spearmanr

import dsim
from dsim.models import dice
from dsim.prelabel import open_model
from dsim.prelabel.labels import boundary_entropy, expected_dice
from dsim.runtime import Runtime


def measured(reference: str, folder: str, runtime: Runtime) -> dict[str, object]:
    """One row: a model on a target."""
    model, target = open_model(reference, runtime), dsim.open_dataset(folder)
    seen = {digest for entry in model.segmenter.trained_on for digest in entry.get("image_digests", ())}
    left = [index for index in target.annotated if target.image_digests[index] not in seen]
    rows = []
    for index, probabilities in model.segmenter.predict_many(target, left):
        mask = probabilities >= model.threshold
        truth = dice(mask, target.mask(index) != 0)
        rows.append((truth, expected_dice(probabilities, mask), -boundary_entropy(probabilities, mask)))
    found = np.array(rows)
    quarter = np.argsort(found[:, 1], kind="stable")[: max(1, len(found) // 4)]
    return {
        "model": reference,
        "target": target.name,
        "images": len(found),
        "dice": found[:, 0].mean(),
        "expected_dice": found[:, 1].mean(),
        "correlation": correlation(found[:, 0], found[:, 1]),
        "correlation_of_entropy": correlation(found[:, 0], found[:, 2]),
        "dice_of_most_doubtful_quarter": found[quarter, 0].mean(),
        "dice_of_others": np.delete(found[:, 0], quarter).mean(),
    }


def correlation(truth: np.ndarray, told: np.ndarray) -> float:
    """Spearman's, where both are known and vary; NaN otherwise."""
    known = ~np.isnan(told)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return float(spearmanr(truth[known], told[known]).statistic) if known.sum() > 2 else float("nan")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="+", required=True)
    parser.add_argument("--targets", nargs="+", required=True)
    parser.add_argument("--device", default="auto")
    given = parser.parse_args()
    runtime, table = Runtime(device=given.device), None
    for reference in given.models:
        for folder in given.targets:
            row = measured(reference, folder, runtime)
            table = table or csv.DictWriter(sys.stdout, list(row), lineterminator="\n")
            if reference == given.models[0] and folder == given.targets[0]:
                table.writeheader()
            table.writerow({key: f"{value:.4f}" if isinstance(value, float) else value for key, value in row.items()})


if __name__ == "__main__":
    main()
