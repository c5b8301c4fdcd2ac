"""Methods are compared on the same splits and groups, trainings are taken up, and no winner is named by chance."""

from __future__ import annotations

import json
import math
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from sklearn.manifold import trustworthiness
from sklearn.metrics import silhouette_score

from dsim.data import Dataset, from_arrays
from dsim.errors import NeedError, UsageError
from dsim.maps import Judges, SeededMap, answer, compare_maps, read_method, score_maps
from dsim.maps.comparison import MapComparison
from dsim.runtime import Runtime
from dsim.stats.map_scores import knn_accuracy, repeated_knn

#: A training of a second.
TINY = "simclr[network=test_resnet,epochs=1,size=16,batch=8,hidden=16,outputs=8]"


def shades(count: int = 60, groups: bool = True) -> Dataset:
    """Images of two shades of gray, half of each class, from twelve smears."""
    rng = np.random.default_rng(0)
    pixels = rng.integers(0, 80, (count, 16, 16, 3), dtype=np.uint8)
    pixels[::2] += 120
    labels = [["bright", "dark"][index % 2] for index in range(count)]
    smears = [f"smear {index // 5}" for index in range(count)] if groups else None
    return from_arrays(pixels, labels=labels, groups=smears, name="shades")


def by_hand(points: dict[str, NDArray[np.float64]], dataset: Dataset) -> MapComparison:
    """A comparison of maps that nobody made."""
    judges = Judges(dataset.labels, dataset.groups, repeats=2)
    scores = [score_maps(read_method(text), [SeededMap(plane, 0, None, 0.0)], judges) for text, plane in points.items()]
    return MapComparison(dataset, judges, tuple(scores), 0.0)


def test_scores_are_those_of_the_points_by_scikit_learn() -> None:
    dataset = shades()
    found = compare_maps(dataset, ["pixels+pca", "pixels+tsne"], repeats=2)
    for scores in found.methods:
        plane = scores.points[0]
        assert scores.knn == knn_accuracy(plane, dataset.labels or ())
        assert scores.accuracy.value == pytest.approx(
            repeated_knn(plane, dataset.labels or (), dataset.groups, repeats=2).accuracy
        )
        assert scores.silhouette.value == pytest.approx(silhouette_score(plane, dataset.labels))
        pixels = np.stack([dataset.pixels(index) for index in range(len(dataset))]).transpose(0, 3, 1, 2)
        expected = trustworthiness(pixels.reshape(len(dataset), -1), plane, n_neighbors=15)
        assert scores.trustworthiness == pytest.approx(expected, abs=1e-6)
    assert found.method("pixels+pca").accuracy.value == 1


def test_the_document_holds_to_its_schema_and_has_no_nan() -> None:
    from dsim.files.documents import check

    found = compare_maps(shades(), ["pixels+pca", "pixels+tsne"], seeds=2, repeats=2)
    document = json.loads(json.dumps(found.to_dict(), allow_nan=False))
    check(document, "dsim.map-comparison/1", "the document", "")
    first, second = document["methods"]
    assert (first["seeds"], second["seeds"]) == ([0], [0, 1])
    assert first["overlap"] is None
    assert 0 < second["overlap"] <= 1


@pytest.mark.slow
def test_a_training_without_labels_is_taken_up_and_shared_by_layouts(tmp_path: Path) -> None:
    dataset, methods = shades(), [f"{TINY}+pca", f"{TINY}+tsne"]
    first = compare_maps(dataset, methods, out=tmp_path, repeats=2)
    assert len(list((tmp_path / "runs").iterdir())) == 1
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    again = compare_maps(dataset, methods, out=tmp_path, repeats=2)
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before
    assert [each.accuracy for each in again.methods] == [each.accuracy for each in first.methods]
    assert np.array_equal(again.methods[1].points[0], first.methods[1].points[0])
    relabelled = replace(dataset, labels=tuple(reversed(dataset.labels or ())))
    other = compare_maps(relabelled, methods[:1], out=tmp_path, repeats=2)
    assert np.array_equal(other.methods[0].points[0], first.methods[0].points[0])


def test_the_best_method_is_named_only_where_it_is_clearly_best() -> None:
    dataset = shades(120)
    rng = np.random.default_rng(0)
    good = np.array([[label == "dark", 0.0] for label in dataset.labels or ()]) * 9 + rng.normal(size=(120, 2))
    poor = rng.normal(size=(120, 2))
    clear = by_hand({"pixels+tsne": poor, "t-simcne[rotations=any]": good}, dataset)
    assert "t-simcne[rotations=any] is best" in answer(clear)
    assert clear.compare("t-simcne[rotations=any]", "pixels+tsne").clear
    assert clear.order[0].method.text == "t-simcne[rotations=any]"
    tied = by_hand({"pixels+tsne": good, "t-simcne[rotations=any]": good + 0.01 * poor}, dataset)
    assert "no method is clearly best" in answer(tied)
    assert "trains nothing" in answer(tied)


def test_a_cheap_method_that_wins_is_said_to_be_cheap() -> None:
    dataset = shades(120)
    rng = np.random.default_rng(0)
    good = np.array([[label == "dark", 0.0] for label in dataset.labels or ()]) * 9 + rng.normal(size=(120, 2))
    found = by_hand({"t-simcne[rotations=any]": rng.normal(size=(120, 2)), "pixels+tsne": good}, dataset)
    assert answer(found).startswith("On shades, a method that trains nothing is best: pixels+tsne")


def test_intervals_of_the_best_against_all_others_are_wider_than_of_one_pair() -> None:
    dataset = shades(120)
    rng = np.random.default_rng(0)
    planes = {text: rng.normal(size=(120, 2)) for text in ("pixels+tsne", "imagenet+tsne", "zoo+umap", "pixels+pca")}
    found = by_hand(planes, dataset)
    best = found.order[0].method.text
    for other, joint in found.contrasts():
        alone = found.compare(best, other)
        assert alone.difference == joint.difference
        assert joint.high - joint.low > alone.high - alone.low


def test_without_labels_the_error_says_what_is_possible_and_it_is() -> None:
    dataset = replace(shades(), labels=None)
    with pytest.raises(NeedError) as caught:
        compare_maps(dataset, ["pixels+pca"])
    assert "without-labels" in str(caught.value)
    found = compare_maps(dataset, ["pixels+pca", "pixels+tsne"], seeds=2, labelled=False)
    for scores in found.methods:
        assert math.isnan(scores.accuracy.value)
        assert 0 < scores.trustworthiness <= 1
    assert found.contrasts() == ()
    assert "no labels" in answer(found)
    with pytest.raises(UsageError):
        found.compare("pixels+pca", "pixels+tsne")


def test_one_class_and_missing_labels_and_single_images_of_a_class_are_said() -> None:
    one = compare_maps(replace(shades(), labels=("a",) * 60), ["pixels+pca"])
    assert "one class" in answer(one)
    labels = ("", "rare", *(shades().labels or ())[2:])
    some = compare_maps(replace(shades(), labels=labels), ["pixels+pca"], repeats=2)
    text = " ".join(some.notes)
    assert "1 of 60 images" in text
    assert "rare" in text
    assert some.methods[0].by_class.keys() == {"bright", "dark"}


def test_a_dataset_without_groups_is_judged_by_images_and_says_so() -> None:
    found = compare_maps(shades(groups=False), ["pixels+pca"], repeats=2)
    assert found.to_dict()["judged_by"]["intervals"] == "images"
    assert any("no groups" in note for note in found.notes)
    assert found.methods[0].by_image == found.methods[0].accuracy


def test_an_image_without_a_group_is_a_group_of_its_own() -> None:
    dataset = shades()
    groups = ("", "", *(dataset.groups or ())[2:])
    found = compare_maps(replace(dataset, groups=groups), ["pixels+pca", "pixels:[side=4]+pca"], repeats=1)
    assert found.compare("pixels+pca", "pixels:[side=4]+pca").units == 14
    nowhere = compare_maps(replace(dataset, groups=("",) * 60), ["pixels+pca"], repeats=1)
    assert nowhere.judges.groups is None


def test_a_missing_library_is_said_before_anything_is_trained(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openTSNE", None)
    with pytest.raises(UsageError) as caught:
        compare_maps(shades(), [f"{TINY}+pca", "pixels+tsne"], out=tmp_path)
    assert "dsim[tsne]" in str(caught.value)
    assert not list(tmp_path.iterdir())


def test_what_cannot_be_compared_is_refused_before_anything_is_made(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="seeds"):
        compare_maps(shades(), ["pixels+pca"], seeds=0)
    with pytest.raises(UsageError, match="folds"):
        compare_maps(shades(), ["pixels+pca"], folds=1)
    with pytest.raises(UsageError, match="folder"):
        compare_maps(shades(), [f"{TINY}+pca"])
    with pytest.raises(UsageError, match="64 features"):
        compare_maps(shades(), ["pixels:[side=8]"], runtime=Runtime())
