"""The page: well formed, whole without network and script, harmless whatever a dataset is called, readable by all."""

from __future__ import annotations

import base64
import hashlib
import itertools
import re
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from report_pages import Page, small

import dsim.pages
import dsim.report
from dsim.data import Dataset
from dsim.measures import Bounds, Likeness, Resemblance, SimilarityMatrix, Verdict
from dsim.report import Results, Step, make_report, to_html
from dsim.report.sections import render_heatmap

SHEETS = [
    Path(package.__file__).parent / name for package, name in ((dsim.pages, "page.css"), (dsim.report, "report.css"))
]
CSS = "".join(sheet.read_text("utf-8") for sheet in SHEETS)
#: Elements that load something, or do something.
LOADING = {"script", "link", "iframe", "object", "embed", "video", "audio", "source", "base", "image", "use", "form"}
HOSTILE = '"><script>alert(1)</script><img src=x onerror=alert(2)>\u202e\n\x00\ud800&amp;'


@pytest.fixture
def text(results: Results, datasets: Mapping[str, Dataset]) -> str:
    return to_html(make_report(results, datasets, steps=[Step("Go on.", "dsim compare 'a b' && true")]))


@pytest.fixture
def page(text: str) -> Page:
    return Page(text)


def both(matrices: tuple[SimilarityMatrix, ...], failed: Mapping[str, str] | None = None) -> Page:
    results = Results(matrices, (None, None), {matrices[0].measure: 1.5}, failed or {})
    return Page(to_html(make_report(results)))


def test_elements_are_nested_as_they_should_be(page, matrices):
    assert page.faults == []
    assert both(matrices).faults == []


@pytest.mark.parametrize("broken", ["<p><b></p></b>", "<div>", "</p>"])
def test_a_page_that_is_not_well_formed_is_seen(broken):
    assert Page(broken).faults


def test_it_has_every_section_for_one_measure(page):
    headings = [text for tag, text in page.headings if tag == "h2"]
    assert headings == [
        "The datasets at a glance",
        "Ranking",
        "How far to trust this",
        "What to do next",
        "What the numbers depend on",
    ]


def test_it_tells_where_several_measures_agree(matrices):
    page = both(matrices, {"lost@1": "no labels"})
    headings = [text for tag, text in page.headings if tag == "h2"]
    assert "How far the measures agree" in headings
    assert {f"By {matrix.measure}" for matrix in matrices} <= set(headings)
    assert "lost@1 gave no values: no labels" in page.said
    assert "2 measures put xray first" in page.said


def test_headings_leave_out_no_level(page, matrices):
    for one in (page, both(matrices)):
        levels = [int(tag[1]) for tag, _ in one.headings]
        assert levels[0] == 1
        assert levels.count(1) == 1
        assert all(after - before <= 1 for before, after in itertools.pairwise(levels))


def test_it_loads_nothing_and_runs_nothing(text, page):
    assert LOADING.isdisjoint(tag for tag, _ in page.elements)
    for tag, attributes in page.elements:
        assert not any(key.startswith("on") or key in ("style", "srcset") for key in attributes), tag
        for value in (attributes.get("src"), attributes.get("href")):
            assert value is None or value.startswith(("data:image/", "#"))
    assert not re.search(r"url\(|@import|https?://", CSS)
    assert not re.search(r"https?://", re.sub(r'src="data:[^"]*"', "", text))


def test_its_policy_allows_its_own_style_and_embedded_pictures_alone(text, page):
    (policy,) = [one["content"] for one in page.all("meta") if one.get("http-equiv") == "Content-Security-Policy"]
    style = text[text.index("<style>") + 7 : text.index("</style>")]
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    wanted = f"default-src 'none'; img-src data:; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    assert policy == wanted


def test_every_link_leads_to_a_section(page, matrices):
    for one in (page, both(matrices)):
        marks = [attributes["id"] for _, attributes in one.elements if "id" in attributes]
        assert len(marks) == len(set(marks))
        assert {str(link["href"])[1:] for link in one.all("a")} <= set(marks)


def test_a_hostile_name_is_text_and_nothing_else():
    names = (HOSTILE, "b")
    values = np.array([[0.5], [1.0]])
    matrix = small(names, (f"t{HOSTILE}",), values, measure=f"m@1:x={HOSTILE}", unit=HOSTILE)
    plain = small(("a", "b"), ("t",), values)
    page = Page(to_html(make_report(Results((matrix,), (None,)), steps=[Step(HOSTILE, HOSTILE)])))
    harmless = Page(to_html(make_report(Results((plain,), (None,)), steps=[Step("s", "c")])))
    assert page.faults == []
    assert {tag for tag, _ in page.elements} <= {tag for tag, _ in harmless.elements} | {"bdi"}
    assert "<script>alert(1)</script>" in page.said
    assert not {"\u202e", "\x00", "\ud800"}.intersection(page.said)


def test_a_hostile_name_among_several_measures_is_text():
    names, values = (HOSTILE, "b"), np.array([[0.5], [1.0]])
    parts = tuple(small(names, ("t",), values, measure=measure) for measure in (HOSTILE, f"{HOSTILE}2"))
    page = Page(to_html(make_report(Results(parts, (None, None), {}, {HOSTILE: HOSTILE}))))
    assert page.faults == []
    assert LOADING.isdisjoint(tag for tag, _ in page.elements)
    assert page.all("img") == []


def test_every_picture_is_described_small_and_has_its_size(page):
    pictures = page.all("img")
    assert pictures
    for picture in pictures:
        assert picture["alt"]
        assert 0 < int(picture["width"] or 0) <= 128
        assert 0 < int(picture["height"] or 0) <= 128
        assert len(picture["src"] or "") < 40_000


def test_every_table_says_what_its_rows_and_columns_are(page, matrices):
    for one in (page, both(matrices)):
        heads = one.all("th")
        assert heads
        assert all(head.get("scope") in ("row", "col") for head in heads)
        regions = [region for region in one.all("div") if region.get("role") == "region"]
        assert regions
        assert all(region.get("aria-label") and region.get("tabindex") == "0" for region in regions)


def test_the_language_the_width_of_the_screen_and_both_colour_schemes_are_stated(page):
    assert page.all("html")[0]["lang"] == "en"
    names = {one.get("name"): one.get("content") for one in page.all("meta")}
    assert names["viewport"] == "width=device-width, initial-scale=1"
    assert names["color-scheme"] == "light dark"
    assert "@media screen and (prefers-color-scheme: dark)" in CSS


def test_paper_has_its_own_style():
    paper = "".join(re.findall(r"@media print \{(.*?)\n\}", CSS, re.DOTALL))
    for wanted in (
        "@page",
        "break-inside: avoid",
        "break-before: page",
        "break-after: avoid",
        "nav { display: none; }",
    ):
        assert wanted in paper


def tokens(block: str) -> dict[str, str]:
    return dict(re.findall(r"(--[\w-]+): (#[0-9a-f]{6});", block))


def contrast(first: str, second: str) -> float:
    """Contrast of two colours as WCAG 2 defines it, 1 to 21."""

    def luminance(colour: str) -> float:
        parts = [int(colour.ljust(7, colour[-1])[place : place + 2], 16) / 255 for place in (1, 3, 5)]
        linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    low, high = sorted((luminance(first), luminance(second)))
    return (high + 0.05) / (low + 0.05)


def test_words_stand_out_from_what_is_behind_them_in_both_schemes():
    blocks = re.findall(r":root(?::not\(\.light\))? \{(.*?)\}", CSS.split("@media print")[0], re.DOTALL)
    blocks += re.findall(r":root \{(.*?)\}", SHEETS[1].read_text("utf-8"), re.DOTALL)
    light, dark = (tokens("".join(blocks[start::2])) for start in (0, 1))
    assert light.keys() == dark.keys()
    for scheme in (light, dark):
        pairs = [("ink", "paper"), ("pale", "paper"), ("pale", "page"), ("accent", "paper"), ("accent", "page")]
        pairs += [("pale", "shade"), ("ink", "shade"), *((kind, f"{kind}-back") for kind in ("sure", "open", "none"))]
        for front, back in [*pairs, ("unknown", "unknown-back"), ("none", "paper")]:
            assert contrast(scheme[f"--{front}"], scheme[f"--{back}"]) >= 4.5, (front, back)


def test_numbers_stand_out_from_every_colour_of_a_heat_map():
    cells = re.findall(r"\.([vt]\d+|all|most) \{ background: (#\w{6}); color: (#\w{3}); \}", CSS)
    assert len(cells) == 16 + 11 + 2
    low = {name: contrast(back, front) for name, back, front in cells if contrast(back, front) < 4.5}
    assert low == {}


def test_contrast_is_that_of_the_definition():
    assert contrast("#000", "#ffffff") == pytest.approx(21)
    assert contrast("#777777", "#ffffff") == pytest.approx(4.48, abs=0.01)


def test_the_same_report_is_the_same_page(results, datasets):
    first, second = (to_html(make_report(results, datasets)) for _ in range(2))
    assert first == second


def test_values_intervals_and_the_halves_of_the_target_are_shown(page, matrices):
    (matrix, _) = matrices
    entry = matrix.ranking("xray-bedside").entries[0]
    for value in (entry.value, entry.low, entry.high):
        assert f"{value:.4g}" in page.said
    assert "two random halves of the target" in page.said
    assert f"{entry.p:.2g}" in page.said


def test_values_that_hardly_differ_are_shaded_alike(matrices):
    (matrix, _) = matrices
    values = np.random.default_rng(0).uniform(2.72, 2.83, matrix.values.shape)
    shades = {int(found) for found in re.findall(r'<td class="v(\d+)', render_heatmap(replace(matrix, values=values)))}
    assert max(shades) - min(shades) <= 1
    shades = {int(found) for found in re.findall(r'<td class="v(\d+)', render_heatmap(matrix))}
    assert max(shades) - min(shades) > 5


def test_a_dataset_against_itself_is_framed_and_never_ranked(text):
    rows = re.findall(r'<td class="v\d+ same">', text)
    assert len(rows) == 1
    assert "Framed: a dataset against itself, not ranked." in text


def test_failed_cells_are_shown_with_their_reasons():
    values = np.array([[np.nan, np.nan], [1.0, np.nan], [2.0, np.nan]])
    text = to_html(make_report(Results((small(("a", "b", "c"), ("t", "u"), values),), (None,))))
    assert "failed, 4 pairs: the reason" in text
    assert "failed: the reason</td>" in text
    assert "No source could be compared." in text


@pytest.mark.parametrize(
    ("verdict", "badge", "words"),
    [
        (Verdict("t", "a", "b", True, 0.1, 0.2, ""), "clear winner", "The second, b, lies 0.1 to 0.2 farther"),
        (Verdict("t", "a", "b", False, -0.1, 0.2, ""), "no clear winner", "cannot be distinguished from b"),
        (
            Verdict("t", "a", "b", False, 0.0, 0.0, "no clear winner: a, b are equally near"),
            "no clear winner",
            "a, b are equally near",
        ),
        (Verdict("t", "a", "b", None, 0.0, 0.0, ""), "not assessed", "no intervals were computed"),
        (Verdict("t", "a", None, None, 0.0, 0.0, ""), "only source", "is the only source"),
        (Verdict("t", None, None, None, 0.0, 0.0, ""), "no answer", "No source could be compared"),
        (
            Verdict("t", "a", "b", True, 0.1, 0.2, "", within_floor=True),
            "clear winner",
            "no farther from the target than two halves of the target are from each other (0.7)",
        ),
    ],
)
def test_verdicts_are_in_plain_words(verdict, badge, words):
    matrix = small(("a", "b"), ("t",), np.array([[0.5], [1.0]]), verdicts={"t": verdict}, floor={"t": 0.7})
    page = Page(to_html(make_report(Results((matrix,), (None,)))))
    assert f" {badge} " in page.said
    assert words in page.said


def resembling(likeness: str, other: str = "") -> Verdict:
    known = Resemblance(Likeness(likeness), "kld-tf@1", 3.0, 15, Bounds(1.0, 2.0), instead=other)
    return Verdict("t", "a", "b", True, 0.1, 0.2, "", resemblance=known)


@pytest.mark.parametrize(
    ("verdict", "kind", "words"),
    [
        (resembling("resembles"), "sure", "It resembles the target"),
        (resembling("uncertain"), "open", "uncertain"),
        (resembling("uncertain", "b"), "open", "b may"),
        (resembling("none"), "none", "None of the sources resembles the target"),
    ],
)
def test_nothing_is_green_unless_the_source_may_resemble_the_target(verdict, kind, words):
    matrix = small(("a", "b"), ("t",), np.array([[0.5], [1.0]]), verdicts={"t": verdict})
    text = to_html(make_report(Results((matrix,), (None,))))
    page = Page(text)
    badges = {attributes["class"] for attributes in page.all("span") if "badge" in (attributes.get("class") or "")}
    assert badges == {f"badge {kind}"}
    assert words in page.said
    assert ("none of these" in page.said) is (kind == "none")


def test_a_source_that_resembles_nothing_has_no_full_star():
    matrix = small(("a", "b"), ("t",), np.array([[0.5], [1.0]]), verdicts={"t": resembling("none")})
    text = to_html(make_report(Results((matrix,), (None,))))
    assert "★" not in text
    assert "☆" in text


def test_a_long_ranking_leaves_its_tail_to_the_heat_map():
    names = tuple(f"s{place}" for place in range(30))
    text = to_html(make_report(Results((small(names, ("t",), np.arange(30.0)[:, None]),), (None,))))
    assert "18 more in the heat map below." in text


def test_similarities_are_dark_where_they_are_large():
    from dsim.registry import Direction

    values, names = np.array([[0.9], [0.0]]), ("near", "far")
    near = Verdict("t", "near", "far", None, 0.0, 0.0, "")
    matrix = small(names, ("t",), values, direction=Direction.SIMILARITY, verdicts={"t": near})
    text = to_html(make_report(Results((matrix,), (None,))))
    assert '<td class="v0">0.90' in text
    assert '<td class="v15">0.00' in text
