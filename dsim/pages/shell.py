"""The shell of every HTML page: one style sheet, one content policy, one place for scripts and data."""

from __future__ import annotations

import base64
import hashlib
import json
from pathlib import Path
from string import Template
from typing import Any

from dsim.pages.markup import escape
from dsim.runtime import VERSION

_FOLDER = Path(__file__).parent


def render_page(
    title: str,
    body: str,
    *,
    header: str = "",
    above: str = "",
    style: str = "",
    script: str = "",
    data: Any = None,
    dark: bool = True,
    beside: bool = False,
) -> str:
    """Return one HTML page that loads nothing; the same arguments give the same text.

    A content security policy forbids every load, allows pictures only as data URIs, and names style and script by their
    digests: nothing that a name might smuggle in would have an effect.

    Parameters
    ----------
    title : plain text. ``body`` : HTML of the main part. ``above``, ``header`` : HTML above and below the title.
    style : CSS besides the sheet that all pages share. ``script`` : JavaScript that runs when the page is there.
    data : JSON value that the script reads from the element ``data``. ``dark`` : whether the page follows the reader's
        preference for dark colours. ``beside`` : whether the page may also show pictures from files of its own origin:
        its server's, or of a page opened as a file, those of the disk; a policy cannot name a folder there.

    Raises
    ------
    ValueError : ``data`` holds NaN or an infinity, which JSON does not have.

    >>> page = render_page("A < B", "<p>text</p>")
    >>> "<title>A &lt; B</title>" in page, "script" in page.split("<body>")[1]
    (True, False)
    """
    sheet = _FOLDER.joinpath("page.css").read_text("utf-8") + style
    return Template(_FOLDER.joinpath("page.html").read_text("utf-8")).substitute(
        title=escape(title),
        version=escape(VERSION),
        policy=_policy(sheet, script, beside),
        root=' class="light"' if not dark else "",
        schemes="light dark" if dark else "light",
        style=sheet,
        above=above,
        header=header,
        body=body,
        scripts=_scripts(script, data),
    )


def _policy(style: str, script: str, beside: bool) -> str:
    scripts = f" script-src '{_digest(script)}';" if script else ""
    pictures = "data: 'self'" if beside else "data:"
    sources = f"default-src 'none'; img-src {pictures}; style-src '{_digest(style)}';{scripts}"
    return f"{sources} base-uri 'none'; form-action 'none'"


def _digest(text: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()}"


def _scripts(script: str, data: Any) -> str:
    held = "" if data is None else f'<script type="application/json" id="data">{_json(data)}</script>\n'
    return held + (f"<script>{script}</script>\n" if script else "")


def _json(value: Any) -> str:
    """JSON that cannot end the element that it stands in, whatever its texts are."""
    text = json.dumps(value, allow_nan=False, ensure_ascii=True, separators=(",", ":"))
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
