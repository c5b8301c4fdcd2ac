"""Display of a result in a notebook: a heading, one table, and what must be said; elements only, without style."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence

from dsim.pages.markup import emphasise_name, escape, isolate_name, render_list, render_scroll, render_table

#: Rows that a notebook shows; the result itself holds all.
MOST_ROWS = 60


def render_result(
    title: str,
    heads: Sequence[str],
    rows: Sequence[Sequence[str]],
    lines: Iterable[str] = (),
    *,
    strong: Collection[tuple[int, int]] = (),
) -> str:
    """Return a result as HTML for a notebook: ``title``, a table of plain texts, and ``lines`` below it.

    All texts are escaped. ``strong`` holds (row, column) of the cells that stand out. More than ``MOST_ROWS`` rows are
    counted and left out. Raises ValueError where a row is not as long as the heads.

    >>> render_result("two & two", ["source", "t"], [["a", "1"]], ["a is nearest"]).splitlines()[0]
    '<p><strong>two &amp; two</strong></p>'
    """
    shown = [
        [(emphasise_name if (place, column) in strong else isolate_name)(text) for column, text in enumerate(row)]
        for place, row in enumerate(rows[:MOST_ROWS])
    ]
    table = render_table([isolate_name(head) for head in heads], shown, kinds=["text", *[""] * (len(heads) - 1)])
    said = [escape(line) for line in lines]
    if len(rows) > MOST_ROWS:
        said.insert(0, f"{len(rows) - MOST_ROWS} more rows are not shown")
    scrolled = render_scroll(title, table) if table else ""
    return "\n".join(filter(None, [f"<p><strong>{escape(title)}</strong></p>", scrolled, render_list(said)]))
