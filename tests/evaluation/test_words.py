"""How choices fared, in words: nothing is said that is not known."""

from __future__ import annotations

import math
import re

from dsim.evaluation import choices_in_words
from dsim.evaluation.words import lost_in_words, share_in_words


def test_a_regret_of_nothing_or_of_no_chance_is_no_share() -> None:
    assert lost_in_words(float("nan"), 10.0) == ""
    assert lost_in_words(1.0, 0.0) == ""


def test_what_is_not_known_is_not_said() -> None:
    assert "chance" not in choices_in_words(0.5, 3.0, math.nan)
    assert "unknown" in choices_in_words(math.nan, 3.0, 10.0)


def promised(words: str) -> float:
    """The share that a reader understands."""
    counts = [int(number) for number in re.findall(r"\d+", words)]
    return counts[0] / counts[1] if counts else {"no": 0.0, "nearly": 0.95, "all": 1.0}[words.split()[0]]


def test_a_larger_share_never_sounds_smaller_and_words_stay_close_to_it() -> None:
    shares = [k / 1000 for k in range(1001)]
    heard = [promised(share_in_words(share)) for share in shares]
    assert heard == sorted(heard)
    assert max(abs(one - share) for one, share in zip(heard, shares, strict=True)) <= 0.0501


def test_all_none_and_nothing_are_said_of_exactly_these() -> None:
    assert share_in_words(0.97) != share_in_words(1.0)
    assert share_in_words(0.001) != share_in_words(0.0)
    assert lost_in_words(0.02, 1.0) != lost_in_words(0.0, 1.0)
