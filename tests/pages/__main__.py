"""The generated pages of the documentation, made of what dsim declares.

    python tests/pages            # writes them below docs/
    python tests/pages --check    # names those that are not up to date; exit code 1 where there are any

The page of the plugin API is made by ``python tests/api/plugin_page.py``, that of the measures by
``dsim measures --markdown``.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

# Pages are of dsim alone, whatever else is installed here.
os.environ["DSIM_PLUGINS"] = ""

import api_pages
import architecture_page
import card_pages
import command_pages
import extractor_pages
import schema_page
import standings_page

DOCS = Path(__file__).parents[2] / "docs"
#: Folders of nothing but generated files: what nobody makes any more is removed.
FOLDERS = ("reference",)


def pages() -> dict[str, bytes]:
    """Every generated file by its path below docs/."""
    makers = (api_pages, card_pages, command_pages, extractor_pages, schema_page, architecture_page, standings_page)
    return {path: content for maker in makers for path, content in maker.pages().items()}


def outdated(made: dict[str, bytes]) -> list[str]:
    """Files that differ from what would be made, are missing, or that nobody makes."""
    there = {str(path.relative_to(DOCS)) for folder in FOLDERS for path in (DOCS / folder).rglob("*") if path.is_file()}
    changed = {path for path, content in made.items() if not _same(DOCS / path, content)}
    return sorted(changed | (there - set(made)))


def write(made: dict[str, bytes]) -> list[str]:
    """Write what changed, and remove what nobody makes; returns their paths."""
    changed = outdated(made)
    for path in changed:
        if path in made:
            (DOCS / path).parent.mkdir(parents=True, exist_ok=True)
            (DOCS / path).write_bytes(made[path])
        else:
            (DOCS / path).unlink()
    return changed


def _same(path: Path, content: bytes) -> bool:
    return path.is_file() and path.read_bytes() == content


if __name__ == "__main__":
    made = pages()
    check = "--check" in sys.argv[1:]
    for path in outdated(made) if check else write(made):
        print(f"docs/{path}")
    sys.exit(1 if check and outdated(made) else 0)
