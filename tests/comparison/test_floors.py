"""The noise floor is the mean value between two halves, of whole groups, told where it matters and kept."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from dsim import compare
from dsim.comparison.draws import HALVINGS, halves, random_split, units_of
from dsim.data import from_arrays
from dsim.errors import MeasureError
from dsim.runtime import Runtime


def test_the_floor_is_the_mean_over_halves_as_the_measure_compares_them(gap_of_two, line):
    datasets = line([0, 3])
    matrix = compare(datasets, measure=gap_of_two())
    for dataset in datasets:
        measure, view = gap_of_two(), dataset.fingerprint(gap_of_two.spec.needs)
        values = dataset.features.astype("f8")
        expected = [np.linalg.norm(values[a].mean(0) - values[b].mean(0)) for a, b in halves(dataset, view, 0)]
        assert measure.spec.two_sample
        assert len(expected) == HALVINGS
        assert matrix.floor[dataset.name] == pytest.approx(np.mean(expected), rel=1e-9)
    assert matrix.floor_notes == {}


def test_every_half_holds_half_of_the_images_and_no_image_twice(line):
    (dataset,) = line([0], n=9)
    for one, other in halves(dataset, "fingerprint", 0):
        assert sorted((len(one), len(other))) == [4, 5]
        assert sorted([*one, *other]) == list(range(9))
    first = [one.tolist() for one, _ in halves(dataset, "fingerprint", 0)]
    assert first == [one.tolist() for one, _ in halves(dataset, "fingerprint", 0)]
    assert first != [one.tolist() for one, _ in halves(dataset, "fingerprint", 1)]


def test_halves_are_of_whole_groups(line):
    (dataset,) = line([0], n=8, groups=list("ppqqqrss"))
    groups = np.array(dataset.groups)
    for one, other in halves(dataset, "fingerprint", 0):
        assert not set(groups[one]) & set(groups[other])
        assert abs(len(one) - len(other)) <= 2


def test_a_split_never_leaves_a_part_empty():
    rng = np.random.default_rng(0)
    units = [np.array([0]), np.arange(1, 10)]
    for share in (0, 5, 10):
        assert {len(part) for part in random_split(units, share, rng)} == {1, 9}


def test_one_group_is_split_by_image(line):
    (dataset,) = line([0], n=4, groups=["p"] * 4)
    assert len(units_of(dataset)) == 4


def test_a_floor_depends_on_its_dataset_alone(gap_of_two, line, tmp_path):
    datasets = line([0, 1, 5])
    together = compare(datasets, measure=gap_of_two(), runtime=Runtime(cache=tmp_path / "a"))
    apart = compare(datasets[:0:-1], measure=gap_of_two(), jobs=2, runtime=Runtime(cache=tmp_path / "b"))
    assert together.floor["at5"] == apart.floor["at5"]


def test_the_second_run_halves_nothing(gap_of_two, line):
    compare(line([0, 1]), measure=gap_of_two())
    again = gap_of_two()
    assert compare(line([0, 1]), measure=again).floor["at0"] > 0
    assert again.log == []


def test_too_few_images_are_nan_with_the_reason(gap_of_two, line):
    tiny = from_arrays(features=np.arange(6.0).reshape(3, 2), name="tiny")
    matrix = compare([*line([0]), tiny], measure=gap_of_two())
    assert math.isnan(matrix.floor["tiny"])
    assert matrix.floor_notes == {"tiny": "3 images make no two halves of two"}


def test_halves_that_are_too_small_for_the_measure_are_nan_with_the_reason(gap_of_two, line):
    class Demanding(gap_of_two):
        spec = replace(gap_of_two.spec, min_samples=8)

    matrix = compare([*line([0]), line([4], n=14)[0]], measure=Demanding())
    assert matrix.floor_notes == {"at4": "a half of 'at4' has 7 images, and gap needs 8"}


def test_a_dataset_that_failed_has_no_floor_and_its_reason(gap_of_two, line):
    broken = from_arrays(features=np.full((5, 2), 7.0), name="broken")
    matrix = compare([*line([0]), broken], measure=gap_of_two())
    assert matrix.floor_notes == {"broken": "all features are constant"}


@pytest.mark.parametrize(
    ("outcome", "expected"),
    [
        (np.nan, "5 of 5 pairs of halves have no value"),
        (MeasureError("halves differ"), "halves differ"),
        (ValueError("boom"), "it raised ValueError: boom"),
    ],
)
def test_halves_without_a_value_are_nan_with_a_reason(gap_of_two, line, outcome, expected):
    class Wrong(gap_of_two):
        def compare_splits(self, whole, splits):
            if isinstance(outcome, Exception):
                raise outcome
            return np.full(len(splits), outcome)

    matrix = compare(line([0, 1]), measure=Wrong())
    assert math.isnan(matrix.floor["at0"])
    assert matrix.floor_notes["at0"].startswith(expected), "and the line, where a line failed"
    assert not matrix.failed
    assert matrix.verdicts["at0"].within_floor is None


def test_a_source_no_farther_than_two_halves_is_said_so(gap_of_two, line):
    sample = np.random.default_rng(1).normal(size=(40, 2))
    near, target = (from_arrays(features=part, name=name) for part, name in ((sample[::2], "near"), (sample, "all")))
    matrix = compare([near, *line([5])], [target], measure=gap_of_two())
    assert matrix.verdicts["all"].within_floor is True
    assert matrix.verdicts["all"].reason.endswith("; no farther than two halves of the target")
    far = compare(line([3, 5]), [target], measure=gap_of_two())
    assert far.verdicts["all"].within_floor is False
    assert "halves" not in far.verdicts["all"].reason


def test_a_measure_that_is_not_of_two_samples_has_no_floor(gap, line):
    assert compare(line([0, 1]), measure=gap).floor is None


def test_no_floor_where_none_was_asked_for(gap_of_two, line):
    assert compare(line([0, 1]), measure=gap_of_two(), floor=False).floor is None


def test_floors_survive_the_file(gap_of_two, line):
    from dsim.measures import SimilarityMatrix

    tiny = from_arrays(features=np.arange(6.0).reshape(3, 2), name="tiny")
    matrix = compare([*line([0]), tiny], measure=gap_of_two(), test=19)
    again = SimilarityMatrix.from_json(matrix.to_json())
    assert again.to_dict() == matrix.to_dict()
    assert again.floor["at0"] == matrix.floor["at0"]
    assert math.isnan(again.floor["tiny"])
    np.testing.assert_array_equal(again.p_values, matrix.p_values)


def test_a_file_of_before_has_no_floor_and_no_test(gap_of_two, line):
    from dsim.measures import SimilarityMatrix

    document = compare(line([0, 1]), measure=gap_of_two(), test=19).to_dict()
    for name in ("floor", "floor_notes", "p_values", "p_adjusted", "p_notes", "permutations"):
        del document[name]
    for ranking in document["rankings"]:
        del ranking["within_floor"]
    old = SimilarityMatrix.from_dict(document)
    assert (old.floor, old.p_values, old.permutations) == (None, None, 0)
    assert old.verdicts["at0"].within_floor is None


def test_remarks_are_told_of_their_dataset_and_kept(gap_class, line):
    class Remarks(gap_class):
        def remark(self, summary):
            self.log.append("remark")
            return "far from home" if summary.values.mean() > 1 else ""

    broken = from_arrays(features=np.full((5, 2), 7.0), name="broken")
    measures = Remarks(), Remarks()
    for measure in measures:
        datasets = compare([*line([0, 5]), broken], measure=measure).provenance["datasets"]
        assert {name: described["remarks"] for name, described in datasets.items()} == {
            "at0": [],
            "at5": ["far from home"],
            "broken": [],
        }
    assert measures[0].log.count("remark") == 2
    assert "remark" not in measures[1].log


def test_what_is_said_of_a_pair_stands_beside_its_value(gap_class, line):
    class Remarks(gap_class):
        def pair_remark(self, source, target):
            return "far" if abs(source.values.mean() - target.values.mean()) > 1 else ""

    for _ in range(2):  # computed, then looked up
        matrix = compare(line([0, 1, 5]), measure=Remarks())
        assert matrix.notes[0] == ("", "", "far")
        assert matrix.failed == []
    assert compare(line([0, 5]), measure=Remarks(), bootstrap=20).notes[0][1] == "far"
