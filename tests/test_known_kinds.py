"""The record of known kinds: kin and foreign pairs, bounds from them, and errors counted without the kind judged."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from dsim.measures import Likeness

NAMES = ("a1", "a2", "b1", "b2", "c1", "c2")
KINDS = ("a", "a", "b", "b", "c", "c")


@pytest.fixture
def kinds(program: Callable[[str], ModuleType]) -> ModuleType:
    """benchmarks/known_kinds.py."""
    return program("known_kinds")


def table(kinds: ModuleType, within: dict[str, float], across: float = 9.0) -> Any:
    """Six sets of three kinds at these distances; a set against itself is never asked for."""
    values = np.full((6, 6), across)
    for i, one in enumerate(KINDS):
        for j, other in enumerate(KINDS):
            if one == other:
                values[i, j] = within[one]
    np.fill_diagonal(values, np.nan)
    return kinds.Table(NAMES, KINDS, values)


def test_kin_are_pairs_of_two_sets_of_one_kind_and_foreign_the_nearest_of_another(kinds: ModuleType) -> None:
    found = table(kinds, {"a": 1.0, "b": 2.0, "c": 3.0})
    assert len(found.kin()) == 6
    assert {(source, target) for _, source, target in found.kin("a")} == {
        ("b1", "b2"),
        ("b2", "b1"),
        ("c1", "c2"),
        ("c2", "c1"),
    }
    assert [distance for distance, _, _ in found.foreign()] == [9.0] * 6


def test_none_lies_beyond_the_farthest_kin_and_a_left_out_kind_has_no_say(kinds: ModuleType) -> None:
    found = table(kinds, {"a": 1.0, "b": 2.0, "c": 3.0})
    assert kinds.bounds(found).none == 3.0
    assert kinds.bounds(found, "c").none == 2.0
    assert kinds.separation(found) == 1.0


def test_errors_are_those_of_bounds_that_do_not_know_the_kind(kinds: ModuleType) -> None:
    """Kin of c lie farther than those of a and b: called none, although the record as a whole would not say so."""
    found = kinds.errors({"only": table(kinds, {"a": 1.0, "b": 2.0, "c": 30.0})})
    assert found["kin"] == {"verdicts": 6, "resembles": 4, "uncertain": 0, "none": 2}


def test_the_measure_is_chosen_without_the_kind_that_is_judged(kinds: ModuleType) -> None:
    """The second measure is the better one only thanks to c: where c is judged, the first is used."""
    good = table(kinds, {"a": 1.0, "b": 2.0, "c": 30.0})
    lucky = table(kinds, {"a": 1.0, "b": 12.0, "c": 1.0})
    chosen = kinds.errors({"good": good, "lucky": lucky})["chosen"]
    assert chosen["c"] == "good"
    assert chosen["b"] == "lucky"


def test_a_set_that_is_too_small_is_in_no_pair(kinds: ModuleType) -> None:
    found = table(kinds, {"a": 1.0, "b": 2.0, "c": 3.0})
    found.distances[0, :] = found.distances[:, 0] = np.nan
    assert all("a1" not in pair for pair in found.kin() + found.foreign())


@pytest.mark.parametrize("word", [Likeness.RESEMBLES, Likeness.UNCERTAIN, Likeness.NONE])
def test_verdicts_are_counted_by_word(kinds: ModuleType, word: Likeness) -> None:
    assert kinds.count([word, word])[str(word)] == 2
