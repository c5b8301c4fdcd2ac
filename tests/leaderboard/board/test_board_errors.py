"""The errors of leaderboards that no other test holds, word for word: the thing, the cause, the fix."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import numpy as np
import pytest

from dsim.data.phantoms import open_phantom
from dsim.errors import DataError, DsimError
from dsim.leaderboard import Limits, add
from dsim.leaderboard.candidates import _row
from dsim.leaderboard.runner import _check_settings
from dsim.testing import check_measure
from dsim.truth import TruthDataset, open_located, refuse_others

WORDING: dict[str, tuple[Callable[[], object], str]] = {
    "no process": (lambda: Limits(jobs=-1), "-1 processes do no work\n  fix: give 1 or more, or 0 for one per core"),
    "no time": (lambda: Limits(timeout=0), "in 0 s nothing can be run\n  fix: give a number of seconds"),
    "a place outside": (
        lambda: open_located("relief", "../secret", None, "mine"),
        "'relief' of mine lies at '../secret', outside the data folder\n  fix: name a path below the data folder",
    ),
    "a version that is no number": (
        lambda: _row("odd@1.5", "odd"),
        "measure 'odd@1.5' is refused: its version is not a whole number from 1 on, so nobody could know which numbers "
        "are its own\n  fix: have its author give spec.version",
    ),
    "unknown self pairs": (
        lambda: _check_settings({"self_pairs": "exclud"}, None),  # type: ignore[arg-type]
        "no treatment of self pairs named 'exclud'. Did you mean 'exclude'?\n  fix: choose one of: exclude, include",
    ),
    "unknown check": (
        lambda: check_measure("cc", expected_failures={"duplicatoin": "it is unbiased"}),
        "no check named 'duplicatoin'. Did you mean 'duplication'?\n  fix: the checks are: ",
    ),
}


@pytest.mark.parametrize(("act", "message"), WORDING.values(), ids=WORDING)
def test_wording_of_boards(act: Callable[[], object], message: str) -> None:
    with pytest.raises(DsimError) as caught:
        act()
    assert message in str(caught.value)


def test_wording_of_images_that_are_not_those_of_the_truth() -> None:
    phantom = open_phantom("relief", count=2, size=32)
    with pytest.raises(DataError) as caught:
        refuse_others("tiny", {"relief": phantom}, {"relief": TruthDataset(2, "", "0" * 64)})
    assert str(caught.value) == (
        f"1 of 1 datasets are not the images that tiny was measured on: relief ({phantom.location})\n"
        "  fix: get the images that its card names, with the same file names; nothing else can be judged by it"
    )


def test_wording_of_a_score_that_is_claimed(board, stranger, make_row) -> None:
    row = make_row("theirs@1", -np.nan_to_num(board.truth.mean, nan=50.0))
    claimed = make_row("theirs@1", np.nan_to_num(board.truth.mean, nan=50.0)).evaluation
    with pytest.raises(DataError, match=r"is claimed to be .*; its distances give .*\n  fix: "):
        add(board, stranger(replace(row, evaluation=claimed)), "theirs.json")


def test_wording_of_a_row_that_cannot_be_judged(board, stranger, make_row, monkeypatch) -> None:
    document = stranger(make_row("theirs@1", -np.nan_to_num(board.truth.mean, nan=50.0)))

    def refuse(*args: object, **settings: object) -> None:
        raise DataError("fewer than 3 sources", hint="give more")

    monkeypatch.setattr("dsim.evaluation.evaluate", refuse)
    with pytest.raises(DataError) as caught:
        add(board, document, "theirs.json")
    assert str(caught.value) == (
        "theirs.json, row 'theirs@1': it cannot be judged: fewer than 3 sources\n  fix: give more"
    )
