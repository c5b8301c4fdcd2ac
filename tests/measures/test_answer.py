"""The answer in one sentence: it names the source, the target, how sure it is; and advises nothing where none fits."""

from __future__ import annotations

import math
from dataclasses import replace

import pytest

from dsim.measures import Bounds, Likeness, Resemblance, Verdict, answer, instead

CLEAR = Verdict("mine", "near", "far", True, 0.1, 0.2, "near is nearest")


def like(likeness: Likeness, other: str = "") -> Verdict:
    return replace(CLEAR, resemblance=Resemblance(likeness, "kld-tf@1", 3.0, 15, Bounds(1, 2), instead=other))


@pytest.mark.parametrize(
    ("verdict", "words"),
    [
        (CLEAR, ("near", "mine", "clearly", "3 sources")),
        (replace(CLEAR, clear=False, low=-0.1), ("near", "mine", "far cannot be told apart")),
        (replace(CLEAR, clear=None, low=math.nan, high=math.nan), ("near", "mine", "not assessed")),
        (replace(CLEAR, second=None, clear=None), ("near", "mine", "only source")),
        (like(Likeness.RESEMBLES), ("near", "mine", "resembles the target")),
        (like(Likeness.UNCERTAIN), ("near", "mine", "uncertain")),
        (like(Likeness.UNCERTAIN, "far"), ("Take far", "near", "does not resemble")),
    ],
)
def test_it_names_source_and_target_and_says_how_sure_it_is(verdict: Verdict, words: tuple[str, ...]) -> None:
    said = answer(verdict, 3)
    assert said.count(".") == 1
    assert all(word in said for word in words)


def test_where_no_source_resembles_the_target_nothing_is_to_be_taken() -> None:
    said = answer(like(Likeness.NONE), 3)
    assert said.startswith("None of these 3 sources resembles mine")
    assert "Take" not in said
    assert "near" in said


def test_a_source_without_a_value_is_no_answer() -> None:
    assert "No source" in answer(Verdict("mine", None, None, None, math.nan, math.nan, ""), 0)


def test_what_to_do_instead_is_told_only_where_none_resembles_the_target() -> None:
    assert not instead(like(Likeness.UNCERTAIN))
    ways = instead(like(Likeness.NONE))
    assert any("annotate" in way for way in ways)
    assert any("sources" in way for way in ways)
    assert any("pre-train on near" in way for way in ways)
