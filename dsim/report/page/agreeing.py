"""How far several measures agree: whom each puts first, and how alike they rank."""

from __future__ import annotations

import math

from dsim.comparison.measure_agreement import Agreement
from dsim.report.contents import Report
from dsim.report.page.text import NONE, bullets, formed, name, scrolling, text

#: Measures up to which each two are shown.
_MATRIX = 16
#: Classes of the style sheet, t0 to t10, for tau from -1 to 1.
_SHADES = 11


def agreeing(report: Report) -> str:
    """Empty for a single measure that did not lose its companions."""
    failed = bullets(f"{name(measure)} gave no values: {text(reason)}" for measure, reason in report.failed.items())
    found = report.agreement
    if found is None:
        return failed
    count = len(found.measures)
    taus = f"<h3>How alike they rank</h3>\n{_taus(found)}" if count <= _MATRIX else ""
    return "\n".join(
        [
            "<h3>Whom each measure puts first</h3>",
            _first(found),
            f'<p class="small key"><span class="swatch all"></span> all {count} measures '
            '<span class="swatch most"></span> more than half <span class="swatch few"></span> fewer. '
            "Measures on the same features are no independent witnesses.</p>",
            taus,
            failed,
        ]
    )


def _first(found: Agreement) -> str:
    columns = "".join(f'<th scope="col">{name(target)}</th>' for target in found.targets)
    tau = '<th scope="col" class="num">tau with the others</th><th scope="col" class="num">seconds</th>'
    head = f'<tr><th scope="col" class="text">measure</th>{columns}{tau}</tr>'
    rows = "\n".join(_measure(found, place) for place in range(len(found.measures)))
    table = f'<table class="first"><thead>{head}</thead>\n<tbody>\n{rows}\n</tbody></table>'
    return scrolling("Nearest source of each target by each measure", table)


def _measure(found: Agreement, place: int) -> str:
    measure = found.measures[place]
    cells = "".join(_vote(found, measure, target) for target in found.targets)
    taus = [float(tau) for other, tau in enumerate(found.kendall[place]) if other != place and not math.isnan(tau)]
    mean = sum(taus) / len(taus) if taus else math.nan
    seconds = found.seconds.get(measure, math.nan)
    numbers = f'<td class="num">{formed(mean, "z.2f")}</td><td class="num">{formed(seconds, ".1f")}</td>'
    return f'<tr><th scope="row" class="text">{place + 1}. {name(measure)}</th>{cells}{numbers}</tr>'


def _vote(found: Agreement, measure: str, target: str) -> str:
    source = found.nearest(target)[measure]
    if source is None:
        return f'<td class="none">{NONE}<span class="unseen"> none</span></td>'
    votes, count = found.votes(target)[source], len(found.measures)
    kind = "all" if votes == count else "most" if votes > count / 2 else "few"
    return f'<td class="{kind}">{name(source)}</td>'


def _taus(found: Agreement) -> str:
    heads = "".join(f'<th scope="col">{place + 1}</th>' for place in range(len(found.measures)))
    rows = "\n".join(
        f'<tr><th scope="row" class="text">{place + 1}. {name(measure)}</th>'
        f"{''.join(_tau(float(tau)) for tau in found.kendall[place])}</tr>"
        for place, measure in enumerate(found.measures)
    )
    head = f'<tr><th scope="col" class="text">measure</th>{heads}</tr>'
    table = f'<table class="heat taus"><thead>{head}</thead>\n<tbody>\n{rows}\n</tbody></table>'
    said = "Kendall's tau of each two measures' rankings, mean over targets: 1 the same order, −1 the reverse."
    return f'{scrolling("Kendall tau of each two measures", table)}\n<p class="small key">{said}</p>'


def _tau(value: float) -> str:
    if math.isnan(value):
        return f'<td class="failed">{NONE}<span class="unseen"> not defined</span></td>'
    return f'<td class="t{round((value + 1) / 2 * (_SHADES - 1))}">{formed(value, "z.2f")}</td>'
