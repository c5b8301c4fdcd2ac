"""Pages of zoo models, stored truths and stored distances: their cards, with links that lead to pages.

A card lies beside what it describes, outside of docs/, where a site cannot link to it.
"""

from __future__ import annotations

import os
import re
import tomllib
from pathlib import Path

ROOT = Path(__file__).parents[2]
#: A link or a picture to a file, without a host.
_LINK = re.compile(r"(!?)\[([^\]]*)\]\((?!https?://|#)([^)#\s]+)(#[^)\s]*)?\)")
_KINDS = {"models": "zoo", "truth": "benchmarks/truth", "distances": "benchmarks/distances"}
_HEADS = {
    "models": """\
# Models of the zoo

`dsim zoo list` lists them, `dsim zoo verify` checks their weights. A segmentation model is applied by
[`dsim prelabel --model zoo:ID`](../../prelabel.md); any model is an [extractor](../extractors/index.md), `zoo:ID`.
""",
    "truth": """\
# Stored truths

Measured transfer that travels with dsim: `dsim evaluate MATRIX --truth NAME`. See [truth](../../truth.md).
""",
    "distances": """\
# Stored distances

Distances that papers published, to be judged: `dsim evaluate NAME --truth TRUTH`. See [truth](../../truth.md).
""",
}


def pages() -> dict[str, bytes]:
    """All of them, by their path below docs/; pictures of cards too."""
    found: dict[str, bytes] = {}
    places = {card: page for kind in _KINDS for card, page in _cards(kind).items()}
    for kind, head in _HEADS.items():
        rows = []
        for card, page in _cards(kind).items():
            text, pictures = _turned(card, page, places)
            found |= pictures
            found[page] = (text + _foot(card)).encode()
            rows.append(f"| [{card.parent.name}]({Path(page).name}) | {_first_sentence(card)} |")
        found[f"reference/{kind}/index.md"] = "\n".join([head, "| | |", "|---|---|", *rows, ""]).encode()
    return found


def _cards(kind: str) -> dict[Path, str]:
    """The cards of one kind, and their pages."""
    folder = ROOT / _KINDS[kind]
    return {card: f"reference/{kind}/{card.parent.name}.md" for card in sorted(folder.glob("*/card.md"))}


def _turned(card: Path, page: str, places: dict[Path, str]) -> tuple[str, dict[str, bytes]]:
    """The card's text as it reads from its page, and the pictures that it shows."""
    pictures: dict[str, bytes] = {}
    here = Path(page).parent

    def turn(found: re.Match[str]) -> str:
        picture, text, link, anchor = found[1], found[2], found[3], found[4] or ""
        target = (card.parent / link).resolve()
        if picture:
            name = f"{card.parent.name}-{target.name}"
            pictures[str(here / name)] = target.read_bytes()
            return f"![{text}]({name})"
        if target in places:
            return f"[{text}]({os.path.relpath(places[target], here)}{anchor})"
        if target.is_relative_to(ROOT / "docs"):
            return f"[{text}]({os.path.relpath(target.relative_to(ROOT / 'docs'), here)}{anchor})"
        return text

    return _LINK.sub(turn, card.read_text("utf-8")), pictures


def _foot(card: Path) -> str:
    """What the manifest says besides, and where the page comes from."""
    lines = []
    manifest = card.with_name("manifest.toml")
    if manifest.exists():
        document = tomllib.loads(manifest.read_text("utf-8"))
        weights, seen, given = document["weights"], document["input"], document["output"]
        lines = [
            "\n## Manifest\n",
            "| | |\n|---|---|",
            f"| reference | `zoo:{document['id']}` |",
            f"| built by | `{document['builder']}` |",
            f"| input | {seen['channels']} channels, `{seen['transform']}` |",
            f"| output | {given['kind']}, {given['dim']} numbers |",
            f"| weights | {weights['size']:,} bytes, {weights['dtype']}, sha256 `{weights['sha256']}` |",
            f"| trained on | {', '.join(one['name'] for one in document['training'].get('pool', ()))} |",
        ]
    return "\n".join([*lines, f"\n*Made from `{card.relative_to(ROOT)}` by `python tests/pages`.*\n"])


def _first_sentence(card: Path) -> str:
    """The first line after the title."""
    lines = [line for line in card.read_text("utf-8").splitlines() if line.strip()]
    return _LINK.sub(r"\2", lines[1]).replace("|", r"\|")
