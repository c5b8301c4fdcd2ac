"""The generated parts of docs/architecture.md: layers, as the test has them, and the list of decisions."""

from __future__ import annotations

import ast
import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "architecture.md"
#: Packages that say nothing of themselves.
UNTOLD = {
    "cli": "The command line: parses, calls the library, prints. One short file for each command.",
    "data": "Datasets: readers, what becomes of pixels, fingerprints, phantoms.",
    "stats": "Pure functions of arrays: distances, transport, spectra, resampling. They import nothing of dsim.",
    "store": "The cache: features and summaries in HDF5 files, finished pairs in SQLite, all under keys of content.",
}


def pages() -> dict[str, bytes]:
    """The page with its generated parts made anew, by its path below docs/."""
    text = PAGE.read_text("utf-8")
    for name, part in {"layers": layers(), "decisions": decisions()}.items():
        marked = rf"(<!-- {name} -->\n).*?(<!-- end -->)"
        text, times = re.subn(marked, lambda found, part=part: f"{found[1]}\n{part}\n{found[2]}", text, flags=re.DOTALL)
        assert times == 1, f"{PAGE.name} has no place for: {name}"
    return {"architecture.md": text.encode()}


def layers() -> str:
    """A table of the parts of dsim, the lowest last, with the first line of what each says of itself."""
    rows = ["| layer | part | what it is |", "|---:|---|---|"]
    found = _layers()
    for level in range(len(found) - 1, -1, -1):
        rows += [f"| {level} | `{part}` | {_said(part)} |" for part in sorted(found[level])]
    return "\n".join(rows) + "\n"


def decisions() -> str:
    """The decisions by number and title."""
    titles = {path: path.read_text("utf-8").splitlines()[0] for path in sorted((ROOT / "docs" / "adr").glob("*.md"))}
    return "".join(f"- [{title.removeprefix('# ')}](adr/{path.name})\n" for path, title in titles.items())


def _layers() -> tuple[set[str], ...]:
    """``LAYERS`` of tests/test_architecture.py, read without running it."""
    tree = ast.parse((ROOT / "tests" / "test_architecture.py").read_text("utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and ast.unparse(node.targets[0]) == "LAYERS":
            value: tuple[set[str], ...] = ast.literal_eval(node.value)
            return value
    raise LookupError("tests/test_architecture.py has no LAYERS")


def _said(part: str) -> str:
    """The first sentence of a part's docstring."""
    folder = ROOT / "dsim" / part
    path = folder / "__init__.py" if folder.is_dir() else folder.with_suffix(".py")
    if not path.exists():
        return ""
    text = ast.get_docstring(ast.parse(path.read_text("utf-8"))) or UNTOLD.get(part, "")
    return text.split("\n\n")[0].replace("\n", " ").replace("``", "`").replace("|", r"\|")
