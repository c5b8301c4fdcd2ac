"""The page: well formed, whole without network and script, harmless whatever a measure is called, and sortable."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import shutil
import subprocess
import xml.etree.ElementTree as ET
from dataclasses import replace
from html.parser import HTMLParser
from pathlib import Path

import pytest

import dsim.leaderboard
from dsim.leaderboard import Board, to_html

SCRIPT = Path(dsim.leaderboard.__file__).parent / "leaderboard.js"
VOID = {"meta", "br", "hr", "img", "input", "link"}
#: Elements and attributes that load something.
LOADING = {"img", "link", "iframe", "object", "embed", "video", "audio", "source", "base", "image", "use", "form"}


class Page(HTMLParser):
    """Elements with their attributes and texts; ``faults`` where they are not nested as they should be."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.faults: list[str] = []
        self.elements: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[str] = []
        self.inside: dict[str, str] = {}
        self.feed(text)
        self.close()
        self.faults += [f"<{tag}> is never closed" for tag in self.open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.elements.append((tag, dict(attrs)))

    def handle_endtag(self, tag: str) -> None:
        if not self.open or self.open.pop() != tag:
            self.faults.append(f"</{tag}> closes another element at {self.getpos()}")

    def handle_data(self, data: str) -> None:
        self.texts.append(data)
        if self.open:
            self.inside[self.open[-1]] = self.inside.get(self.open[-1], "") + data

    def count(self, tag: str) -> int:
        return sum(name == tag for name, _ in self.elements)


@pytest.fixture(scope="module")
def text(board: Board) -> str:
    return to_html(board)


@pytest.fixture(scope="module")
def page(text: str) -> Page:
    return Page(text)


def test_elements_are_nested_as_they_should_be(page):
    assert page.faults == []
    assert page.count("tbody") > 8


@pytest.mark.parametrize("broken", ["<p><b></p></b>", "<div>", "</p>"])
def test_a_page_that_is_not_well_formed_is_seen(broken):
    assert Page(broken).faults


def test_pictures_are_well_formed(text):
    pictures = re.findall(r"<svg.*?</svg>", text, flags=re.DOTALL)
    assert len(pictures) > 20
    for picture in pictures:
        ET.fromstring(picture)


def test_rows_of_each_table_have_as_many_cells(text):
    found = re.search(r'<table class="board">.*?</table>(?=\n</div>)', text, re.DOTALL)
    table = ET.fromstring(found.group().replace(" disabled>", ">"))
    widths = {
        sum(int(cell.get("colspan", 1)) for cell in row)
        for part in table
        for row in part
        if part.tag in ("thead", "tbody")
    }
    assert len(widths) == 1


def loads(text: str) -> list[str]:
    """Everything in a page that would be fetched."""
    page = Page(text)
    found = [tag for tag, _ in page.elements if tag in LOADING]
    for tag, attributes in page.elements:
        found += [f"{tag} {name}={value}" for name, value in attributes.items() if name in ("src", "href", "srcset")]
        found += [f"{tag} {name}" for name in attributes if name.startswith("on")]
    return found + re.findall(r"url\([^)]*\)|@import|https?://\S*|fetch\(|XMLHttpRequest|import\(", text)


def test_nothing_is_loaded_from_anywhere(text):
    assert loads(text) == []


@pytest.mark.parametrize(
    "broken",
    ['<script src="x.js"></script>', "<style>a{background:url(x)}</style>", '<link rel="a">', "<p onclick=x></p>"],
)
def test_a_page_that_loads_something_is_seen(broken):
    assert loads(broken)


def test_the_page_forbids_itself_all_but_its_own_style_and_script(page):
    policy = next(a["content"] for tag, a in page.elements if tag == "meta" and "http-equiv" in a)
    assert policy.startswith("default-src 'none'")
    for tag, rule in (("style", "style-src"), ("script", "script-src")):
        digest = base64.b64encode(hashlib.sha256(page.inside[tag].encode()).digest()).decode()
        assert f"{rule} 'sha256-{digest}'" in policy
    assert not any("style" in attributes for _, attributes in page.elements)


def test_a_measure_that_is_called_script_is_harmless(page, hostile):
    assert page.count("script") == 1
    assert page.count("img") == 0
    assert any(text == hostile.partition(":")[0] for text in page.texts)
    assert any(text == hostile.partition(":")[2] for text in page.texts)


def test_every_row_and_every_target_occurs(board, page, text):
    said = " ".join(page.texts)
    for row in board.rows:
        assert row.measure.partition(":")[0] in said
    for row in (row for row in board.rows if row.judged):
        details = text.partition(f'data-sort="{row.measure}"')[2].partition("</details>")[0]
        for target in board.truth.targets:
            assert not details or f'<td class="text">{target}</td>' in details
    assert text.count("<details><summary>") == sum(row.judged for row in board.rows)


def test_each_target_tells_who_was_chosen_and_what_it_cost(board, page, text):
    wrong = next(row for row in board.rows if row.measure == "wrong@1")
    chosen = wrong.evaluation.judgement.selected[0][0]
    cost = wrong.evaluation.judgement.per_target["regret"][0]
    assert f"<title>t1: chose {chosen}, regret {cost:.2f}</title>" in text
    assert "t2: the measure has no distance to it" in " ".join(page.texts)


def test_marks_and_kinds_of_rows_are_there(page):
    said = " ".join(page.texts)
    for words in (
        "as published",
        "added",
        "failed: it needs masks | and has none; fix: give it masks",
        "5 of 6",
        "cannot be distinguished from",
    ):
        assert words in said
    assert page.count("strong") > 5


def test_it_can_be_read_before_any_script_has_run(page):
    """Buttons that do nothing yet are disabled, and details fold by themselves."""
    buttons = [attributes for tag, attributes in page.elements if tag == "button"]
    assert len(buttons) > 10
    assert all("disabled" in attributes and attributes["type"] == "button" for attributes in buttons)
    assert page.count("noscript") == 0


def test_the_same_board_gives_the_same_page(board, text):
    assert to_html(board) == text


def test_a_board_without_a_judged_row_has_a_page_too(board):
    empty = replace(board, rows=tuple(row for row in board.rows if not row.judged))
    page = Page(to_html(empty))
    assert page.faults == []
    assert "No measure was judged on this benchmark." in " ".join(page.texts)


def node(code: str) -> object:
    """What an expression is in node, with the page's script at hand as ``page``."""
    program = shutil.which("node")
    if program is None:
        pytest.skip("node is not installed: the sort script is not run")
    text = f"const page = require({json.dumps(str(SCRIPT))}); console.log(JSON.stringify({code}))"
    done = subprocess.run([program, "-e", text], capture_output=True, text=True, check=True, timeout=60)
    return json.loads(done.stdout)


@pytest.mark.parametrize(
    ("keys", "descending", "expected"),
    [
        (["3", "20", "1"], False, [2, 0, 1]),
        (["3", "20", "1"], True, [1, 0, 2]),
        (["", "2", "", "-1"], False, [3, 1, 0, 2]),
        (["", "2", "", "-1"], True, [1, 3, 0, 2]),
        (["b", "a", "c"], False, [1, 0, 2]),
        (["1", "1", "0", "1"], True, [0, 1, 3, 2]),
        (["1e-7", "2.5"], False, [0, 1]),
        ([], False, []),
    ],
    ids=["by size", "by size, down", "unknown last", "unknown last, down", "texts", "stable", "exponents", "none"],
)
def test_the_script_orders_numbers_by_size_and_puts_what_is_not_known_last(keys, descending, expected):
    assert node(f"page.order({json.dumps(keys)}, {json.dumps(descending)})") == expected


STAND_IN = """(() => {
  const head = (first) => {
    const attributes = {};
    const button = { disabled: true, addEventListener: (_, act) => { button.press = act; } };
    return { dataset: { first }, button, querySelector: () => button,
      getAttribute: (name) => attributes[name] ?? null, removeAttribute: (name) => { delete attributes[name]; },
      setAttribute: (name, value) => { attributes[name] = value; } };
  };
  const heads = [head("ascending"), head("descending")];
  heads.forEach((one, place) => { one.cellIndex = place; });
  const row = (name, ...keys) => ({ name, rows: [{ cells: keys.map((sort) => ({ dataset: { sort } })) }] });
  const table = { tHead: { rows: [{ cells: heads }] }, tBodies: [row("x", "1", "5"), row("y", "2", "7"), row("z", "3")],
    appendChild: (body) => { table.tBodies = table.tBodies.filter((one) => one !== body).concat([body]); } };
  page.wire({ querySelectorAll: () => [table] });
  const seen = [heads.map((one) => one.button.disabled)];
  for (const place of [1, 1, 0]) {
    heads[place].button.press();
    seen.push([table.tBodies.map((body) => body.name).join(""), heads.map((one) => one.getAttribute("aria-sort"))]);
  }
  return seen;
})()"""


def test_pressing_a_head_sorts_by_it_the_best_first_and_says_so():
    enabled, first, again, other = node(STAND_IN)
    assert enabled == [False, False]
    assert first == ["yxz", [None, "descending"]]
    assert again == ["xyz", [None, "ascending"]]
    assert other == ["xyz", ["ascending", None]]
