"""Matrix and truth are brought together by name, and nothing is dropped without saying so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from dsim.errors import DataError
from dsim.evaluation.alignment import align
from dsim.registry import Direction

NAN = np.nan


def aligned(matrix, truth, common=False, exclude_self=True):
    return align(matrix, truth, common=common, exclude_self=exclude_self)


@pytest.fixture
def pair(make_matrix, make_truth):
    values = np.arange(12.0).reshape(4, 3)
    return make_matrix(values), make_truth(50 + values)


def test_rows_and_columns_follow_the_truth_by_name(pair):
    matrix, truth = pair
    turned = replace(
        matrix, sources=matrix.sources[::-1], targets=matrix.targets[::-1], values=matrix.values[::-1, ::-1]
    )
    found = aligned(turned, truth)
    assert (found.sources, found.targets) == (truth.sources, truth.targets)
    np.testing.assert_array_equal(found.distances, matrix.values)
    np.testing.assert_array_equal(found.scores, truth.mean)
    assert found.left_out == {}
    assert found.unknown == ()
    assert found.counted.all()


def test_a_similarity_becomes_a_distance_by_its_sign_alone(pair):
    matrix, truth = pair
    found = aligned(replace(matrix, direction=Direction.SIMILARITY), truth)
    np.testing.assert_array_equal(found.distances, -matrix.values)


def test_names_of_one_side_are_refused_and_all_listed(pair):
    matrix, truth = pair
    named = replace(matrix, sources=("s0", "s1", "s2", "x"), targets=("t0", "y", "z"))
    with pytest.raises(DataError) as caught:
        aligned(named, truth)
    message = str(caught.value)
    for part in (
        "truth by-hand",
        "sources only in the matrix: x",
        "sources only in the truth: s3",
        "targets only in the matrix: y, z",
        "targets only in the truth: t1, t2",
        "--common",
    ):
        assert part in message


def test_common_takes_what_both_have_and_says_what_it_left(pair):
    matrix, truth = pair
    found = aligned(replace(matrix, sources=("x", "s1", "s2", "s3"), targets=("t0", "t1", "y")), truth, common=True)
    assert found.sources == ("s1", "s2", "s3")
    assert found.targets == ("t0", "t1")
    np.testing.assert_array_equal(found.distances, matrix.values[1:, :2])
    np.testing.assert_array_equal(found.scores, truth.mean[1:, :2])
    assert found.left_out == {
        "sources only in the matrix": ("x",),
        "sources only in the truth": ("s0",),
        "targets only in the matrix": ("y",),
        "targets only in the truth": ("t2",),
    }


def test_fewer_than_three_sources_are_refused(pair):
    matrix, truth = pair
    with pytest.raises(DataError, match=r"needs 3 sources or more.*only s0, s1"):
        aligned(replace(matrix, sources=("s0", "s1", "x", "y")), truth, common=True)
    with pytest.raises(DataError, match="both have none in common"):
        aligned(replace(matrix, sources=("w", "v", "x", "y")), truth, common=True)


def test_no_target_in_common_is_refused(pair):
    matrix, truth = pair
    with pytest.raises(DataError, match="no target in common"):
        aligned(replace(matrix, targets=("x", "y", "z")), truth, common=True)


def test_a_name_that_the_matrix_has_twice_is_refused(pair):
    matrix, truth = pair
    with pytest.raises(DataError, match="sources twice: s0"):
        aligned(replace(matrix, sources=("s0", "s0", "s2", "s3")), truth)


def test_what_is_missing_is_named_with_side_and_reason(make_matrix, make_truth):
    distances = np.array([[NAN, 1], [2, 3], [np.inf, 4], [5, NAN]])
    scores = np.array([[50, 51], [52, NAN], [54, 55], [56, NAN]])
    found = aligned(make_matrix(distances), make_truth(scores))
    assert found.unknown == (
        ("s0", "t0", "distance", "it broke"),
        ("s2", "t0", "distance", "the value is infinite"),
        ("s3", "t1", "distance", "it broke"),
        ("s1", "t1", "truth", "not trained"),
        ("s3", "t1", "truth", "not trained"),
    )
    assert found.counted.tolist() == [[False, True], [True, False], [False, True], [True, False]]
    assert found.candidates.tolist() == [[True, True], [True, False], [True, True], [True, False]]


def test_a_missing_distance_without_a_reason_says_that_there_is_none(make_matrix, make_truth):
    matrix = make_matrix([[NAN, 1], [2, 3], [3, 4]])
    bare = replace(matrix, notes=(("", ""),) * 3)
    assert aligned(bare, make_truth(np.eye(3, 2))).unknown == (("s0", "t0", "distance", "no reason given"),)


def test_self_pairs_are_those_of_one_dataset_or_of_one_name(make_matrix, make_truth):
    same = np.zeros((4, 3), dtype=bool)
    same[1, 2] = True
    names = {"targets": ("s0", "t1", "t2")}
    values = np.arange(12.0).reshape(4, 3)
    values[0, 0] = NAN
    matrix, truth = make_matrix(values, same=same, **names), make_truth(50 + np.arange(12.0).reshape(4, 3), **names)
    found = aligned(matrix, truth)
    assert np.argwhere(found.excluded).tolist() == [[0, 0], [1, 2]]
    assert not found.counted[found.excluded].any()
    assert not found.candidates[found.excluded].any()
    assert np.isnan(found.judged[found.excluded]).all()
    assert not np.isnan(found.scores).any()
    assert found.unknown == ()
    included = aligned(matrix, truth, exclude_self=False)
    assert not included.excluded.any()
    assert included.candidates.all()
    assert included.unknown == (("s0", "s0", "distance", "it broke"),)
