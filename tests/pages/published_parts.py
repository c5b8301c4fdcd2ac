"""The parts of dsim that plugins may import, as tests/test_architecture.py has them."""

from __future__ import annotations

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]


def published() -> list[str]:
    """Dotted names of the published parts, in alphabetical order."""
    tree = ast.parse((ROOT / "tests" / "test_architecture.py").read_text("utf-8"))
    sets = {
        ast.unparse(node.targets[0]): node.value
        for node in tree.body
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Set)
    }
    names = {name for value in sets.values() for name in ast.literal_eval(value) if value is not None}
    return sorted(f"dsim.{name}" for name in names)
