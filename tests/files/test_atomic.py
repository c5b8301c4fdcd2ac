"""Whole files or nothing."""

from __future__ import annotations

import pytest

from dsim.errors import DsimError
from dsim.files import replacing, write_text


def test_an_exception_leaves_neither_a_partial_nor_a_temporary_file(tmp_path):
    def interrupted() -> None:
        with replacing(tmp_path / "a.txt") as path:
            path.write_text("half")
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        interrupted()
    assert list(tmp_path.iterdir()) == []


def test_folders_are_made_and_permissions_are_ordinary(tmp_path):
    path = tmp_path / "deep" / "er" / "a.txt"
    write_text(path, "whole")
    ordinary = tmp_path / "ordinary"
    ordinary.write_text("")
    assert path.read_text() == "whole"
    assert path.stat().st_mode == ordinary.stat().st_mode


def test_an_unwritable_place_is_named(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(DsimError, match="cannot write"):
        write_text(tmp_path / "file" / "below.txt", "x")
