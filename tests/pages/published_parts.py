"""The parts of dsim that plugins may import."""

from __future__ import annotations

from dsim.plugin import PUBLISHED


def published() -> list[str]:
    """Dotted names of the published parts, the door for plugins among them, in alphabetical order."""
    return sorted(["dsim.plugin", *(f"dsim.{name}" for name in PUBLISHED)])
