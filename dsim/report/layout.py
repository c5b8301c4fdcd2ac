"""Parts that all reports share: answer, links to the sections, pictures that scroll, tables of facts."""

from __future__ import annotations

import json
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from dsim.errors import UsageError
from dsim.files import write_text
from dsim.pages import (
    embed_file,
    escape,
    isolate_name,
    render_page,
    render_picture,
    render_scroll,
    render_section,
    render_table,
)

_FOLDER = Path(__file__).parent
#: Widest that a drawing is kept, pixels: letters of its legend stay readable.
DRAWING_WIDTH = 1400
#: A narrower one is shown in its own size, and not as wide as the page.
_NARROW = 900


class Section(NamedTuple):
    """A section: ``mark`` is its id in links; ``heading`` and ``body`` are HTML; without a body it is left out."""

    mark: str
    heading: str
    body: str
    kind: str = ""


def render_document(
    title: str, sections: Iterable[Section], *, above: str = "", header: str = "", lead: str = ""
) -> str:
    """Return one HTML page that loads and runs nothing: ``lead``, links to the sections, and the sections.

    ``title`` is plain text; ``above``, ``header`` and ``lead`` are HTML above and below the title, before the links.
    """
    shown = [section for section in sections if section.body]
    links = " ".join(f'<a href="#{section.mark}">{section.heading}</a>' for section in shown)
    parts = [
        lead,
        f'<nav aria-label="Sections">{links}</nav>',
        *(render_section(section.heading, section.body, section.mark, section.kind) for section in shown),
    ]
    return render_page(
        title,
        "\n".join(part for part in parts if part),
        above=above,
        header=header,
        style=_FOLDER.joinpath("report.css").read_text("utf-8"),
    )


def check_report_path(path: Path) -> None:
    """Raise UsageError unless a report can be written under this name: .html or .htm."""
    if path.suffix.lower() not in (".html", ".htm"):
        raise UsageError(f"cannot write a report as {path.name!r}", hint="end its name in .html; a browser prints PDF")


def write_page(path: str | Path, render: Callable[[], str]) -> Path:
    """Write a page, whole or not at all, and return its path; a name that is refused is refused before it is rendered.

    Raises UsageError for a name that does not end in .html or .htm, and DsimError where it cannot be written.
    """
    where = Path(path)
    check_report_path(where)
    write_text(where, render())
    return where


def render_answer(sentence: str, lines: Sequence[str] = ()) -> str:
    """Return the card of the answer: one sentence, and lines below it; all plain text."""
    below = "".join(f"<p>{escape(line)}</p>" for line in lines)
    said = f'<div class="said"><p class="take">{escape(sentence)}</p>{below}</div>'
    return f'<article class="card answer alone">{said}</article>'


def render_drawing(picture: str, label: str, caption: str, *, narrow: bool = False) -> str:
    """Return a drawing, HTML already, that scrolls where the screen is narrower; ``label`` and ``caption`` are text."""
    kind = "map narrow" if narrow else "map"
    wide = f'<div class="wide" tabindex="0" role="region" aria-label="{escape(label)}">{picture}</div>'
    return f'<figure class="{kind}">{wide}<figcaption>{escape(caption)}</figcaption></figure>'


def draw_into_page(draw: Callable[[Path], object], label: str, caption: str) -> str:
    """Return the drawing that ``draw`` writes into the file it is given, as an element with a caption.

    Raises whatever ``draw`` raises.
    """
    with TemporaryDirectory() as folder:
        file = Path(folder) / "drawing.png"
        draw(file)
        picture = embed_file(file, label, DRAWING_WIDTH)
    return render_drawing(render_picture(picture), label, caption, narrow=picture.width < _NARROW)


def render_facts(facts: Iterable[tuple[str, str]]) -> str:
    """Return a table of names, plain text, and values, HTML already; facts without a value are left out."""
    rows = "".join(
        f'<tr><th scope="row" class="text">{escape(name)}</th><td>{value}</td></tr>' for name, value in facts if value
    )
    return f'<table class="facts"><tbody>{rows}</tbody></table>' if rows else ""


def render_record(record: Mapping[str, Any]) -> str:
    """Return a record of provenance, JSON values by name, as a table of facts; what is empty is left out."""
    return render_facts((str(name), "<br>".join(map(escape, _lines(value)))) for name, value in record.items())


def _lines(value: Any) -> list[str]:
    """A value of a record in lines: one for each entry of a mapping or a list, without what is empty."""
    if isinstance(value, Mapping):
        return [f"{name}: {_in_line(each)}" for name, each in value.items() if not _is_empty(each)]
    if isinstance(value, list):
        return [_in_line(each) for each in value if not _is_empty(each)]
    return [] if _is_empty(value) else [_in_line(value)]


def _in_line(value: Any) -> str:
    if isinstance(value, Mapping | list):
        return ", ".join(_lines(value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _is_empty(value: Any) -> bool:
    """Whether nothing is in it, however deep: a number and a truth value are something."""
    if isinstance(value, Mapping | list):
        return all(map(_is_empty, value.values() if isinstance(value, Mapping) else value))
    return value is None or value == ""


def render_columns(label: str, heads: Sequence[str], rows: Sequence[Sequence[str]], names: Collection[int]) -> str:
    """Return a table that scrolls, without the columns in which no row has anything; empty without rows.

    ``label`` and ``heads`` are plain text, ``rows`` HTML; ``names`` are the places of columns of names, which stand to
    the left.
    """
    shown = [place for place in range(len(heads)) if any(row[place] for row in rows)]
    table = render_table(
        [isolate_name(heads[place]) for place in shown],
        [[row[place] for place in shown] for row in rows],
        kinds=["text" if place in names else "" for place in shown],
        kind="names",
    )
    return render_scroll(label, table) if table else ""
