"""A leaderboard as one page that needs nothing else: no network, no script to be read."""

from __future__ import annotations

import json
import math
from collections.abc import Sequence
from pathlib import Path

from dsim.files import write_text
from dsim.leaderboard import phrases
from dsim.leaderboard.board import Board, check_document
from dsim.leaderboard.markdown import to_markdown
from dsim.leaderboard.phrases import NONE
from dsim.leaderboard.rows import Row, Status
from dsim.leaderboard.score_cells import ScoreCells, render_details
from dsim.pages import escape, render_list, render_page, render_scroll, render_section, render_table

_FOLDER = Path(__file__).parent


def to_html(board: Board) -> str:
    """Return the board as one HTML page that loads nothing.

    Columns sort where scripts may run; without them the page is whole, in the order of mean regret.
    Raises UsageError where the board's settings make no interval.
    """
    cells = ScoreCells.of(board)
    parts = [_measures(board, cells), f'<p class="key">{cells.key()}</p>', *_sections(board, cells)]
    description = f'<p class="description">{escape(phrases.description(board))}</p>'
    return render_page(
        f"Leaderboard: {board.truth.name}",
        "\n".join(parts),
        header=f"{description}\n{_headline(board)}",
        style=_FOLDER.joinpath("leaderboard.css").read_text("utf-8"),
        script=_FOLDER.joinpath("leaderboard.js").read_text("utf-8"),
    )


def _headline(board: Board) -> str:
    notes = phrases.common_notes(board)
    note = f'<p class="small">Note: {escape("; ".join(notes))}.</p>' if notes else ""
    return f"<p>{escape(' '.join(phrases.headline(board)))}</p>{note}"


def _measures(board: Board, cells: ScoreCells) -> str:
    bodies = "\n".join(_body(board, row, cells) for row in board.rows)
    return render_scroll("Measures", f'\n<table class="board">\n{_board_head(cells)}\n{bodies}\n</table>\n')


def _board_head(cells: ScoreCells) -> str:
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
    order = ' aria-sort="ascending"' if rank else ""
    of_kind = f' class="{kind}"' if kind else ""
    button = f'<button type="button" disabled>{escape(title)}</button>'
    return f'<th scope="col"{of_kind} data-first="{first}"{order}>{button}</th>'


def _body(board: Board, row: Row, cells: ScoreCells) -> str:
    """A row and its details, kept together."""
    if row.status is Status.FAILED:
        reason_text = f"failed: {phrases.reason_of(row)}"
        wide = len(cells.columns) + 5
        reason = f'<td class="reason" colspan="{wide}">{escape(reason_text)}</td>'
        return f"<tbody><tr>{_sorted_cell('', NONE)}{_name(row)}{reason}</tr></tbody>"
    scores = [cells.score(row, column) for column in cells.columns]
    scores.insert(1, cells.strip(row))
    targets = phrases.targets_of(board, row) if row.judged else NONE
    rank = cells.ranks[row.measure] if row.judged else None
    line = "".join(
        [
            _sorted_cell("" if rank is None else str(rank), NONE if rank is None else str(rank)),
            _name(row),
            *scores,
            _sorted_cell(str(row.scores["regret"].targets) if row.judged else "", targets),
            _sorted_cell(_key_of(row.seconds), phrases.amount(row.seconds)),
            _sorted_cell(_key_of(row.peak_mb), phrases.amount(row.peak_mb)),
            f'<td class="text status" data-sort="{escape(row.status)}">{_status(row)}</td>',
        ]
    )
    return f"<tbody><tr>{line}</tr>{render_details(board, row, wide=len(cells.columns) + 6)}</tbody>"


def _name(row: Row) -> str:
    """The measure; its parameters stand in the summary of the details, where there are some."""
    versioned = row.judged or row.status is not Status.PUBLISHED
    name, parameters = phrases.name_and_parameters(row.measure) if versioned else (row.measure, "")
    under = _under(f"<code>{escape(parameters)}</code>" if parameters and not row.judged else "")
    kind = "text measure" if versioned else "text measure aside"
    return f'<th scope="row" class="{kind}" data-sort="{escape(row.measure)}">{escape(name)}{under}</th>'


def _status(row: Row) -> str:
    """The status; below it, on one line, whose it is."""
    whose = escape(row.source or row.plugin)
    return f'{escape(row.status)}<span class="under" title="{whose}">{whose}</span>'


def _under(text: str) -> str:
    """A second line; nothing without a text, which is HTML already."""
    return f'<span class="under">{text}</span>' if text else ""


def _sorted_cell(key: str, text: str) -> str:
    return f'<td data-sort="{escape(key)}">{escape(text)}</td>'


def _key_of(value: float) -> str:
    return "" if math.isnan(value) else repr(value)


def _sections(board: Board, cells: ScoreCells) -> list[str]:
    from dsim.evaluation import SCORES

    remarks = [f"{measure}: {'; '.join(notes)}" for measure, notes in phrases.remarks(board)]
    formulas = [f"{spec.title}: {spec.formula}; {spec.better} is better" for spec in SCORES]
    prints = [f"{name}: {digest}" for name, digest in board.fingerprints.items()]
    return [
        *_section("How to read it", _list(phrases.reading(board))),
        *_section("Baselines and ceiling", _references(board, cells)),
        *_section("As published on other data: not comparable with the rows above", _elsewhere(board, cells)),
        *_section("How it was made", _list(phrases.making(board))),
        *_folded("What must be said of single scores", remarks),
        *_folded("The scores", formulas),
        *_folded("The datasets, by the sha256 of their images", prints),
    ]


def _references(board: Board, cells: ScoreCells) -> str:
    heads = ["baseline", *(column.title for column in cells.columns), "what it is"]
    lines = [
        [
            escape(baseline.name),
            *(cells.plain(baseline.scores, column) for column in cells.columns),
            escape(baseline.note),
        ]
        for baseline in phrases.references(board)
    ]
    return _plain_table(heads, lines)


def _elsewhere(board: Board, cells: ScoreCells) -> str:
    printed = phrases.printed(board)
    heads = ["measure", *(column.title for column in printed), "source"]
    lines = [
        [
            escape(row.measure),
            *(escape(phrases.as_printed(row, column)) for column in printed),
            escape(phrases.source_elsewhere(row)),
        ]
        for row in board.elsewhere
    ]
    return _plain_table(heads, lines)


def _plain_table(heads: Sequence[str], lines: Sequence[Sequence[str]]) -> str:
    """A table whose first and last columns are text; cells are HTML already. Empty without lines."""
    if not lines:
        return ""
    kinds = ["text measure", *[""] * (len(heads) - 2), "text wrap"]
    table = render_table([escape(head) for head in heads], lines, kinds=kinds, kind="plain", row_heads=None)
    return render_scroll(heads[0], table)


def _section(title: str, body: str) -> tuple[str, ...]:
    section = render_section(escape(title), body)
    return (section,) if section else ()


def _folded(title: str, lines: Sequence[str]) -> tuple[str, ...]:
    return (f"<details>\n<summary>{escape(title)}</summary>\n{_list(lines)}\n</details>",) if lines else ()


def _list(lines: Sequence[str]) -> str:
    return render_list(map(escape, lines))


RESULTS, MARKDOWN, PAGE = "results.json", "leaderboard.md", "leaderboard.html"


def write_board(board: Board, folder: str | Path) -> list[Path]:
    """Write ``results.json``, ``leaderboard.md`` and ``leaderboard.html``, and return their paths.

    All three are made before the first is written, and each is written whole or not at all. Raises DataError where the
    document would not hold to its own schema, and DsimError where the folder cannot be written.
    """
    document = board.to_dict()
    check_document(document, RESULTS)
    results = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    texts = {RESULTS: results, MARKDOWN: to_markdown(board), PAGE: to_html(board)}
    paths = [Path(folder) / name for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        write_text(path, text)
    return paths
