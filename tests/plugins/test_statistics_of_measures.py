"""Every measure computes its value by the tested function of ``dsim.stats``, and no such function is only tested."""

from __future__ import annotations

import ast
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

import numpy as np
import pytest

from dsim.data import Dataset, from_arrays
from dsim.measures import DatasetView, SimilarityMeasure, build_measure
from dsim.random import stream
from dsim.registry import default
from dsim.runtime import Runtime
from dsim.stats import (
    c2st,
    correlation,
    discrepancy,
    divergences,
    euclidean,
    fisher,
    frechet,
    information,
    neighbours,
    ranking,
    transferability,
    wasserstein,
)
from dsim.stats import otdd as transport_of_labels

ROOT = Path(__file__).parents[2]

#: What each measure's value is computed by.
STATISTICS: dict[str, Callable[..., Any]] = {
    "c2st": c2st.auc,
    "cc": correlation.mean_inner_product,
    "cc:shift=true": correlation.shifted_correlations,
    "dino:statistic=energy": discrepancy.reliable_mmd,
    "dino:statistic=mmd": discrepancy.reliable_mmd,
    "dino:statistic=frechet": frechet.frechet_distance,
    "dino:statistic=nearest": neighbours.nearest_accuracy,
    "energy": discrepancy.reliable_mmd,
    "ensemble:of=energy+frechet": ranking.median_rank,
    "ensemble:of=energy+frechet,how=standard": ranking.mean_standardised,
    "frc": correlation.mean_inner_product,
    "frechet": frechet.frechet_distance,
    "gbc": transferability.gbc,
    "h-score": transferability.regularised_h_score,
    "h-score:plain=true": transferability.h_score,
    "kid": discrepancy.reliable_mmd,
    "kid:block=5": discrepancy.block_mmd,
    "kld-tf:variant=binned": divergences.binned_divergence,
    "kld-tf:variant=mean": divergences.kl_divergence,
    "kld-tf:variant=bkld": divergences.bkld,
    "leep": transferability.leep,
    "logme": transferability.logme,
    "marginal-wasserstein": wasserstein.marginal_wasserstein,
    "mmd": discrepancy.reliable_mmd,
    "nleep:components=1": transferability.nleep,
    "nmi": information.normalised_mutual_information,
    "otdd": transport_of_labels.otdd,
    "parc": transferability.parc,
    "prdc": neighbours.prdc,
    "sliced-wasserstein": wasserstein.sliced_wasserstein,
    "wasserstein": wasserstein.wasserstein_distance,
}
#: The same for measures of a network's output, whose summaries are written down here.
OF_NETWORKS: dict[str, Callable[..., Any]] = {
    "asap": euclidean.mean_distance,
    "cc-fv": transferability.cc_fv,
    "sl-pca-umap": euclidean.mean_distance,
    "task2vec": fisher.scaled_cosine,
    "task2vec-asymmetric": fisher.asymmetric,
}
#: Counts of answers: no statistic of arrays.
WITHOUT = {"expert", "expert-choice"}
#: Means over images of what the models of the sources do; tests/plugins/dsim_models holds each by what it must see.
OF_MODELS = {"consensus", "consistency", "edge-agreement", "reverse-accuracy"}


@contextmanager
def recorded_calls() -> Iterator[set[CodeType]]:
    """The code of all functions that are called in the context."""
    called: set[CodeType] = set()

    def record(frame: FrameType, event: str, _: Any) -> None:
        if event == "call":
            called.add(frame.f_code)

    before = sys.getprofile()
    sys.setprofile(record)
    try:
        yield called
    finally:
        sys.setprofile(before)


def dataset(name: str, seed: int) -> Dataset:
    rng = np.random.default_rng(seed)
    classes = np.arange(24) % 2
    features = np.abs(rng.normal(size=(24, 6)) + 2 * classes[:, None] * np.eye(6)[seed % 3]).astype(np.float32)
    images = rng.integers(0, 255, (24, 16, 16), dtype=np.uint8)
    return from_arrays(images, features=features, labels=[f"class {code}" for code in classes], name=name)


def view(measure: SimilarityMeasure[Any], data: Dataset) -> DatasetView:
    return DatasetView(data, measure.needs, "the test", Runtime(device="cpu"), measure.optional)


@pytest.mark.parametrize(("call", "statistic"), STATISTICS.items())
def test_the_value_comes_from_the_tested_function(call: str, statistic: Callable[..., Any]) -> None:
    measure = build_measure(call)
    views = [view(measure, dataset(name, seed)) for seed, name in enumerate("abc")]
    if measure.fits_pool:
        measure.fit(views, stream(0, "fit"))
    source, target = (measure.summarise(each, stream(0, str(k))) for k, each in enumerate(views[:2]))
    with recorded_calls() as called:
        value = measure.compare(source, target)
    assert np.isfinite(value)
    assert statistic.__code__ in called


def summaries_of(name: str) -> tuple[Any, Any]:
    """Two summaries as a network would have given them."""
    from dsim_asap.measure import LatentCloud
    from dsim_task2vec.measure import TaskEmbedding
    from dsim_transferability.cc_fv import Cells
    from dsim_umap.measure import PlacedCloud

    rng = np.random.default_rng(0)
    points = [rng.normal(size=(9, 2)) for _ in range(2)]
    rows = [rng.random((1, 5), dtype=np.float32) + 1 for _ in range(4)]
    if name == "cc-fv":
        features = rng.normal(size=(16, 3)).astype(np.float32)
        images, classes = np.repeat(np.arange(2), 8), np.tile([0, 1], 8)
        cells = Cells(features, images, classes, rng.normal(size=(3, 2)), np.zeros(2), 2, 4)
        return cells, cells
    if name.startswith("task2vec"):
        return TaskEmbedding(rows[0], rows[1], "1", ""), TaskEmbedding(rows[2], rows[3], "2", "")
    kind = LatentCloud if name == "asap" else PlacedCloud
    return kind(points[0]), kind(points[1])


@pytest.mark.parametrize(("name", "statistic"), OF_NETWORKS.items())
def test_the_value_of_a_network_s_output_comes_from_the_tested_function(
    name: str, statistic: Callable[..., Any]
) -> None:
    source, target = summaries_of(name)
    measure = build_measure(name)
    with recorded_calls() as called:
        value = measure.compare(source, target)
    assert np.isfinite(value)
    assert statistic.__code__ in called


def test_every_measure_is_listed_here() -> None:
    listed = {call.partition(":")[0] for call in (*STATISTICS, *OF_NETWORKS)} | WITHOUT | OF_MODELS
    assert set(default().measures) == listed


def public_functions() -> dict[str, Path]:
    """Public functions of ``dsim.stats``, and their files."""
    trees = {path: ast.parse(path.read_text("utf-8")) for path in sorted((ROOT / "dsim" / "stats").rglob("*.py"))}
    return {
        node.name: path
        for path, tree in trees.items()
        for node in tree.body
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_")
    }


def test_no_function_of_stats_is_only_tested() -> None:
    """``coupling`` and ``precision_recall`` are what users ask for; scores of a ranking are called by their names.

    What a training watches is computed on its device, and held to the two of ``dsim.stats.representation``.
    """
    paths = [path for folder in ("dsim", "plugins") for path in (ROOT / folder).rglob("*.py")]
    used = {
        name.id if isinstance(name, ast.Name) else name.attr
        for path in paths
        if path.name != "__init__.py"
        for name in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(name, ast.Name | ast.Attribute)
    }
    asked_for = {"coupling", "precision_recall"}
    assert set(public_functions()) - used <= asked_for | {"weighted_kendall", "effective_rank", "spread_of_normalised"}
