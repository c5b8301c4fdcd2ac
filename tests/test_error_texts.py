"""No error without a test of its wording, and none without a fix: told from the sources, nothing is run.

An error is a call of a class of ``dsim.errors``. It counts as tested where a test holds a piece of its fixed text.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from dsim import errors

ROOT = Path(__file__).parents[1]
KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.DsimError)}

#: Characters of an error's fixed text that a test must hold in one piece; all of a shorter text. The shortest tell
#: nothing: " has ".
PIECE, SHORTEST = 16, 8

#: Errors without a fix of their own, by a piece of their text, and why.
WITHOUT_FIX = {
    "holds none of": "it becomes the cause of another error, which tells how to supply weights",
    "does not match the hash in its name": "it becomes the cause of another error, which tells how to supply weights",
    "it calls": "it becomes the cause of a failed check, which has its own fix",
}


@dataclass(frozen=True)
class Site:
    """Where an error is made, the fixed parts of its message, and whether it has a fix."""

    place: str
    texts: tuple[str, ...]
    has_fix: bool


def sites(source: str, place: str) -> Iterator[Site]:
    """The errors of a module."""
    tree = ast.parse(source)
    variables = {
        target.id: node.value
        for node in ast.walk(tree)
        if isinstance(node, ast.Assign)
        for target in node.targets
        if isinstance(target, ast.Name)
    }
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] in KINDS:
            message = node.args[0]
            if isinstance(message, ast.Name):
                message = variables.get(message.id, message)
            texts = tuple(text.strip() for text in fixed(message) if text.strip())
            if isinstance(message, ast.Constant) and ast.unparse(node.func).endswith("UnknownNameError"):
                texts = (f"no {texts[0]} named",)
            yield Site(f"{place}:{node.lineno}", texts, any(one.arg == "hint" for one in node.keywords))


def fixed(message: ast.expr) -> list[str]:
    """What is written in a message, without what is put into it."""
    if isinstance(message, ast.Constant):
        return [str(message.value)]
    if isinstance(message, ast.JoinedStr):
        return [text for part in message.values if isinstance(part, ast.Constant) for text in fixed(part)]
    if isinstance(message, ast.BinOp):
        return [*fixed(message.left), *fixed(message.right)]
    if isinstance(message, ast.IfExp):
        return [*fixed(message.body), *fixed(message.orelse)]
    return []


@cache
def errors_of_the_house() -> tuple[Site, ...]:
    paths = [path for folder in ("dsim", "plugins") for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(site for path in paths for site in sites(path.read_text("utf-8"), str(path.relative_to(ROOT))))


def texts_in(source: str) -> Iterator[str]:
    """The strings of a module, without its docstrings; patterns without their escapes."""
    nodes = [*ast.walk(ast.parse(source))]
    docstrings = {node.value for node in nodes if isinstance(node, ast.Expr)}
    for node in nodes:
        if isinstance(node, ast.Constant) and isinstance(node.value, str) and node not in docstrings:
            yield node.value.replace("\\", "")


@cache
def told() -> tuple[str, frozenset[str]]:
    """The texts of all tests, and every piece of them."""
    sources = (path.read_text("utf-8") for path in sorted((ROOT / "tests").rglob("*.py")))
    # No piece goes from one text into the next.
    whole = "\0".join(text for source in sources for text in texts_in(source))
    return whole, frozenset(whole[at : at + PIECE] for at in range(len(whole) - PIECE + 1))


def is_tested(site: Site) -> bool:
    whole, pieces = told()
    long = [text for text in site.texts if len(text) >= SHORTEST]
    # What consists of names and numbers is held by the tests of what is put there.
    return not long or any(
        text in whole
        if len(text) < PIECE
        else any(text[at : at + PIECE] in pieces for at in range(len(text) - PIECE + 1))
        for text in long
    )


def test_every_error_is_in_a_test_of_its_wording() -> None:
    assert len(errors_of_the_house()) > 500
    missing = [(site.place, site.texts) for site in errors_of_the_house() if not is_tested(site)]
    assert missing == [], "provoke them in a test, and assert thing, cause and fix"


def test_every_error_tells_a_fix() -> None:
    bare = [site for site in errors_of_the_house() if not site.has_fix and site.texts]
    excused = {piece: [site for site in bare if any(piece in text for text in site.texts)] for piece in WITHOUT_FIX}
    assert [piece for piece, found in excused.items() if not found] == [], "no longer there: take them off the list"
    known = {site for found in excused.values() for site in found}
    assert [(site.place, site.texts) for site in bare if site not in known] == [], "give hint=..."


@pytest.mark.parametrize(
    ("source", "texts", "has_fix"),
    [
        ("raise DataError('no image')", ("no image",), False),
        ("raise errors.DataError(f'{a} has {b} images', hint='x')", ("has", "images"), True),
        ("raise UnknownNameError('knob', name, known, hint='x')", ("no knob named",), True),
        ("told = f'no {a} here'\nraise UsageError(told, hint='x')", ("no", "here"), True),
        ("raise UsageError('one' if a else 'two')", ("one", "two"), False),
        ("raise DataError(str(error))", (), False),
    ],
)
def test_errors_are_found_in_a_source(source: str, texts: tuple[str, ...], has_fix: bool) -> None:
    assert list(sites(source, "here.py")) == [Site(f"here.py:{source.count(chr(10)) + 1}", texts, has_fix)]


def test_an_error_that_no_test_holds_is_seen() -> None:
    nowhere = "".join(["an axolotl ", "is no ", "dataset"])
    assert not is_tested(Site("here.py:1", (nowhere,), True))
    assert is_tested(Site("here.py:1", ("dataset 'liver' has no masks",), True))
