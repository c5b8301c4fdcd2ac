"""Label-efficiency curves beside plain loops: a scikit-learn pipeline for each draw and classifier, a torch loop for layers.

    python benchmarks/timing/label_efficiency.py ../shared/data/cells/chula_rbc12_cls --extractor "pixels:[side=11,channels=3]"

For each number of labelled images per class both sides fit and predict the same draws, one after the other, on one
thread; seconds are those of the processor, so that other work on the machine does not count. The plain loop of a
classifier reduces the features for itself, as a script would; dsim reduces them once for all, but is charged in full for
each classifier here, and once in the row "all three".
"""  # noqa: E501

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from threadpoolctl import threadpool_limits

from dsim import open_dataset
from dsim.efficiency import COUNTS, Draws, divide_labelled, draw_labelled
from dsim.efficiency.blocks import Block, Numbers, predict_block
from dsim.efficiency.kept_draws import features_of
from dsim.efficiency.linear_layer import LinearSettings, choose_validation
from dsim.efficiency.split import fingerprint_of
from dsim.runtime import Runtime

SKLEARN = ("svm", "logistic", "knn")


def plain_reduction(training: Any, test: Any) -> tuple[Any, Any]:
    """PCA up to the numerical rank and the power transform, fitted on the training images."""
    from sklearn.decomposition import PCA
    from sklearn.preprocessing import PowerTransformer

    axes = PCA().fit(training)
    rank = int((axes.singular_values_ > 1e-6 * axes.singular_values_[0]).sum())
    power = PowerTransformer()
    seen = power.fit_transform(axes.transform(training)[:, :rank])
    return seen, power.transform(axes.transform(test)[:, :rank])


def plain_classifier(name: str, images: int) -> Any:
    """The classifier of scikit-learn."""
    from sklearn.linear_model import LogisticRegression
    from sklearn.neighbors import KNeighborsClassifier
    from sklearn.svm import SVC

    if name == "svm":
        return SVC(class_weight="balanced")
    if name == "logistic":
        return LogisticRegression(class_weight="balanced", max_iter=1000)
    return KNeighborsClassifier(min(10, images), weights="distance")


def plain_layer(training: Any, classes: Any, test: Any, key: str) -> Any:
    """The layer of one draw by torch's own parts: nn.Linear, Adam, weighted cross-entropy, the same stop."""
    import torch

    how, count = LinearSettings(), int(classes.max()) + 1
    mean = training.mean(axis=0)
    scale = np.sqrt(((training - mean) ** 2).mean()) or 1.0
    rows, labels = torch.from_numpy((training - mean) / scale), torch.from_numpy(classes)
    held = torch.from_numpy(choose_validation(classes, how.validation, key))
    layer = torch.nn.Linear(rows.shape[1], count)
    torch.nn.init.zeros_(layer.weight)
    torch.nn.init.zeros_(layer.bias)
    adam = torch.optim.Adam(layer.parameters(), lr=how.rate)
    sizes = torch.bincount(labels[~held], minlength=count)
    loss = torch.nn.CrossEntropyLoss(weight=1 / sizes.clamp(min=1).float())
    best, score, mark, stale, judge = layer.state_dict(), -1.0, -1.0, 0, bool(held.any())
    for step in range(how.most if judge else how.fixed):
        if judge and step % how.every == 0:
            with torch.no_grad():
                right = layer(rows[held]).argmax(dim=1) == labels[held]
            now = float(np.mean([right[labels[held] == code].float().mean() for code in labels[held].unique()]))
            improved = now > mark * (1 + how.improvement)
            mark, stale = (now, 0) if improved else (mark, stale + 1)
            if now >= score:
                best, score = {name: value.clone() for name, value in layer.state_dict().items()}, now
            if stale == how.patience:
                break
        adam.zero_grad()
        loss(layer(rows[~held]), labels[~held]).backward()
        adam.step()
    if judge:
        layer.load_state_dict(best)
    with torch.no_grad():
        return layer(torch.from_numpy((test - mean) / scale)).argmax(dim=1).numpy()


def timed(work: Callable[[], Any]) -> tuple[Any, float]:
    """What the work returns, and its seconds of the processor."""
    began = time.process_time()
    return work(), time.process_time() - began


def plain_predictions(name: str, draw: Any, numbers: Numbers, key: str) -> Any:
    """Predictions of one draw as a plain script makes them."""
    training, classes = numbers.training[draw], numbers.classes[draw]
    if name == "linear":
        return plain_layer(training, classes, numbers.test, key)
    seen, judged = plain_reduction(training.astype(np.float64), numbers.test.astype(np.float64))
    return plain_classifier(name, len(draw)).fit(seen, classes).predict(judged)


def race_count(count: int, draws: Draws, numbers: Numbers) -> dict[str, tuple[float, float, int]]:
    """For each classifier the seconds of both sides, and how many predictions differ; ``all three`` shares its reduction."""  # noqa: E501
    chosen = [draws.indices(repeat, count) for repeat in range(draws.repeats)]
    found, plain = {}, 0.0
    for name in (*SKLEARN, "linear"):
        block = Block(count, 0, draws.repeats, (name,))
        (_, ours), own = timed(lambda block=block: predict_block(block, chosen, numbers))
        theirs, other = timed(
            lambda name=name: [plain_predictions(name, draw, numbers, f"0 {i}") for i, draw in enumerate(chosen)]
        )
        predicted = ours[name][0]
        differing = int((np.stack(theirs)[: len(predicted)] != predicted).sum())
        found[name] = other, own, differing
        plain += other if name != "linear" else 0.0
    _, own = timed(lambda: predict_block(Block(count, 0, draws.repeats, SKLEARN), chosen, numbers))
    found["all three"] = plain, own, 0
    return found


def main() -> None:
    """Print a table: a row for each classifier, seconds of the whole curve."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data")
    parser.add_argument("--extractor", default="pixels:[side=11,channels=3]")
    parser.add_argument("--draws", type=int, default=2)
    parser.add_argument("--counts", type=int, nargs="+", default=list(COUNTS))
    asked = parser.parse_args()
    split = divide_labelled(open_dataset(asked.data))
    draws = draw_labelled(split.training.labels or (), asked.counts, asked.draws, 0, fingerprint_of(split.training))
    training, test = (features_of(side, asked.extractor, Runtime()) for side in (split.training, split.test))
    numbers = Numbers(training, split.codes(split.training), test, "paper", 0)
    print(f"{split.name}: {len(training)} + {len(test)} images, {training.shape[1]} features, {asked.draws} draws\n")
    print("| classifier | n | plain, s | dsim, s | times faster | predictions that differ |")
    print("|---|---:|---:|---:|---:|---:|")
    totals: dict[str, list[tuple[float, float, int]]] = {}
    with threadpool_limits(1):
        race_count(1, draws, numbers)  # imports what is used
        for count in draws.counts:
            for name, row in race_count(count, draws, numbers).items():
                totals.setdefault(name, []).append(row)
                print_row(name, str(count), *row)
    for name, rows in totals.items():
        print_row(f"**{name}**", "curve", *(sum(column) for column in zip(*rows, strict=True)))


def print_row(name: str, count: str, plain: float, own: float, differing: float) -> None:
    """Print one line of the table."""
    print(f"| {name} | {count} | {plain:.2f} | {own:.2f} | {plain / own:.1f} | {differing} |", flush=True)


if __name__ == "__main__":
    main()
