"""The rule of choice: the target is taken from the pool first, members vote, ties are told, keys tell rules apart."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import pytest

import dsim
from dsim.errors import DataError, UsageError
from dsim.measures import SimilarityMatrix, Verdict
from dsim.recommend.procedure import Procedure, carry_out, choose
from dsim.registry import Direction
from dsim.runtime import Runtime

ENSEMBLE = "ensemble:of=energy+frechet+wasserstein"


def cloud(name: str, centre: float, seed: int = 0) -> dsim.Dataset:
    """Twelve points in the plane around (centre, 0)."""
    points = np.random.default_rng([seed, *name.encode()]).normal((centre, 0), 0.1, (12, 2))
    return dsim.from_arrays(features=points, name=name)


def ranked(values: Mapping[str, float]) -> SimilarityMatrix:
    """A matrix of one target ``t`` and one distance per source."""
    known = sorted((value, source) for source, value in values.items() if not np.isnan(value))
    tied = len(known) > 1 and known[0][0] == known[1][0]
    best = known[0][1] if known else None
    verdict = Verdict("t", best, None, False if tied else None, np.nan, np.nan, "equally near" if tied else "nearest")
    return SimilarityMatrix(
        measure="m@1",
        direction=Direction.DISTANCE,
        unit="",
        sources=tuple(values),
        targets=("t",),
        values=np.array([[value] for value in values.values()]),
        notes=tuple(("" if value == value else "broken",) for value in values.values()),
        same=np.zeros((len(values), 1), dtype=bool),
        verdicts={"t": verdict},
        provenance={},
    )


def votes_of(firsts: Sequence[str]) -> list[SimilarityMatrix]:
    return [ranked({"a": 2.0, "b": 2.0, "c": 2.0, first: 1.0}) for first in firsts]


def test_the_winner_is_clear_where_all_members_put_it_first() -> None:
    found = choose(ranked({"a": 1.0, "b": 2.0, "c": 3.0}), votes_of("aaa"), "t")
    assert (found.best, found.clear, found.voters) == ("a", True, 3)
    assert found.reason == "a is nearest: all 3 members put it first"
    assert [(entry.source, entry.votes) for entry in found.candidates] == [("a", 3), ("b", 0), ("c", 0)]


def test_the_winner_is_not_clear_where_a_member_dissents_or_cannot_tell() -> None:
    members = [*votes_of("bab"), ranked({"a": 1.0, "b": 1.0, "c": 2.0})]
    found = choose(ranked({"a": 1.0, "b": 1.5, "c": 3.0}), members, "t")
    assert (found.best, found.clear) == ("a", False)
    assert found.reason == "no clear winner: of 4 members 2 put b first, 1 a, 1 are undecided"
    assert sum(entry.votes or 0 for entry in found.candidates) == 3


def test_a_tie_of_the_ensemble_is_no_clear_winner_whatever_the_members_say() -> None:
    found = choose(ranked({"a": 1.0, "b": 1.0}), votes_of("aa"), "t")
    assert (found.best, found.clear, found.reason) == ("a", False, "equally near")


def test_a_single_measure_keeps_its_own_verdict_and_has_no_votes() -> None:
    found = choose(ranked({"a": 1.0, "b": np.nan}), [], "t")
    assert (found.best, found.clear, found.voters) == ("a", None, 0)
    assert [(entry.source, entry.votes, entry.note) for entry in found.candidates] == [
        ("a", None, ""),
        ("b", None, "broken"),
    ]


def test_nothing_is_recommended_where_nothing_could_be_compared() -> None:
    found = choose(ranked({"a": np.nan, "b": np.nan}), votes_of("aa"), "t")
    assert (found.best, found.clear) == (None, None)


def test_every_target_is_taken_from_the_pool_and_chosen_for_among_the_others() -> None:
    pool = [cloud("a", 0), cloud("b", 1), cloud("c", 5), cloud("d", 7)]
    found = carry_out(Procedure.of(ENSEMBLE, Runtime()), pool, pool, runtime=Runtime())
    assert [choice.best for choice in found.choices] == ["b", "a", "d", "c"]
    assert [matrix.sources for matrix in found.matrices] == [
        ("b", "c", "d"),
        ("a", "c", "d"),
        ("a", "b", "d"),
        tuple("abc"),
    ]
    assert all(entry.source != choice.target for choice in found.choices for entry in choice.candidates)


def test_the_target_is_known_by_its_images_not_by_its_name() -> None:
    pool = [cloud("a", 0), cloud("b", 1), cloud("c", 5)]
    (matrix,) = carry_out(
        Procedure.of("energy", Runtime()), pool, [pool[0].renamed("mine")], runtime=Runtime()
    ).matrices
    assert (matrix.sources, matrix.targets) == (("b", "c"), ("mine",))


@pytest.mark.parametrize(
    ("pool", "error", "text"),
    [
        ("tb", UsageError, "'b' is the only source besides 't' itself"),
        ("a", UsageError, "'a' is the only source: there is nothing to choose"),
        ("aab", UsageError, "two sources are named 'a'"),
        ("", UsageError, "no source is left"),
    ],
)
def test_a_pool_without_a_choice_is_refused(pool: str, error: type[Exception], text: str) -> None:
    places = {"a": 0.0, "b": 1.0, "t": 2.0}
    sources = [cloud(name, places[name]) for name in pool]
    with pytest.raises(error, match=text):
        carry_out(Procedure.of("energy", Runtime()), sources, [cloud("t", 2)], runtime=Runtime())


def test_a_source_with_the_targets_name_and_other_images_is_refused() -> None:
    pool = [cloud("t", 0, seed=1), cloud("a", 1), cloud("b", 2)]
    with pytest.raises(DataError, match="both named 't', and their images differ"):
        carry_out(Procedure.of("energy", Runtime()), pool, [cloud("t", 0)], runtime=Runtime())


def test_procedures_of_one_key_have_the_same_measures_and_parameters() -> None:
    def key(call: str) -> str:
        return Procedure.of(call, Runtime()).key

    assert key("cc:size=32") == key("cc:size=32")
    calls = [
        "cc",
        "cc:size=32",
        "nmi",
        "ensemble:of=cc+nmi",
        "ensemble:of=cc+nmi[size=32]",
        "ensemble:of=cc+nmi,how=standard",
    ]
    assert len({key(call) for call in calls}) == len(calls)
    assert Procedure.of("ensemble:of=cc+nmi", Runtime()).members == ("cc", "nmi")


def test_the_key_changes_with_the_rule(monkeypatch: pytest.MonkeyPatch) -> None:
    before = Procedure.of("cc", Runtime()).key
    monkeypatch.setattr("dsim.recommend.procedure.RULE", 999)
    assert Procedure.of("cc", Runtime()).key != before
