"""docs/phantoms.md says what the code does: its tables hold every name, class, knob and number, its Python runs."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from dsim.data.phantoms import Content, Style
from dsim.data.phantoms.catalogue import phantom, source_names, target_names

PAGE = (Path(__file__).parents[2] / "docs" / "phantoms.md").read_text(encoding="utf-8")


def row(name):
    (line,) = re.findall(rf"^\| `{name}` \|.*$", PAGE, re.MULTILINE)
    return line


@pytest.mark.parametrize("name", source_names())
def test_each_source_is_described_with_its_classes(name):
    described = phantom(name)
    assert all(label in row(name) for label in described.classes)
    assert described.group in row(name)
    assert described.subject in row(name)


@pytest.mark.parametrize("name", target_names())
def test_each_target_is_listed_with_its_source_and_every_knob_that_differs(name):
    target = phantom(name)
    source = phantom(target.source)
    pairs = ((source.style.values(), target.style.values()), (source.content.values(), target.content.values()))
    turned = [", ".join(f"{k} {a[k]:g} → {b[k]:g}" for k in a if a[k] != b[k]) for a, b in pairs]
    assert row(name) == f"| `{name}` | `{source.name}` | {target.title} | {turned[0]} | {turned[1]} |"


@pytest.mark.parametrize("knob", [*Style.names(), *Content.names()])
def test_each_knob_has_its_row(knob):
    signed = knob in ("colour", "contrast")
    assert row(knob).startswith(f"| `{knob}` | {'-1' if signed else '0'} to 1 |")


def test_the_python_on_the_page_runs():
    (example,) = [code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if "content_ladder" in code]
    seen: dict[str, object] = {}
    exec(example, seen)
    assert len(seen["pool"]) == 9
    assert len(seen["asked"]) == 6
    assert [data.name for data in seen["ladder"]] == [f"fluorescence-content-{step}" for step in range(5)]
