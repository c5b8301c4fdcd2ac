"""A leaderboard as one page that needs nothing else: no network, no script to be read."""

from __future__ import annotations

import base64
import hashlib
import math
from collections.abc import Sequence
from html import escape
from pathlib import Path
from string import Template

from dsim.leaderboard.page import wording
from dsim.leaderboard.page.cells import Cells
from dsim.leaderboard.page.details import details
from dsim.leaderboard.page.wording import NONE
from dsim.leaderboard.rows import Board, Row, Status

_FOLDER = Path(__file__).parent


def to_html(board: Board) -> str:
    """The board as one HTML page.

    Columns sort where scripts may run; without them the page is whole, in the order of mean regret. The page carries a
    content security policy that forbids every load, and names style and script by their digests, so that nothing that
    a measure's name might smuggle in would run.
    """
    from dsim.runtime import VERSION

    style, script = (_FOLDER.joinpath(name).read_text("utf-8") for name in ("page.css", "page.js"))
    cells = Cells.of(board)
    page = Template(_FOLDER.joinpath("page.html").read_text("utf-8"))
    return page.substitute(
        title=escape(f"Leaderboard: {board.truth.name}"),
        version=escape(VERSION),
        style=style,
        style_digest=_digest(style),
        script=script,
        script_digest=_digest(script),
        description=escape(wording.description(board)),
        headline=_headline(board),
        measures=_measures(board, cells),
        key=_key(cells),
        sections="\n".join(_sections(board, cells)),
    )


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _headline(board: Board) -> str:
    notes = wording.common_notes(board)
    note = f'<p class="small">Note: {escape("; ".join(notes))}.</p>' if notes else ""
    return f"<p>{escape(' '.join(wording.headline(board)))}</p>{note}"


def _measures(board: Board, cells: Cells) -> str:
    bodies = "\n".join(_body(board, row, cells) for row in board.rows)
    # A region that scrolls must be reached by the keyboard.
    return (
        '<div class="scroll" tabindex="0" role="region" aria-label="Measures">\n<table class="board">\n'
        f"{_head(cells)}\n{bodies}\n</table>\n</div>"
    )


def _head(cells: Cells) -> str:
    heads = [
        _heading("#", "ascending", rank=True),
        _heading("measure", "ascending", kind="text measure"),
        *(_heading(column.title, cells.first(column)) for column in cells.columns),
        _heading("targets", "descending"),
        _heading("s", "ascending"),
        _heading("MB", "ascending"),
        _heading("status", "ascending", kind="text"),
    ]
    heads.insert(3, f'<th scope="col" class="text each">regret of each target{cells.names()}</th>')
    axes = ['<td></td><td class="text measure"></td>', *(f"<td>{cells.axis(column)}</td>" for column in cells.columns)]
    axes.insert(2, "<td></td>")
    return f"<thead>\n<tr>{''.join(heads)}</tr>\n<tr>{''.join(axes)}<td></td><td></td><td></td><td></td></tr>\n</thead>"


def _heading(title: str, first: str, kind: str = "", rank: bool = False) -> str:
    """Disabled until the script has come: a button that does nothing would lie."""
    said = ' aria-sort="ascending"' if rank else ""
    of_kind = f' class="{kind}"' if kind else ""
    button = f'<button type="button" disabled>{escape(title)}</button>'
    return f'<th scope="col"{of_kind} data-first="{first}"{said}>{button}</th>'


def _body(board: Board, row: Row, cells: Cells) -> str:
    """A row and its details, kept together."""
    if row.status is Status.FAILED:
        told = f"failed: {wording.reason_of(row)}"
        wide = len(cells.columns) + 5
        reason = f'<td class="reason" colspan="{wide}">{escape(told)}</td>'
        return f"<tbody><tr>{_cell('', NONE)}{_name(row)}{reason}</tr></tbody>"
    scores = [cells.score(row, column) for column in cells.columns]
    scores.insert(1, cells.strip(row))
    targets = wording.targets_of(board, row) if row.judged else NONE
    rank = cells.ranks[row.measure] if row.judged else None
    line = "".join(
        [
            _cell("" if rank is None else str(rank), NONE if rank is None else str(rank)),
            _name(row),
            *scores,
            _cell(str(row.scores["regret"].targets) if row.judged else "", targets),
            _cell(_key_of(row.seconds), wording.amount(row.seconds)),
            _cell(_key_of(row.peak_mb), wording.amount(row.peak_mb)),
            f'<td class="text status" data-sort="{escape(row.status)}">{_status(row)}</td>',
        ]
    )
    return f"<tbody><tr>{line}</tr>{details(board, row, wide=len(cells.columns) + 6)}</tbody>"


def _name(row: Row) -> str:
    """The measure; its parameters stand in the summary of the details, where there are some."""
    versioned = row.judged or row.status is not Status.PUBLISHED
    name, parameters = wording.name_and_parameters(row.measure) if versioned else (row.measure, "")
    under = _under(f"<code>{escape(parameters)}</code>" if parameters and not row.judged else "")
    kind = "text measure" if versioned else "text measure aside"
    return f'<th scope="row" class="{kind}" data-sort="{escape(row.measure)}">{escape(name)}{under}</th>'


def _status(row: Row) -> str:
    """The status; below it, on one line, whose it is."""
    said = escape(row.source or row.plugin)
    return f'{escape(row.status)}<span class="under" title="{said}">{said}</span>'


def _under(text: str) -> str:
    """A second line; nothing without a text, which is HTML already."""
    return f'<span class="under">{text}</span>' if text else ""


def _cell(key: str, text: str) -> str:
    return f'<td data-sort="{escape(key)}">{escape(text)}</td>'


def _key_of(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _key(cells: Cells) -> str:
    return f'<p class="key">{cells.key()}</p>'


def _sections(board: Board, cells: Cells) -> list[str]:
    from dsim.evaluation.scores import SCORES

    remarks = [f"{measure}: {'; '.join(notes)}" for measure, notes in wording.remarks(board)]
    formulas = [f"{spec.title}: {spec.formula}; {spec.better} is better" for spec in SCORES]
    prints = [f"{name}: {digest}" for name, digest in board.fingerprints.items()]
    return [
        *_section("How to read it", _list(wording.reading(board))),
        *_section("Baselines and ceiling", _references(board, cells)),
        *_section("As published on other data: not comparable with the rows above", _elsewhere(board, cells)),
        *_section("How it was made", _list(wording.making(board))),
        *_folded("What must be said of single scores", remarks),
        *_folded("The scores", formulas),
        *_folded("The datasets, by the sha256 of their images", prints),
    ]


def _references(board: Board, cells: Cells) -> str:
    heads = ["baseline", *(column.title for column in cells.columns), "what it is"]
    lines = [
        [escape(one.name), *(cells.plain(one.scores, column) for column in cells.columns), escape(one.note)]
        for one in wording.references(board)
    ]
    return _table(heads, lines)


def _elsewhere(board: Board, cells: Cells) -> str:
    printed = wording.printed(board)
    heads = ["measure", *(column.title for column in printed), "source"]
    lines = [
        [
            escape(row.measure),
            *(escape(wording.as_printed(row, column)) for column in printed),
            escape(wording.source_elsewhere(row)),
        ]
        for row in board.elsewhere
    ]
    return _table(heads, lines)


def _table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table whose first and last columns are text; cells are HTML already. Empty without lines."""
    if not lines:
        return ""
    last = len(heads) - 1

    def kind(place: int) -> str:
        return ' class="text measure"' if place == 0 else ' class="text wrap"' if place == last else ""

    top = "".join(f'<th scope="col"{kind(place)}>{escape(head)}</th>' for place, head in enumerate(heads))
    rows = "\n".join(
        f"<tr>{''.join(f'<td{kind(place)}>{cell}</td>' for place, cell in enumerate(line))}</tr>" for line in lines
    )
    table = f'<table class="plain"><thead><tr>{top}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>'
    return f'<div class="scroll" tabindex="0" role="region" aria-label="{escape(heads[0])}">{table}</div>'


def _section(title: str, body: str) -> tuple[str, ...]:
    return (f"<section>\n<h2>{escape(title)}</h2>\n{body}\n</section>",) if body else ()


def _folded(title: str, lines: Sequence[str]) -> tuple[str, ...]:
    return (f"<details>\n<summary>{escape(title)}</summary>\n{_list(lines)}\n</details>",) if lines else ()


def _list(lines: Sequence[str]) -> str:
    return f"<ul>{''.join(f'<li>{escape(line)}</li>' for line in lines)}</ul>"
