"""Promises: a note that many steps of a run give is printed once, and nothing in it is obeyed by the terminal."""

from __future__ import annotations

import pytest

from dsim.ui import Notes, RichProgress


@pytest.mark.parametrize("kind", [Notes, RichProgress])
def test_a_note_is_printed_once(kind, capsys):
    progress = kind()
    for text in ("the disk is full", "the disk is full", "another", "the disk is full"):
        progress.note(text)
    printed = capsys.readouterr().err
    assert (printed.count("the disk is full"), printed.count("another")) == (1, 1)


@pytest.mark.parametrize("kind", [Notes, RichProgress])
def test_control_characters_of_names_do_not_reach_the_terminal(kind, capsys):
    kind().note("no masks in a\x1b[2Jb")
    printed = capsys.readouterr().err
    assert "\x1b" not in printed
    assert "a\\x1b[2Jb" in printed
