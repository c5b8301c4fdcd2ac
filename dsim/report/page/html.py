"""The page as a whole: one file without network and without script."""

from __future__ import annotations

import base64
import hashlib
from pathlib import Path
from string import Template

from dsim.report.contents import Part, Report
from dsim.report.page.agreeing import agreeing
from dsim.report.page.answers import answers, question, title
from dsim.report.page.closing import provenance, steps, trust
from dsim.report.page.datasets import datasets
from dsim.report.page.heatmap import heatmap
from dsim.report.page.pictures import img
from dsim.report.page.rankings import rankings
from dsim.report.page.text import name, section, text

_FOLDER = Path(__file__).parent


def page(report: Report) -> str:
    """The report as HTML.

    A content security policy forbids every load, every script and all style but the page's own, named by its digest, so
    that nothing that a name might smuggle in would be of effect.
    """
    from dsim.runtime import VERSION

    style = _FOLDER.joinpath("page.css").read_text("utf-8")
    sections = _sections(report)
    return Template(_FOLDER.joinpath("page.html").read_text("utf-8")).substitute(
        title=text(title(report)),
        version=text(VERSION),
        style=style,
        style_digest=base64.b64encode(hashlib.sha256(style.encode()).digest()).decode(),
        made=_made(report),
        question=question(report),
        answers=answers(report),
        links=" ".join(f'<a href="#{mark}">{heading}</a>' for mark, heading, body in sections if body),
        sections="\n".join(section(heading, body, mark, _kind(mark)) for mark, heading, body in sections),
    )


def _made(report: Report) -> str:
    """By which version and when, as it was recorded."""
    record = report.first.provenance
    day, _, time = str(record.get("created", "")).partition("T")
    return text(f"dsim {record.get('dsim', '')} · compared {day} {time[:5]} UTC")


def _sections(report: Report) -> list[tuple[str, str, str]]:
    """Mark, heading and body of each section; empty bodies are left out of the page."""
    several = len(report.parts) > 1
    measures = [
        (f"measure-{place}", f"By {name(part.matrix.measure)}" if several else "Ranking", _part(part, not several))
        for place, part in enumerate(report.parts, 1)
    ]
    return [
        ("datasets", "The datasets at a glance", datasets(report)),
        ("agreement", "How far the measures agree", agreeing(report)),
        *measures,
        ("trust", "How far to trust this", trust(report)),
        ("next", "What to do next", steps(report)),
        ("provenance", "What the numbers depend on", provenance(report)),
    ]


def _kind(mark: str) -> str:
    return "measure" if mark.startswith("measure-") else ""


def _part(part: Part, alone: bool) -> str:
    """One measure: rankings, heat map, map; a single measure has its verdicts at the top of the page."""
    told = f'<p class="small">{text(part.title)}</p>' if part.title else ""
    heat = f'<div class="view">\n<h3>Heat map</h3>\n{heatmap(part.matrix)}\n</div>'
    return f'{told}\n{rankings(part.matrix, worded=not alone)}\n<div class="views">\n{heat}\n{_map(part)}</div>'


def _map(part: Part) -> str:
    if part.map is None:
        why = f'<p class="missing">No map: {text(part.no_map)}</p>'
        return f'<div class="view">\n<h3>Map</h3>\n{why}\n</div>\n' if part.no_map else ""
    said = (
        "Each small mark is an image, each large mark the mean of a dataset; what is near looks alike to the measure."
    )
    return (
        '<div class="view drawing">\n<h3>Map</h3>\n<figure class="map"><div class="wide" tabindex="0" role="region" '
        f'aria-label="Map">{img(part.map)}</div><figcaption>{said}</figcaption></figure>\n</div>\n'
    )
