"""Names of files: the images' own wherever every disk can hold them and tell them apart."""

from __future__ import annotations

import pytest

from dsim.prelabel.names import file_names


def test_ordinary_ids_are_names() -> None:
    ids = ["a", "b/a", "b/c.1", "stack#003", "Zelle ä", "x-2"]
    assert list(file_names(ids)) == ids


@pytest.mark.parametrize(
    ("id", "name"),
    [
        ("../up", "_/up"),
        ("/etc/x", "etc/x"),
        ("a//b", "a/b"),
        ("a:b?c", "a_b_c"),
        ("con", "_con"),
        ("d/NUL.x", "d/_NUL.x"),
        (".hidden", "_hidden"),
        ("end. ", "end"),
        ("", "_"),
        ("a\nb", "a_b"),
    ],
)
def test_ids_that_cannot_be_names_become_some(id: str, name: str) -> None:
    assert file_names([id]) == (name,)


def test_names_that_clash_on_some_disks_get_numbers() -> None:
    assert file_names(["A", "a", "Ab", "aB", "AB"]) == ("A", "a-2", "Ab", "aB-2", "AB-3")


def test_an_accent_written_in_two_ways_is_one_name() -> None:
    assert file_names(["\u00e4", "a\u0308"]) == ("\u00e4", "a\u0308-2")


def test_a_made_up_name_takes_no_sample_s_own() -> None:
    assert file_names(["A", "a", "a-2"]) == ("A", "a-3", "a-2")
