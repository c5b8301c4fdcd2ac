"""What stands behind the transferability measures' settings: the head's penalty, and what each score tells.

    DSIM_DATA=FOLDER python benchmarks/transferability.py

Reads the labelled sets ``FOLDER/classification/*/*.npz`` and prints two Markdown tables.

1. Log-loss of the head on held-out fifths of each set, mean over the sets, by penalty and by number of images.
2. For each target, Spearman's correlation, over the other sets as sources, of a measure's values with the accuracy that
   a logistic regression reaches on the target through the same source's head (5-fold); mean over the targets. It tells
   whether a score says what is in a representation; it is no test of transfer.
"""

from __future__ import annotations

import argparse
import os
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy.stats import spearmanr
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from threadpoolctl import threadpool_limits

import dsim
from dsim.data import Dataset
from dsim.features import extract
from dsim.measures import EXTRACTOR
from dsim.runtime import Runtime
from dsim.stats.transferability import train_head

PENALTIES = (1.0, 3.0, 10.0, 30.0, 100.0)
SIZES = (60, 200, 600)
CALLS = ("logme", "h-score", "h-score:plain=true", "gbc", "gbc:gaussian=diagonal", "parc", "nleep", "leep",
         "leep:centre=source")  # fmt: skip

Labelled = tuple[NDArray[np.float32], NDArray[Any]]


def held_out_loss(points: NDArray[np.float32], labels: NDArray[Any], size: int, penalty: float) -> float:
    """Cross-entropy of the head on images that it was not trained on; images of unseen classes are passed over."""
    chosen = np.random.default_rng(0).permutation(len(points))[:size]
    points, labels = points[chosen], labels[chosen]
    fold = np.arange(len(points)) % 5
    losses = []
    for part in range(5):
        train, test = fold != part, fold == part
        known = np.unique(labels[train])
        posteriors = train_head(points[train], labels[train], penalty).posteriors(points[test])
        seen = np.isin(labels[test], known)
        column = np.searchsorted(known, labels[test][seen])
        losses.append(-np.log(np.maximum(posteriors[seen, column], 1e-300)).mean())
    return float(np.mean(losses))


def accuracies(sets: list[Labelled]) -> NDArray[np.float64]:
    """Accuracy on each target (column) through the head of each source (row)."""
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=2000))
    folds = StratifiedKFold(5, shuffle=True, random_state=0)
    found = np.empty((len(sets), len(sets)))
    for i, (points, labels) in enumerate(sets):
        head = train_head(points, labels)
        for j, (others, classes) in enumerate(sets):
            found[i, j] = cross_val_score(model, head.coordinates(others), classes, cv=folds).mean()
    return found


def agreement(values: NDArray[np.float64], truth: NDArray[np.float64]) -> float:
    """Mean over targets of the rank correlation over all sources but the target itself."""
    others = ~np.eye(len(truth), dtype=bool)
    columns = range(len(truth))
    return float(np.mean([spearmanr(values[others[:, j], j], truth[others[:, j], j]).statistic for j in columns]))


def print_penalties(sets: list[Labelled]) -> None:
    print("| images | " + " | ".join(f"{penalty:g}" for penalty in PENALTIES) + " |")
    print("|---|" + "---|" * len(PENALTIES))
    for size in SIZES:
        losses = [np.mean([held_out_loss(*each, size, penalty) for each in sets]) for penalty in PENALTIES]
        print(f"| {size} | " + " | ".join(f"{loss:.2f}" for loss in losses) + " |", flush=True)


def print_agreement(datasets: list[Dataset], sets: list[Labelled]) -> None:
    truth = accuracies(sets)
    print("\n| measure | agreement |\n|---|---|")
    for call in CALLS:
        matrix = dsim.compare(datasets, measure=call, bootstrap=0)
        print(f"| `{call}` | {agreement(matrix.values, truth):.2f} |", flush=True)


def main() -> None:
    argparse.ArgumentParser(description=__doc__.splitlines()[0]).parse_args()
    paths = sorted(Path(os.environ["DSIM_DATA"]).glob("classification/*/*.npz"))
    datasets = [dsim.open_dataset(path) for path in paths]
    sets = [(extract(each, EXTRACTOR.default, Runtime()), np.array(each.labels)) for each in datasets]
    with threadpool_limits(1):
        print_penalties(sets)
        print_agreement(datasets, sets)


if __name__ == "__main__":
    main()
