"""The shell of every page: it names style and script by their digests, and shows names as text."""

from __future__ import annotations

import base64
import hashlib
import json
import re

import pytest

from dsim.pages import MISSING, escape, render_page, render_scroll, render_section, render_table

HOSTILE = '</script><img src=x onerror="alert(1)">&'


def digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def policy(page: str) -> str:
    (found,) = re.findall(r'Security-Policy" content="([^"]*)"', page)
    return str(found)


def test_the_policy_names_style_and_script_and_nothing_else() -> None:
    page = render_page("title", "<p>body</p>", style="p { color: red; }", script="let a = 1 < 2;")
    (style,), (script,) = (re.findall(rf"<{tag}>(.*?)</{tag}>", page, re.DOTALL) for tag in ("style", "script"))
    assert style.endswith("p { color: red; }")
    assert script == "let a = 1 < 2;"
    assert policy(page) == (
        f"default-src 'none'; img-src data:; style-src 'sha256-{digest(style)}'; "
        f"script-src 'sha256-{digest(script)}'; base-uri 'none'; form-action 'none'"
    )


def test_a_page_without_a_script_allows_none() -> None:
    page = render_page("title", "<p>body</p>")
    assert "<script" not in page
    assert "script-src" not in policy(page)
    assert "url(" not in page
    assert "@import" not in page


def test_a_title_and_data_never_become_markup() -> None:
    page = render_page(HOSTILE, "", data={"name": HOSTILE}, script="start();")
    assert page.count("</script>") == 2
    assert "<img" not in page
    assert json.loads(re.findall(r'id="data">(.*?)</script>', page)[0]) == {"name": HOSTILE}


def test_data_without_a_json_form_are_refused() -> None:
    with pytest.raises(ValueError, match="JSON"):
        render_page("title", "", data=float("nan"))


def test_only_light_pages_leave_out_dark_colours() -> None:
    assert '<meta name="color-scheme" content="light dark">' in render_page("title", "")
    assert '<html lang="en" class="light">' in render_page("title", "", dark=False)


@pytest.mark.parametrize(
    ("value", "expected"),
    [("a\u00a0b\u3000c", "a\u00a0b\u3000c"), ("a\u202eb", "a□b"), ("x\ny", "x□y"), ("क्\u200dष", "क्\u200dष")],
)
def test_characters_without_a_glyph_become_boxes_and_spaces_stay(value: str, expected: str) -> None:
    assert escape(value) == expected


def test_a_table_has_headings_of_columns_and_rows() -> None:
    table = render_table(["set", "n"], [["a", "1"], ["b", MISSING]], kinds=["text", ""], kind="plain")
    head = '<tr><th scope="col" class="text">set</th><th scope="col">n</th></tr>'
    assert table.startswith(f'<table class="plain"><thead>{head}</thead>')
    assert '<tr><th scope="row" class="text">b</th><td>–</td></tr>' in table
    assert render_table(["set"], []) == ""
    assert 'aria-label="&lt;b&gt;"' in render_scroll("<b>", table)


def test_a_section_without_a_body_is_left_out() -> None:
    assert render_section("heading", "") == ""
    assert render_section("h", "b", "mark", "kind") == '<section id="mark" class="kind">\n<h2>h</h2>\nb\n</section>'
