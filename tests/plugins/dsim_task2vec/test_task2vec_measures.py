"""Both measures: which task is embedded, distances, subsets of the cats protocol, and reasons where there is none."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest

from dsim.comparison import compare
from dsim.data import Dataset, from_arrays
from dsim.errors import MeasureError, NeedError, UsageError
from dsim.measures import SimilarityMatrix, SimilarityMeasure, build_measure
from dsim.random import stream
from dsim.registry import Need
from dsim.runtime import Runtime
from dsim.stats.fisher import asymmetric, jsd, kl, normalised_cosine, raw_cosine, scaled_cosine
from dsim_task2vec.embedding import Task as Classes
from dsim_task2vec.embedding import draw_subsets, subset_size
from dsim_task2vec.measure import AsymmetricTask2Vec, Task2Vec, TaskEmbedding, _pairs
from dsim_task2vec.specs import Settings

#: cosine, fisher=exact, labels given.
FROZEN = 0.357561

Embed = Callable[..., TaskEmbedding]
Task = Callable[..., Dataset]
Tiny = Callable[[str], SimilarityMeasure[Any]]


def matrix(measure: SimilarityMeasure[Any], *datasets: Dataset, seed: int = 0) -> SimilarityMatrix:
    return compare(list(datasets), measure=measure, seed=seed, runtime=Runtime(device="cpu"))


def unlabelled(dataset: Dataset) -> Dataset:
    images = [dataset.native(index) for index in range(len(dataset))]
    return from_arrays(images, name=f"{dataset.name}-unlabelled")


def summary(rows: int, token: str, seed: int = 0, filters: int = 20) -> TaskEmbedding:
    rng = np.random.default_rng(seed)
    fisher, prior = np.exp(rng.normal(size=(2, rows, filters))).astype(np.float32)
    return TaskEmbedding(fisher, prior, token, "told")


@pytest.mark.parametrize(
    ("name", "function"),
    [
        ("cosine", scaled_cosine),
        ("raw-cosine", raw_cosine),
        ("normalised-cosine", normalised_cosine),
        ("kl", kl),
        ("jsd", jsd),
    ],
)
def test_each_distance_is_the_function_of_that_name(name: str, function: Callable[..., float]) -> None:
    one, other = summary(1, "a", 1), summary(1, "b", 2)
    found = Task2Vec(distance=name).compare(one, other)
    assert found == pytest.approx(function(one.fisher[0], other.fisher[0]))


def test_only_variational_precisions_are_taken_in_units_of_their_prior() -> None:
    """The reference's scale is 1 for Monte Carlo."""
    one, other = summary(1, "a", 1), summary(1, "b", 2)
    found = Task2Vec(distance="normalised-cosine", fisher="variational").compare(one, other)
    assert found == pytest.approx(normalised_cosine(one.fisher[0], other.fisher[0], one.prior[0], other.prior[0]))


def test_asymmetric_of_fisher_information_adds_the_prior_and_of_precisions_does_not() -> None:
    """The optimum of the variational objective is precision = F / (2 beta) + prior."""
    one, other = summary(1, "a", 1), summary(1, "b", 2)
    trivial = one.prior[0]
    precisions = [s.fisher[0].astype(float) / 0.5 + s.prior[0] for s in (one, other)]
    found = AsymmetricTask2Vec(beta=0.25, alpha=0.3).compare(one, other)
    assert found == pytest.approx(asymmetric(*precisions, trivial, 0.3))
    found = AsymmetricTask2Vec(fisher="variational").compare(one, other)
    assert found == pytest.approx(asymmetric(one.fisher[0], other.fisher[0], trivial, 0.15))


def test_a_task_without_information_is_trivial_and_at_distance_zero_of_the_trivial_task() -> None:
    prior = np.ones((1, 4), np.float32)
    none = TaskEmbedding(np.zeros((1, 4), np.float32), prior, "a", "")
    assert AsymmetricTask2Vec(alpha=1.0).compare(none, none) == 0


def test_complex_sources_come_nearer(task: Task, tiny_measure: Tiny) -> None:
    """alpha takes from every value of a source what its own complexity is."""
    sets = task("one"), task("two", seed=1)
    plain, paper = (matrix(tiny_measure(f"task2vec-asymmetric:alpha={a}"), *sets).values for a in (0, 0.15))
    assert plain[0, 1] == pytest.approx(plain[1, 0], rel=1e-9)
    gain = plain - paper
    assert (gain > 0).all()
    np.testing.assert_allclose(gain[:, 0], gain[:, 1], rtol=1e-6)


def test_a_dataset_is_at_distance_zero_of_itself_and_tasks_of_one_kind_are_nearer(
    task: Task, tiny_measure: Tiny
) -> None:
    """Two draws of one task are nearer to each other than to the same images with other classes."""
    one, two = task("one", count=30), task("two", count=30, seed=1)
    mixed = from_arrays(
        [two.native(i) for i in range(30)],
        labels=[f"class {c}" for c in np.random.default_rng(0).permutation(np.arange(30) % 3)],
        name="mixed",
    )
    found = matrix(tiny_measure("task2vec"), one, two, mixed)
    np.testing.assert_allclose(np.diag(found.values), 0, atol=1e-12)
    np.testing.assert_allclose(found.values, found.values.T, rtol=1e-9)
    assert found.value("one", "two") < found.value("one", "mixed")


def test_labels_are_used_where_they_are_and_clusters_where_not_which_is_told(task: Task, embed: Embed) -> None:
    dataset = task(count=20)
    plain = unlabelled(dataset)
    by_labels, by_clusters = embed(dataset), embed(plain)
    assert Task2Vec().remark(by_labels) == ""
    assert Task2Vec().remark(by_clusters) == "pseudo-labels: 5 clusters of the probe's features"
    assert np.abs(by_labels.fisher - by_clusters.fisher).max() > 0.01 * by_labels.fisher.max()
    assert "pseudo-labels" in embed(dataset, "task2vec:labels=clusters").told


def test_clusters_find_groups_that_are_there(task: Task, embed: Embed) -> None:
    """Pseudo-labels of two plain groups are the groups: the same embedding as with their labels."""
    rng = np.random.default_rng(3)
    dark, bright = (np.clip(level + 3 * rng.standard_normal((6, 32, 32, 3)), 0, 255) for level in (40, 220))
    images = np.concatenate([dark, bright]).astype(np.uint8)
    groups = from_arrays(images, labels=["dark"] * 6 + ["bright"] * 6, name="groups")
    expected = embed(groups).fisher
    found = embed(groups, "task2vec:labels=clusters,clusters=2").fisher
    np.testing.assert_allclose(found, expected, rtol=1e-3, atol=1e-5 * expected.max())


def test_given_labels_are_required(task: Task, tiny_measure: Tiny) -> None:
    with pytest.raises(NeedError, match="has no labels"):
        matrix(tiny_measure("task2vec:labels=given"), task(), unlabelled(task()))


@pytest.mark.parametrize(
    ("dataset", "expected"),
    [
        (from_arrays(np.zeros((4, 8, 8), np.uint8), labels=["x"] * 4, name="single"), "all 4 images of 'single'"),
        (from_arrays(np.full((4, 8, 8), 7, np.uint8), labels=list("xyxy"), name="alike"), "features of all 4 images"),
        (from_arrays(np.full((9, 8, 8), 7, np.uint8), name="constant"), "1 distinct images, too few for 5 clusters"),
    ],
    ids=["one class", "no difference", "no clusters"],
)
def test_datasets_that_pose_no_task_have_a_reason(
    dataset: Dataset, expected: str, task: Task, tiny_measure: Tiny
) -> None:
    found = matrix(tiny_measure("task2vec"), task(), dataset)
    assert np.isnan(found.values[0, 1])
    assert expected in found.notes[0][1]


def test_divergences_name_the_filters_without_information() -> None:
    dead = TaskEmbedding(np.array([[1.0, 0.0]], np.float32), np.ones((1, 2), np.float32), "a", "")
    with pytest.raises(MeasureError, match="1 and 1 of 2 filters have no Fisher information"):
        Task2Vec(distance="kl").compare(dead, dead)


@pytest.mark.parametrize(
    ("call", "expected"),
    [
        ("task2vec:draws=3", "fisher=exact does not read 'draws'"),
        ("task2vec:fisher=sample,steps=3", "fisher=sample does not read 'steps'"),
        ("task2vec:beta=1e-6", "fisher=exact does not read 'beta'"),
        ("task2vec:share=0.1", "task2vec:subsets=0 does not read 'share'"),
        ("task2vec:fisher=variational,batchnorm=true", "fisher=variational does not read 'batchnorm'"),
    ],
)
def test_parameters_that_nothing_would_read_are_refused(call: str, expected: str) -> None:
    with pytest.raises(UsageError, match=expected):
        build_measure(call)


def test_the_asymmetric_measure_always_reads_beta() -> None:
    assert build_measure("task2vec-asymmetric:beta=1e-6").params["beta"] == 1e-6


def test_the_seed_draws_labels_and_nothing_else(task: Task, embed: Embed) -> None:
    dataset = task()
    np.testing.assert_array_equal(embed(dataset, seed=0).fisher, embed(dataset, seed=1).fisher)
    one, again, other = (embed(dataset, "task2vec:fisher=sample", seed=seed).fisher for seed in (0, 0, 1))
    np.testing.assert_array_equal(one, again)
    assert np.abs(one - other).max() > 0


@pytest.mark.parametrize(
    ("images", "share", "least", "expected"), [(1000, 0.01, 2, 10), (3000, 0.01, 10, 30), (60, 0.01, 10, 10)]
)
def test_subsets_are_the_share_but_not_below_the_least(images: int, share: float, least: int, expected: int) -> None:
    assert subset_size(images, _settings(share=share, least=least), "x") == expected


def test_subsets_that_must_overlap_are_refused() -> None:
    """One percent of tens of images is less than one: no plausible number comes of it."""
    with pytest.raises(MeasureError, match="'x' has 19 images, too few for subsets of 10"):
        subset_size(19, _settings(share=0.01, least=10), "x")


def _settings(**changes: Any) -> Settings:
    return Settings.of({**Task2Vec(subsets=1).params, **changes})


def test_the_embedding_of_a_subset_is_that_of_the_dataset_of_its_images(task: Task, embed: Embed) -> None:
    dataset = task(count=24)
    found = embed(dataset, "task2vec:subsets=3,least=8")
    rng = stream(0, dataset.fingerprint({Need.IMAGES, Need.LABELS}), "summarise")
    assert found.token == str(rng.integers(2**62))
    chosen, told = draw_subsets("x", Classes(np.arange(24) % 3), _settings(subsets=3, least=8), rng)
    assert told == found.told == "3 subsets of 8 of 24 images (1 % would be 0.24, below the least of 8)"
    for part, row in zip(chosen, found.fisher, strict=True):
        assert len(set(part.tolist())) == 8
        np.testing.assert_allclose(row, embed(dataset.subset(part)).fisher[0], rtol=1e-3, atol=1e-5 * row.max())


def test_classes_that_a_subset_lacks_are_none_of_its_task() -> None:
    part = Classes(np.array([0, 1, 2, 2, 5])).part(np.array([0, 3, 4]))
    assert part.codes.tolist() == [0, 1, 2]


def test_subsets_of_one_class_only_are_never_used() -> None:
    rare = Classes(np.array([1] + [0] * 999))
    with pytest.raises(MeasureError, match="hold only one class"):
        draw_subsets("x", rare, _settings(least=2, share=0.001), np.random.default_rng(0))


def test_the_value_is_the_mean_over_the_pairs_and_does_not_depend_on_the_order_of_the_two() -> None:
    """The cats protocol: five random pairs of embeddings."""
    one, other = summary(10, "a", 1), summary(12, "b", 2)
    measure = Task2Vec(subsets=10, distance="raw-cosine")
    values = measure.pair_values(one, other)
    assert len(values) == 5
    assert measure.compare(one, other) == values.mean()
    np.testing.assert_allclose(measure.pair_values(other, one), values)
    spread = f"{np.std(values, ddof=1):.2g}"
    assert measure.pair_remark(one, other) == f"mean of 5 pairs of subsets, standard deviation {spread}"
    everything = Task2Vec(subsets=10, distance="raw-cosine", pairs=0).pair_values(one, other)
    assert len(everything) == 120
    assert set(np.round(values, 9)) <= set(np.round(everything, 9))


def test_other_datasets_have_other_pairs() -> None:
    one, two, three = (summary(10, token) for token in "abc")
    assert _pairs(one, two, 5) != _pairs(one, three, 5)


def test_of_one_dataset_only_different_subsets_meet_which_is_its_noise_floor() -> None:
    """Zero would hide that two subsets of one dataset lie apart."""
    one = summary(10, "a")
    assert all(row != column for row, column in _pairs(one, one, 0))
    assert len(_pairs(one, one, 0)) == 90
    measure = Task2Vec(subsets=10, pairs=0)
    mean, deviation = measure.noise_floor(one)
    assert measure.compare(one, one) == pytest.approx(mean, rel=0.3)
    assert f"two subsets of it lie {mean:.4g} apart (standard deviation {deviation:.2g})" in measure.remark(one)


def test_a_whole_dataset_has_no_noise_floor() -> None:
    with pytest.raises(MeasureError, match="has no noise floor"):
        Task2Vec().noise_floor(summary(1, "a"))


def test_subsets_in_the_engine(task: Task, tiny_measure: Tiny) -> None:
    """Diagonal cells are the noise floor, not 0; the matrix is symmetric; a small dataset has a reason."""
    sets = task("one", count=24), task("two", count=24, seed=1), task("few", count=9)
    found = matrix(tiny_measure("task2vec:subsets=4,least=8,distance=raw-cosine"), *sets)
    assert found.values[0, 0] > 0
    assert found.values[0, 1] == pytest.approx(found.values[1, 0], rel=1e-9)
    assert "too few for subsets of 8" in found.notes[0][2]


def test_frozen_value(task: Task) -> None:
    """Of the shipped probe on noise whose contrast is its class (``labelled`` in conftest.py); frozen when written."""
    found = matrix(Task2Vec(), task("one", count=12), task("two", count=12, classes=2, seed=1))
    assert found.values[0, 1] == pytest.approx(FROZEN, rel=1e-3)


def test_presets_are_those_of_paper_code_and_study() -> None:
    paper, reference, cats = (
        build_measure(f"task2vec:preset={name}").params for name in ("paper", "reference", "cats")
    )
    assert (paper["fisher"], paper["probe"]) == ("variational", "timm:resnet34.tv_in1k")
    assert (reference["fisher"], reference["batchnorm"], reference["balanced"]) == ("batch", True, True)
    assert (cats["subsets"], cats["share"], cats["pairs"], cats["distance"]) == (100, 0.01, 5, "raw-cosine")
