"""What is public is listed, and goes only after a deprecation; the page of the plugin API is that of the code."""

from __future__ import annotations

import importlib
import inspect
import re
import subprocess
import sys
from pathlib import Path

import pytest
from plugin_page import page

import dsim
from dsim import plugin

DOCS = Path(__file__).parents[2] / "docs"
MODULES = ("dsim", "dsim.plugin", "dsim.testing")

#: A public name, and the version of dsim in which it was deprecated, where it was.
Listed = dict[str, str]


def read_list(text: str) -> Listed:
    """Lines ``module.name`` or ``module.name deprecated 0.2.0``; ``#`` begins a remark."""
    lines = [line.partition("#")[0].split() for line in text.splitlines()]
    return {words[0]: words[2] if words[1:2] == ["deprecated"] else "" for words in lines if words}


def faults(listed: Listed, offered: set[str], version: str) -> list[str]:
    """What is offered and not listed, and what has gone without having been deprecated for one minor version."""
    told = [f"{name} is public and not listed: add it to docs/public-names.txt" for name in offered - set(listed)]
    for name in set(listed) - offered:
        since = listed[name]
        if not since:
            told.append(f"{name} has gone without a deprecation: offer it again, with a DeprecationWarning")
        elif _minor(version) <= _minor(since):
            told.append(f"{name} was deprecated in {since}: keep it until the next minor version")
    return sorted(told)


def _minor(version: str) -> tuple[int, ...]:
    return tuple(int(part) for part in version.split(".")[:2])


def offered() -> set[str]:
    """The public names of the modules that strangers import."""
    return {f"{module}.{name}" for module in MODULES for name in importlib.import_module(module).__all__}


def test_public_names_are_listed_and_none_goes_without_a_deprecation() -> None:
    listed = read_list((DOCS / "public-names.txt").read_text("utf-8"))
    assert faults(listed, offered(), dsim.__version__) == []


@pytest.mark.parametrize(
    ("line", "version", "expected"),
    [
        ("dsim.gone", "1.0.0", "without a deprecation"),
        ("dsim.gone deprecated 0.2.0", "0.2.9", "keep it until"),
        ("dsim.gone deprecated 0.2.0", "0.3.0", ""),
        ("dsim.gone deprecated 0.2.0", "1.0.0", ""),
        ("dsim.kept", "0.1.0", ""),
        ("", "0.1.0", "dsim.kept is public and not listed"),
    ],
)
def test_what_goes_or_comes_unsaid_is_seen(line: str, version: str, expected: str) -> None:
    listed = read_list(
        f"# public\n{line}\n" + ("dsim.kept\n" if expected.startswith(("without", "keep")) or not expected else "")
    )
    found = faults(listed, {"dsim.kept"}, version)
    assert [expected in fault for fault in found] == ([True] if expected else [])


def test_every_name_of_the_plugin_api_can_be_had_and_is_shown_by_dir() -> None:
    for name in plugin.__all__:
        assert getattr(plugin, name) is not None
    assert dir(plugin) == sorted(plugin.__all__)
    with pytest.raises(AttributeError, match="no attribute 'nonsense'"):
        plugin.nonsense  # noqa: B018 the access is the test


def test_the_page_of_the_plugin_api_is_that_of_the_code() -> None:
    """Made anew by: python tests/api/plugin_page.py > docs/plugin-api.md"""
    assert (DOCS / "plugin-api.md").read_text("utf-8") == page()


def test_the_page_holds_the_literal_signature_of_every_public_function_and_method() -> None:
    text = (DOCS / "plugin-api.md").read_text("utf-8")
    for name in plugin.__all__:
        assert f"### {name}\n" in text
    for function in (plugin.SimilarityMeasure.compare, plugin.FeatureMeasure.distance, plugin.from_arrays):
        for parameter, found in inspect.signature(function).parameters.items():
            assert re.search(rf"{function.__name__}\([^`]*\b{parameter}: {re.escape(str(found.annotation))}", text) or (
                parameter == "self"
            )
    assert not re.search(r"0x[0-9a-f]{6}|functools|<function", text), "a signature shows what changes from run to run"


def test_declaring_imports_nothing_that_code_needs() -> None:
    code = "import sys, dsim.plugin; print('numpy' in sys.modules, 'dsim.data' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False False\n"
