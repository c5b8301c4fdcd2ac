"""Transferability scores as measures: they follow what a source's labels mean, and say where they have no value."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

import dsim
from dsim.data import Dataset, from_arrays
from dsim.errors import MeasureError, NeedError
from dsim.measures import DatasetView, SimilarityMatrix, SimilarityMeasure, build_measure
from dsim.random import stream
from dsim.runtime import Runtime
from dsim.stats import transferability as stats

MEASURES = ("logme", "leep", "nleep", "h-score", "gbc", "parc")
WITH_REPRESENTATION = tuple(name for name in MEASURES if name != "leep")


def dataset(
    name: str = "set", angle: float = 0.0, n: int = 150, seed: int = 0, shift: float = 0.0, classes: int = 3
) -> Dataset:
    """Features (n, 12) whose classes lie along a line that is turned by an angle from the first axis to the second."""
    rng = np.random.default_rng(seed)
    labels = np.arange(n) % classes
    features = rng.standard_normal((n, 12)) + shift
    features[:, 0] += 4 * np.cos(angle) * labels
    features[:, 1] += 4 * np.sin(angle) * labels
    return from_arrays(features=features.astype(np.float32), labels=[f"c{label}" for label in labels], name=name)


def summary(measure: SimilarityMeasure[Any], data: Dataset) -> Any:
    view = DatasetView(data, measure.needs, measure.spec.name, Runtime())
    return measure.summarise(view, stream(0))


def value(call: str, source: Dataset, target: Dataset) -> float:
    measure = build_measure(call)
    return float(measure.compare(summary(measure, source), summary(measure, target)))


def parts(data: Dataset) -> tuple[NDArray[Any], NDArray[Any]]:
    return np.asarray(data.features), np.array(data.labels)


def compare(sources: list[Dataset], measure: str, **options: Any) -> SimilarityMatrix:
    return dsim.compare(sources, measure=measure, **options)


# --- what they see ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MEASURES)
def test_the_score_falls_as_the_source_s_labels_come_to_mean_something_else(name: str) -> None:
    # The ladder of a change of task: the source's classes turn until they tell nothing of the target's.
    target = dataset("target", seed=9)
    ladder = [value(name, dataset(angle=angle, seed=1), target) for angle in np.radians([0, 30, 60, 75, 90])]
    if name in ("nleep", "parc"):  # of random mixtures; of ranks, to which 30 degrees are nothing
        assert min(ladder[:3]) > max(ladder[3:])
    else:
        assert ladder == sorted(ladder, reverse=True)
    assert ladder[0] > ladder[-1]


@pytest.mark.parametrize("name", MEASURES)
def test_where_the_source_lies_does_not_matter_but_what_its_labels_mean_does(name: str) -> None:
    target = dataset("target", seed=9)
    near = value(name, dataset(seed=1), target)
    assert value(name, dataset(seed=1, shift=500.0), target) == pytest.approx(near, rel=1e-3)


def test_leep_of_the_head_as_it_is_loses_targets_that_lie_elsewhere() -> None:
    target = dataset("target", seed=9)
    far = dataset(seed=1, shift=500.0)
    assert value("leep:centre=source", far, target) == pytest.approx(-np.log(3), abs=1e-3)
    assert value("leep:centre=target", far, target) > -0.8


@pytest.mark.parametrize("name", WITH_REPRESENTATION)
def test_shuffled_labels_of_the_target_lower_the_score(name: str) -> None:
    source, target = dataset(seed=1), dataset("target", seed=9)
    features, labels = parts(target)
    mixed = np.random.default_rng(0).permutation(labels)
    assert value(name, source, from_arrays(features=features, labels=mixed, name="mixed")) < value(name, source, target)


# --- equal to the paper's formula on the source's head ---------------------------------------------------------------


def test_the_values_are_the_scores_of_the_target_through_the_source_s_head() -> None:
    source, target = dataset(seed=1, angle=0.5), dataset("target", seed=9)
    features, labels = parts(target)
    head = stats.train_head(*parts(source), penalty=10.0)
    seen = head.coordinates(features)
    expected = {
        "logme": stats.logme(np.column_stack([seen - seen.mean(axis=0), np.ones(len(seen))]), labels),
        "leep:centre=source": stats.leep(head.posteriors(features), labels),
        "h-score": stats.regularised_h_score(seen, labels),
        "h-score:plain=true": stats.h_score(seen, labels),
        "gbc": stats.gbc(seen, labels),
        "gbc:gaussian=diagonal": stats.gbc(seen, labels, "diagonal"),
        "parc": stats.parc(head.logits(features), labels),
    }
    assert {call: value(call, source, target) for call in expected} == pytest.approx(expected, rel=1e-9)


def test_without_a_source_s_head_the_values_are_the_papers_scores_of_the_extractor() -> None:
    sources, target = [dataset(seed=1), dataset(angle=1.5, seed=2)], dataset("target", seed=9)
    scores = {"logme": stats.logme, "h-score": stats.regularised_h_score, "gbc": stats.gbc, "parc": stats.parc}
    for name, score in scores.items():
        measure = build_measure(f"{name}:representation=extractor")
        column = measure.compare_many([summary(measure, s) for s in sources], [summary(measure, target)])
        np.testing.assert_allclose(column[:, 0], score(*parts(target)), rtol=1e-12)


def test_parc_draws_a_budget_of_images_once_per_dataset() -> None:
    source, target = dataset(seed=1), dataset("target", seed=9)
    whole, drawn, again = (value(f"parc:images={count}", source, target) for count in (150, 60, 60))
    assert drawn == again
    assert drawn == pytest.approx(whole, abs=0.1)
    assert drawn != whole


@pytest.mark.parametrize("name", MEASURES)
def test_labels_may_be_any_text(name: str) -> None:
    source, target = dataset(seed=1), dataset("target", seed=9)
    features, labels = parts(target)
    renamed = from_arrays(features=features, labels=["é " + label for label in labels], name="renamed")
    assert value(name, source, renamed) == value(name, source, target)


@pytest.mark.slow
def test_on_real_sets_no_other_source_tells_a_target_s_labels_as_well_as_itself(real_data: Path) -> None:
    sets = [dsim.open_dataset(path) for path in sorted(real_data.glob("classification/*/*.npz"))]
    for name in MEASURES:  # in one test, so that they share the features
        matrix = compare(sets, name, bootstrap=0)
        assert matrix.values.argmax(axis=0).tolist() == list(range(len(sets))), name


# --- intervals -------------------------------------------------------------------------------------------------------


def test_a_replicate_that_loses_a_class_is_undefined_and_the_value_stays() -> None:
    source, target = dataset(seed=1), dataset("target", seed=9)
    measure = build_measure("logme")
    given = summary(measure, source), summary(measure, target)
    whole, one_class = np.arange(150), np.arange(0, 150, 3)
    found, replicates = measure.compare_with_replicates(*given, [whole, one_class, whole], [whole, whole, one_class])
    assert replicates[0] == pytest.approx(found)
    assert np.isnan(replicates[1:]).all()


def test_intervals_come_from_retrained_heads_where_they_are_asked_for() -> None:
    matrix = compare([dataset("a", seed=1), dataset("b", angle=1.2, seed=2)], "h-score", bootstrap=20)
    assert matrix.low is not None
    assert matrix.high is not None
    assert matrix.low[0, 1] < matrix.values[0, 1] < matrix.high[0, 1] + 0.2


# --- no value, and the reason ----------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", MEASURES)
def test_a_dataset_of_one_class_has_a_reason(name: str) -> None:
    matrix = compare([dataset("good"), dataset("single", seed=1, classes=1)], name)
    assert np.isnan(matrix.values[0, 1])
    assert "'single' have one label" in matrix.notes[0][1]
    assert np.isnan(matrix.values[1, 0])


@pytest.mark.parametrize("name", MEASURES)
def test_a_class_of_one_image_has_a_reason_that_names_it(name: str) -> None:
    features, labels = parts(dataset())
    labels = labels.astype(object)
    labels[0] = "rare"
    with pytest.raises(MeasureError, match="single image, the first 'rare'") as error:
        summary(build_measure(name), from_arrays(features=features, labels=labels, name="tail"))
    assert "merge classes" in str(error.value.hint)


@pytest.mark.parametrize("name", MEASURES)
def test_constant_features_have_a_reason(name: str) -> None:
    constant = from_arrays(features=np.full((6, 3), 0.1, np.float32), labels=list("aabbcc"), name="flat")
    with pytest.raises(MeasureError, match="all 6 images of 'flat' have the same features"):
        summary(build_measure(name), constant)


@pytest.mark.parametrize("name", MEASURES)
def test_features_of_another_dimension_have_a_reason(name: str) -> None:
    narrow = from_arrays(features=np.eye(6, 4, dtype=np.float32), labels=list("aabbcc"), name="narrow")
    with pytest.raises(MeasureError, match="4 features per image and the target 12"):
        value(name, narrow, dataset())


@pytest.mark.parametrize("name", WITH_REPRESENTATION)
def test_a_target_without_variation_along_the_source_s_directions_has_a_reason_or_says_nothing(name: str) -> None:
    source = from_arrays(
        features=np.array([[0, 0], [1, 0], [4, 0], [5, 0]], np.float32), labels=list("aabb"), name="along x"
    )
    features = np.stack([np.zeros(12), np.arange(12)], axis=1).astype(np.float32)
    target = from_arrays(features=features, labels=list("ab") * 6, name="along y")
    if name == "logme":  # an intercept alone: the formula has a value, the least there is
        assert value(name, source, target) == pytest.approx(stats.logme(np.ones((12, 1)), np.arange(12) % 2))
        return
    with pytest.raises(MeasureError, match=r"source's head|no correlation"):
        value(name, source, target)


def test_the_plain_h_score_of_few_images_says_what_to_do() -> None:
    few = dataset(n=12)
    with pytest.raises(MeasureError, match="use plain=false"):
        value("h-score:plain=true,representation=extractor", few, few)


def test_nleep_of_few_images_says_what_to_do() -> None:
    with pytest.raises(MeasureError, match="fewer than the 15 Gaussians: lower components"):
        value("nleep", dataset(), dataset(n=12))


def test_a_dataset_without_labels_is_refused_with_the_ways_to_supply_them() -> None:
    bare = from_arrays(features=parts(dataset())[0], name="bare")
    with pytest.raises(NeedError, match="'bare' has no labels") as error:
        compare([dataset(), bare], "leep")
    assert "class folders" in str(error.value.hint)
