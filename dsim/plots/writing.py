"""Figures to files: whole or not at all, and the same bytes for the same picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import UsageError
from dsim.files import replacing

if TYPE_CHECKING:
    from matplotlib.figure import Figure

#: Metadata without date or program version, so that equal pictures are equal files.
_METADATA: dict[str, dict[str, str | None]] = {
    ".png": {"Software": "dsim"},
    ".svg": {"Creator": "dsim", "Date": None},
}


def check_suffix(path: Path) -> None:
    """Raise UsageError unless the suffix is one of a picture: .png or .svg."""
    if path.suffix.lower() not in _METADATA:
        raise UsageError(f"cannot write a picture as {path.name!r}", hint="end its name in .png or .svg")


def save(figure: Figure, path: Path, title: str) -> None:
    """Write the figure as PNG or SVG, by the suffix; the title stands in the file's metadata."""
    check_suffix(path)
    suffix = path.suffix.lower()
    metadata = {"Title": title, **_METADATA[suffix]}
    with replacing(path) as temporary:
        figure.savefig(temporary, format=suffix[1:], dpi=160, bbox_inches="tight", pad_inches=0.15, metadata=metadata)
