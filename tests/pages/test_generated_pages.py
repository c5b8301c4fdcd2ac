"""Generated pages hold what dsim declares now, and every page can be reached from the navigation."""

from __future__ import annotations

import re
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
DOCS = ROOT / "docs"
#: Heads of safetensors files, and entries of the cache.
NO_DOCUMENTS = {"dsim.features/1", "dsim.segmenter/1", "dsim.leaderboard.run.kept/1"}


@pytest.fixture
def generator(monkeypatch: pytest.MonkeyPatch) -> Iterator[dict[str, Any]]:
    """The names of ``python tests/pages``, with the built-in plugins alone."""
    from dsim.registry import registry

    monkeypatch.setenv("DSIM_PLUGINS", "")
    registry.forget()
    yield runpy.run_path(str(Path(__file__).with_name("__main__.py")))
    registry.forget()


def test_generated_pages_are_up_to_date(generator: dict[str, Any]) -> None:
    """Made anew by: python tests/pages"""
    assert generator["outdated"](generator["pages"]()) == []


def test_the_picture_of_the_way_that_data_go_is_up_to_date() -> None:
    """Made anew by: python benchmarks/way_of_data.py"""
    drawn = runpy.run_path(str(ROOT / "benchmarks" / "way_of_data.py"))["draw"]()
    assert (DOCS / "images" / "way-of-data.svg").read_text("utf-8") == drawn


def test_every_picture_is_listed_with_its_command() -> None:
    """A newcomer finds in docs/architecture.md how each picture was made."""
    images = DOCS / "images"
    table = re.findall(r"^\| (`.*?) \| (.+) \|$", (DOCS / "architecture.md").read_text("utf-8"), re.MULTILINE)
    listed = {name for names, _ in table for name in re.findall(r"`([^`]+\.(?:png|svg))`", names)}
    assert {str(path.relative_to(images)) for path in images.rglob("*") if path.is_file()} == listed


def test_every_document_that_the_code_names_has_a_schema() -> None:
    files = [path for folder in ("dsim", "plugins") for path in (ROOT / folder).rglob("*.py")]
    named = {name for path in files for name in re.findall(r'"(dsim\.[a-z.-]+/\d+)"', path.read_text("utf-8"))}
    there = {path.name for path in (DOCS / "schema").iterdir()}
    missing = {name for name in named if f"{name.replace('/', '.')}.schema.json" not in there}
    assert missing == NO_DOCUMENTS


def in_navigation() -> set[Path]:
    def paths(entry: Any) -> list[str]:
        if isinstance(entry, str):
            return [entry]
        return [path for one in (entry.values() if isinstance(entry, dict) else entry) for path in paths(one)]

    return {DOCS / path for path in paths(yaml.safe_load((ROOT / "mkdocs.yml").read_text("utf-8"))["nav"])}


def test_pages_of_the_navigation_are_there() -> None:
    assert [path for path in in_navigation() if not path.is_file()] == []


def test_every_page_can_be_reached_from_the_navigation() -> None:
    waiting, reached = in_navigation(), set()
    while waiting:
        page = waiting.pop()
        reached.add(page)
        links = re.findall(r"\]\((?!https?://|#)([^)#\s]+\.md)", page.read_text("utf-8"))
        waiting |= {(page.parent / link).resolve() for link in links} - reached
    assert {str(page.relative_to(DOCS)) for page in set(DOCS.rglob("*.md")) - reached} == set()
