"""Every error names what is wrong and says how to mend it: read from the sources, nothing is run.

An error is a call of a class of ``dsim.errors``. Sentences are free. The fix is given as ``hint``; the message, or else
the fix, names something to look for: a value that is put in, an option, a parameter, a quoted word.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import pytest

from dsim import errors

ROOT = Path(__file__).parents[1]
KINDS = {name for name, kind in vars(errors).items() if isinstance(kind, type) and issubclass(kind, errors.DsimError)}

#: Functions that raise an error without a fix of its own, and why.
WITHOUT_FIX = {
    "dsim/features/weights.py:_download_from_hub": "the cause of another error, which says how to supply weights",
    "dsim/features/weights.py:_download": "the cause of another error, which says how to supply weights",
    "dsim/testing/state.py:_rebuilt": "the cause of a failed check, which has its own fix",
}
#: Errors that name nothing, since the whole request is wrong ("one measure agrees with nobody"): no more than these.
NAME_NOTHING = 26
#: What a reader can look for in fixed text: an option, a parameter with its value, a quoted word, a file, a call.
CULPRIT = re.compile(r"--\w|\w=|['\"`]\w+|\w\(|\b\w+\.(?:json|csv|html|toml|npz|h5|png|safetensors)\b|\b[A-Z]{3,}")


@dataclass(frozen=True)
class Site:
    """Where an error is made (file and function), and whether it has a fix and names a culprit."""

    place: str
    line: int
    has_fix: bool
    names_culprit: bool


def error_sites(source: str, file: str) -> Iterator[Site]:
    """Return the errors of a module whose message is written there, and not passed on from elsewhere."""
    yield from _sites(ast.parse(source), file, "", {})


def _sites(node: ast.AST, file: str, function: str, texts: dict[str, ast.expr]) -> Iterator[Site]:
    if isinstance(node, ast.FunctionDef):
        function = f"{function}.{node.name}".lstrip(".")
    if isinstance(node, ast.FunctionDef | ast.Module):
        assigned = [n for n in ast.walk(node) if isinstance(n, ast.Assign) and isinstance(n.targets[0], ast.Name)]
        texts = texts | {ast.unparse(one.targets[0]): one.value for one in assigned}
    if isinstance(node, ast.Call) and node.args and ast.unparse(node.func).rpartition(".")[2] in KINDS:
        name = ast.unparse(node.args[0])
        message = texts.get(name, node.args[0])
        # A name that this function does not define holds a message that was made elsewhere.
        if isinstance(message, ast.Constant | ast.JoinedStr | ast.BinOp | ast.IfExp):
            hints = [keyword.value for keyword in node.keywords if keyword.arg == "hint"]
            unknown = ast.unparse(node.func).endswith("UnknownNameError")
            named = unknown or any(names_culprit(text) for text in (message, *hints))
            yield Site(f"{file}:{function}", node.lineno, bool(hints), named)
    for child in ast.iter_child_nodes(node):
        yield from _sites(child, file, function, texts)


def names_culprit(message: ast.expr) -> bool:
    """Return whether a message holds a value that is put in, an option, or a quoted word."""
    if isinstance(message, ast.IfExp):
        return names_culprit(message.body) and names_culprit(message.orelse)
    values = any(isinstance(part, ast.FormattedValue | ast.Name | ast.Call) for part in ast.walk(message))
    words = [part.value for part in ast.walk(message) if isinstance(part, ast.Constant) and isinstance(part.value, str)]
    return values or any(CULPRIT.search(word) for word in words)


@cache
def all_sites() -> tuple[Site, ...]:
    """Return the errors of dsim and of its plugins."""
    paths = [path for folder in ("dsim", "plugins") for path in sorted((ROOT / folder).rglob("*.py"))]
    return tuple(
        site for path in paths for site in error_sites(path.read_text("utf-8"), path.relative_to(ROOT).as_posix())
    )


def test_every_error_gives_a_fix() -> None:
    assert len(all_sites()) > 500
    bare = {site.place for site in all_sites() if not site.has_fix}
    assert bare - set(WITHOUT_FIX) == set(), "give hint=..."
    assert set(WITHOUT_FIX) - bare == set(), "no longer there: take them off the list"


def test_nearly_every_error_names_a_culprit() -> None:
    nameless = [f"{site.place} (line {site.line})" for site in all_sites() if not site.names_culprit]
    assert len(nameless) <= NAME_NOTHING, f"name the dataset, the option or the value: {nameless}"


@pytest.mark.parametrize(
    ("source", "has_fix", "culprit"),
    [
        ("raise DataError('no image')", False, False),
        ("raise errors.DataError(f'{a} has no images', hint='x')", True, True),
        ("raise UnknownNameError('knob', name, known, hint='x')", True, True),
        ("def f():\n    text = f'no {a} here'\n    raise UsageError(text, hint='x')", True, True),
        ("raise UsageError('one' if a else f'{a}')", False, False),
        ("raise UsageError('no sources', hint='give --sources PATH')", True, True),
        ("raise UsageError(\"'liver' is empty\", hint='fill it')", True, True),
    ],
)
def test_errors_are_found_in_a_source(source: str, has_fix: bool, culprit: bool) -> None:
    (site,) = error_sites(source, "here.py")
    assert (site.has_fix, site.names_culprit) == (has_fix, culprit)


def test_a_message_that_was_made_elsewhere_is_passed_over() -> None:
    assert list(error_sites("raise DataError(str(error))", "here.py")) == []
