"""benchmarks/several_sources.py: which sets are trained, what their distances are, and what pooling gained."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType, SimpleNamespace
from typing import Any

import numpy as np
import pytest

from dsim.data import Dataset
from dsim.data.phantoms import open_phantom
from dsim.transfer.segmentation import SegmentationRecipe
from dsim.truth import TransferMatrix

POOL = ("a", "b", "c", "d")
NAN = float("nan")
#: Targets t and u, and b itself.
DISTANCES = np.array([[1.0, 4.0, 2.0], [2.0, 3.0, NAN], [3.0, 1.0, 1.0], [4.0, 2.0, 3.0]])


@pytest.fixture(scope="module")
def several(program: Callable[[str], ModuleType]) -> ModuleType:
    return program("several_sources")


@pytest.fixture
def study(several: ModuleType) -> Any:
    """One pair and its members, on targets t and u, and on b, which is in the pair."""
    sets = (("a",), ("b",), ("a", "b"), ("a", "c", "d"), ("c",), ("d",))
    names = tuple("+".join(members) for members in sets)
    dice = np.array([[50, 20, 10], [40, 30, 90], [60, 25, 80], [55, 10, 20], [5, 12, 6], [1, 2, 3]], dtype=float)
    excluded = np.array([["b" in members and target == "b" for target in ("t", "u", "b")] for members in sets])
    rules = {**several.of_members(DISTANCES, POOL, sets), "union": np.full(dice.shape, 2.5)}
    rules["union"][2, 0] = 0.5
    truth = TransferMatrix(
        name="pooled", score="DSC", unit="%", sources=names, targets=("t", "u", "b"), values=dice[..., None],
        bounds=(0, 100), repetition="", reasons={},
    )  # fmt: skip
    rules = {name: np.where(excluded, NAN, values) for name, values in rules.items()}
    return several.Study(POOL, sets, excluded, DISTANCES, rules, truth)


def test_each_targets_nearest_sources_are_pooled_and_every_member_is_trained_alone(several: ModuleType) -> None:
    sets = several.choose_sets(DISTANCES, POOL, random=0, seed=0)
    assert sets == (
        ("a",), ("b",), ("c",), ("d",), ("a", "b"), ("a", "c"), ("c", "d"), ("a", "b", "c"), ("a", "c", "d"),
        ("b", "c", "d"),
    )  # fmt: skip


def test_random_sets_are_new_and_the_same_for_a_seed(several: ModuleType) -> None:
    plain = set(several.choose_sets(DISTANCES, POOL, random=0, seed=0))
    more = set(several.choose_sets(DISTANCES, POOL, random=2, seed=3))
    added = sorted(map(len, more - plain))
    assert added == [2, 2, 3]  # of triples only one was left
    assert more == set(several.choose_sets(DISTANCES, POOL, random=2, seed=3))


def test_a_set_is_as_far_as_its_members_on_average_or_as_the_nearest(several: ModuleType) -> None:
    found = several.of_members(DISTANCES, POOL, [("a",), ("a", "c", "d")])
    np.testing.assert_allclose(found["mean"], np.array([[1, 4, 2], [8 / 3, 7 / 3, 2]]))
    np.testing.assert_allclose(found["nearest"], [[1, 4, 2], [1, 1, 1]])


def test_the_gain_is_over_the_nearest_member_and_over_the_best(several: ModuleType, study: Any) -> None:
    rows = {("+".join(row["set"]), row["target"]): row for row in several.gains(study)}
    assert set(rows) == {("a+b", "t"), ("a+b", "u"), *(("a+c+d", target) for target in ("t", "u", "b"))}
    assert (rows["a+b", "t"]["gain"], rows["a+b", "t"]["over_best"], rows["a+b", "t"]["nearer"]) == (10, 10, True)
    # b is nearer to u than a, and better.
    assert (rows["a+b", "u"]["gain"], rows["a+b", "u"]["over_best"], rows["a+b", "u"]["nearer"]) == (-5, -5, True)
    # c is the nearest to b, and a the best.
    assert (rows["a+c+d", "b"]["gain"], rows["a+c+d", "b"]["over_best"], rows["a+c+d", "b"]["nearer"]) == (
        14,
        10,
        False,
    )


def test_a_set_that_holds_the_target_is_never_chosen_nor_judged(several: ModuleType, study: Any) -> None:
    assert np.nanmax(study.scores[:, 2]) == 20
    found = several.evaluate(several.matrix_of(study, "mean"), study.truth)
    assert not found.candidates[1, 2]
    assert not found.candidates[2, 2]
    assert found.candidates.sum() == found.candidates.size - 2


def test_members_share_a_set_of_fixed_size_and_no_group_spans_two(several: ModuleType) -> None:
    sources = [open_phantom(name, count=n, size=32) for name, n in (("fluorescence", 8), ("fundus", 6), ("xray", 2))]
    members = tuple(source.name for source in sources)
    setup = SimpleNamespace(sources=sources, images=11, seed=0, recipe=SegmentationRecipe())
    pooled: Dataset = several.union(setup, members)
    assert [sum(name.startswith(f"{member}/") for name in pooled.ids) for member in members] == [4, 4, 2]
    assert pooled.groups is not None
    assert all(group.split("/")[0] == name.split("/")[0] for group, name in zip(pooled.groups, pooled.ids, strict=True))
    assert len(several.union(SimpleNamespace(sources=sources, images=0, recipe=SegmentationRecipe()), members)) == 16
