"""A report as one file."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from dsim.errors import UsageError
from dsim.files import write_text

if TYPE_CHECKING:
    from dsim.report.contents import Report


def check_name(path: Path) -> None:
    """Raise UsageError unless a report can be written under this name: .html or .htm."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"cannot write a report as {path.name!r}", hint="end its name in .html; a browser prints PDF")


def to_html(report: Report) -> str:
    """The report as one HTML page that loads nothing and runs nothing; the same report gives the same text."""
    from dsim.report.page.html import page

    return page(report)


def write_report(report: Report, path: str | Path) -> Path:
    """Write the page, whole or not at all; UsageError for a name that does not end in .html or .htm."""
    where = Path(path)
    check_name(where)
    write_text(where, to_html(report))
    return where
