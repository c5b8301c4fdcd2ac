"""A leaderboard as files: for programs, for GitHub, and for a browser."""

from __future__ import annotations

import json
from pathlib import Path

from dsim.files import write_text
from dsim.leaderboard.rows import Board

RESULTS, MARKDOWN, PAGE = "results.json", "leaderboard.md", "leaderboard.html"


def write_board(board: Board, folder: str | Path) -> list[Path]:
    """Write ``results.json``, ``leaderboard.md`` and ``leaderboard.html``, each whole or not at all; their paths.

    All three are made before the first is written. DataError where the document would not hold to its own schema.
    """
    from dsim.leaderboard.documents import check_document
    from dsim.leaderboard.page.html import to_html
    from dsim.leaderboard.page.markdown import to_markdown

    document = board.to_dict()
    check_document(document, RESULTS)
    results = json.dumps(document, indent=1, allow_nan=False, ensure_ascii=False) + "\n"
    texts = {RESULTS: results, MARKDOWN: to_markdown(board), PAGE: to_html(board)}
    paths = [Path(folder) / name for name in texts]
    for path, text in zip(paths, texts.values(), strict=True):
        write_text(path, text)
    return paths
