"""``name:param=value,...`` and ``head[key=value,...]``: read, written, and refused."""

from __future__ import annotations

import pytest

from dsim.errors import UsageError
from dsim.registry import (
    format_bracketed,
    format_call,
    parse_bracketed,
    parse_call,
    parse_options,
    split_outside_brackets,
)


@pytest.mark.parametrize(
    ("text", "name", "options"),
    [
        ("cc", "cc", {}),
        ("cc:", "cc", {}),
        ("  cc : size=32 ", "cc", {"size": "32"}),
        ("cc: ", "cc", {}),
        ("cc:size=32,shift=true", "cc", {"size": "32", "shift": "true"}),
        ("cc: size = 32 , shift = true", "cc", {"size": "32", "shift": "true"}),
        ("m:path=a=b", "m", {"path": "a=b"}),
        ("m:empty=", "m", {"empty": ""}),
        (
            "m:model=timm:resnet18[init=random:0,layer=2],k=1",
            "m",
            {"model": "timm:resnet18[init=random:0,layer=2]", "k": "1"},
        ),
        ("m:model=a[b=c[d=e,f=g]]", "m", {"model": "a[b=c[d=e,f=g]]"}),
    ],
)
def test_a_call_is_read(text: str, name: str, options: dict[str, str]) -> None:
    assert parse_call(text) == (name, options)


@pytest.mark.parametrize(
    ("name", "options"),
    [("cc", {}), ("cc", {"size": "32"}), ("m", {"b": "2", "a": "1", "model": "timm:x[init=random:0,layer=2]"})],
)
def test_what_is_written_is_read_back(name: str, options: dict[str, str]) -> None:
    assert parse_call(format_call(name, options)) == (name, options)
    assert parse_bracketed(format_bracketed(name, options)) == (name, options)


def test_the_order_of_options_does_not_change_the_text() -> None:
    assert format_call("m", {"b": "2", "a": "1"}) == format_call("m", {"a": "1", "b": "2"}) == "m:a=1,b=2"
    assert format_bracketed("m", {"b": "2", "a": "1"}) == "m[a=1,b=2]"


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", "no name in ''"),
        (":size=32", "no name in ':size=32'"),
        ("cc:32", "cannot read '32' as param=value"),
        ("cc:=32", "cannot read '=32' as param=value"),
        ("cc:size=32,", "cannot read '' as param=value"),
        ("cc:size=32,size=64", "parameter 'size' is given twice in 'size=32,size=64'"),
        ("m:model=a[b=c", "unbalanced brackets in 'model=a[b=c'"),
        ("m:model=a]b[", "unbalanced brackets in 'model=a]b['"),
    ],
)
def test_a_call_that_cannot_be_read_is_refused(text: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        parse_call(text)
    assert caught.value.message == expected
    assert caught.value.hint


@pytest.mark.parametrize(
    ("text", "head", "options"),
    [
        ("timm:resnet18", "timm:resnet18", {}),
        ("timm:resnet18[]", "timm:resnet18", {}),
        (" timm:resnet18[init=random:0] ", "timm:resnet18", {"init": "random:0"}),
        ("a[b=c[d=e]]", "a", {"b": "c[d=e]"}),
    ],
)
def test_brackets_are_read(text: str, head: str, options: dict[str, str]) -> None:
    assert parse_bracketed(text) == (head, options)


@pytest.mark.parametrize("text", ["a[b=c", "a[b=c]d", "a[b]", "a[b=c]]"])
def test_brackets_that_cannot_be_read_are_refused(text: str) -> None:
    with pytest.raises(UsageError):
        parse_bracketed(text)


def test_separators_within_brackets_do_not_split() -> None:
    assert split_outside_brackets("a[,],b", ",") == ["a[,]", "b"]
    assert parse_options("a=[1,2],b=3") == {"a": "[1,2]", "b": "3"}
