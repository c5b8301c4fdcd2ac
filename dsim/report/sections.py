"""The page's sections around the rankings: datasets, heat map, agreement, trust, next steps, provenance."""

from __future__ import annotations

import json
import math
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from dsim.measures import Likeness, SimilarityMatrix
from dsim.pages import (
    MISSING,
    escape,
    format_count,
    format_decimals,
    format_number,
    isolate_name,
    render_list,
    render_picture,
    render_scroll,
)
from dsim.plots import equal_decimals, range_of_colours, tell_narrow_range
from dsim.report.build import SIDE
from dsim.report.layout import render_facts

if TYPE_CHECKING:
    from dsim.comparison import Agreement
    from dsim.measures import SimilarityMatrix
    from dsim.report.contents import Glance, Part, Report


#: Measures up to which each two are shown.
_MOST_PAIRED = 16
#: Classes of the style sheet, t0 to t10, for tau from -1 to 1.
_TAU_SHADES = 11


def render_datasets(report: Report) -> str:
    """Return a card for each dataset, with pictures and facts, and below them the size of the pictures."""
    cards = "\n".join(_dataset_card(glance) for glance in report.glances)
    shown = [picture for glance in report.glances for picture in glance.pictures]
    size = sum(len(picture.uri) for picture in shown)
    note = (
        f"{format_count(len(shown), 'image')}, evenly spread over each dataset, each at most {SIDE} pixels wide or "
        f"high, {size / 1e6:.2f} MB in all. Channels and pixels are those of the images shown; deep images are scaled "
        "as the measure saw them, dark ones brightened; a line around an object is its mask."
        if shown
        else "No image is at hand: facts are those that were recorded."
    )
    return f'<div class="glances">\n{cards}\n</div>\n<p class="small">{note}</p>'


def _dataset_card(glance: Glance) -> str:
    pictures = "".join(render_picture(picture) for picture in glance.pictures)
    missing = f'<p class="missing">No images: {escape(glance.missing)}</p>'
    look = f'<div class="thumbs">{pictures}</div>' if pictures else missing
    facts = "".join(f"<div><dt>{escape(key)}</dt><dd>{escape(value)}</dd></div>" for key, value in glance.facts.items())
    role = f'<span class="role {glance.role.partition(" ")[0]}">{glance.role}</span>'
    return f'<article class="card glance"><h3>{isolate_name(glance.name)} {role}</h3>{look}<dl>{facts}</dl></article>'


def render_agreement(report: Report) -> str:
    """Return which source each measure puts first, and how alike they rank.

    Empty for a single measure, unless others failed.
    """
    failed = render_list(
        f"{isolate_name(measure)} gave no values: {escape(reason)}" for measure, reason in report.failed.items()
    )
    agreement = report.agreement
    if agreement is None:
        return failed
    count = len(agreement.measures)
    taus = f"<h3>How alike they rank</h3>\n{_taus(agreement)}" if count <= _MOST_PAIRED else ""
    key = (
        f'<p class="small key"><span class="swatch all"></span> all {count} measures '
        '<span class="swatch most"></span> more than half <span class="swatch few"></span> fewer. '
        "Measures on the same features are not independent witnesses.</p>"
    )
    return "\n".join(["<h3>Whom each measure puts first</h3>", _first_places(agreement), key, taus, failed])


def _first_places(agreement: Agreement) -> str:
    columns = "".join(f'<th scope="col">{isolate_name(target)}</th>' for target in agreement.targets)
    tau = '<th scope="col" class="num">tau with the others</th><th scope="col" class="num">seconds</th>'
    head = f'<tr><th scope="col" class="text">measure</th>{columns}{tau}</tr>'
    rows = "\n".join(_first_row(agreement, place) for place in range(len(agreement.measures)))
    table = f'<table class="first"><thead>{head}</thead>\n<tbody>\n{rows}\n</tbody></table>'
    return render_scroll("Nearest source of each target by each measure", table)


def _first_row(agreement: Agreement, place: int) -> str:
    measure = agreement.measures[place]
    cells = "".join(_vote(agreement, measure, target) for target in agreement.targets)
    row = agreement.kendall[place]
    taus = [float(tau) for other, tau in enumerate(row) if other != place and not math.isnan(tau)]
    mean = format_decimals(sum(taus) / len(taus) if taus else math.nan, "z.2f")
    seconds = format_decimals(agreement.seconds.get(measure, math.nan), ".1f")
    numbers = f'<td class="num">{mean}</td><td class="num">{seconds}</td>'
    return f'<tr><th scope="row" class="text">{place + 1}. {isolate_name(measure)}</th>{cells}{numbers}</tr>'


def _vote(agreement: Agreement, measure: str, target: str) -> str:
    source = agreement.nearest(target)[measure]
    if source is None:
        return f'<td class="none">{MISSING}<span class="unseen"> none</span></td>'
    poll = agreement.poll(target)
    kind = "few"
    if source in poll.leaders and poll.decided:
        kind = "all" if poll.unanimous else "most"
    return f'<td class="{kind}">{isolate_name(source)}</td>'


def _taus(agreement: Agreement) -> str:
    heads = "".join(f'<th scope="col">{place + 1}</th>' for place in range(len(agreement.measures)))
    rows = "\n".join(
        f'<tr><th scope="row" class="text">{place + 1}. {isolate_name(measure)}</th>'
        f"{''.join(_tau(float(tau)) for tau in agreement.kendall[place])}</tr>"
        for place, measure in enumerate(agreement.measures)
    )
    head = f'<tr><th scope="col" class="text">measure</th>{heads}</tr>'
    table = f'<table class="heat taus"><thead>{head}</thead>\n<tbody>\n{rows}\n</tbody></table>'
    key = "Kendall's tau of each two measures' rankings, mean over targets: 1 the same order, −1 the reverse."
    return f'{render_scroll("Kendall tau of each two measures", table)}\n<p class="small key">{key}</p>'


def _tau(value: float) -> str:
    if math.isnan(value):
        return f'<td class="failed">{MISSING}<span class="unseen"> not defined</span></td>'
    return f'<td class="t{round((value + 1) / 2 * (_TAU_SHADES - 1))}">{format_decimals(value, "z.2f")}</td>'


def render_trust(report: Report) -> str:
    """Return by measure how such choices fared where transfer was measured, its blind spots, and remarks."""
    return "\n".join(_trust_in_part(part, several=len(report.parts) > 1) for part in report.parts)


def _trust_in_part(part: Part, several: bool) -> str:
    heading = f"<h3>{isolate_name(part.matrix.measure)}</h3>\n" if several else ""
    lines = [escape(sentence) for sentence in part.reliability]
    lines += [f"Blind to: {escape(part.blind_to)}."] if part.blind_to else []
    lines += [escape(note) for note in part.notes]
    return heading + (render_list(lines) or "<p>Nothing is known of how such choices fared.</p>")


def render_steps(report: Report) -> str:
    """Return the next steps, in order, with the commands as they are typed."""
    items = "".join(f"<li><p>{escape(step.text)}</p>{_command(step.command)}</li>" for step in report.steps)
    return f'<ol class="steps">{items}</ol>' if items else ""


def _command(typed: str) -> str:
    """A command whose words are not broken where lines break."""
    words = " ".join(f"<span>{escape(word)}</span>" for word in typed.split(" "))
    return f"<pre><code>{words}</code></pre>" if typed else ""


def render_provenance(report: Report) -> str:
    """Return everything that the numbers depend on: by measure, then by dataset."""
    several = len(report.parts) > 1
    parts = [
        (f"<h3>{isolate_name(part.matrix.measure)}</h3>\n" if several else "") + _measure_record(part.matrix)
        for part in report.parts
    ]
    return "\n".join([*parts, "<h3>Datasets</h3>", _dataset_records(report.first)])


def _measure_record(matrix: SimilarityMatrix) -> str:
    return render_facts(_measure_facts(matrix))


def _measure_facts(matrix: SimilarityMatrix) -> Iterator[tuple[str, str]]:
    record = matrix.provenance
    yield "measure", f"<code>{escape(matrix.measure)}</code>, {escape(record.get('plugin', ''))}"
    yield "computed", f"{escape(record.get('created', ''))} by dsim {escape(record.get('dsim', ''))}"
    yield "parameters", _pairs(record.get("parameters", {}))
    for recipe in record.get("extractors", ()):
        yield "features", _pairs(recipe)
    yield "draws", f"seed {record.get('seed')}, bootstrap {matrix.replicates}, permutations {matrix.permutations}"
    for condition in record.get("conditions", ()):
        libraries = ", ".join(f"{library} {version}" for library, version in condition.get("libraries", {}).items())
        yield "under", escape(f"{condition.get('device')}, dsim {condition.get('dsim')}, {libraries}")
    if record.get("fitted"):
        yield "fitted", f"<code>{escape(json.dumps(record['fitted'], sort_keys=True))}</code>"


def _pairs(values: Mapping[str, Any]) -> str:
    if not values:
        return "none"
    return f"<code>{escape(', '.join(f'{key}={_value(value)}' for key, value in values.items()))}</code>"


def _value(value: Any) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _dataset_records(matrix: SimilarityMatrix) -> str:
    rows = "\n".join(_dataset_record(key, record) for key, record in matrix.provenance["datasets"].items())
    heads = "".join(
        f'<th scope="col" class="text">{head}</th>' for head in ("dataset", "where", "fingerprint", "notes")
    )
    table = f'<table class="record"><thead><tr>{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>'
    note = f"Fingerprints are of the parts that {escape(matrix.measure)} reads."
    return f'{render_scroll("Record of the datasets", table)}\n<p class="small">{note}</p>'


def _dataset_record(key: str, record: Mapping[str, Any]) -> str:
    notes = [*record.get("notes", ())]
    notes += [f"unreadable, left out: {', '.join(record['skipped'])}"] if record.get("skipped") else []
    where = escape(f"{record['location']}{record.get('options', '')}")
    return (
        f'<tr><th scope="row" class="text">{isolate_name(key)}</th><td><code>{where}</code><br>'
        f"{escape(record['format'])}, {record['samples']:,} images, resampled by {escape(record['resampled_by'])}</td>"
        f"<td><code>{escape(record['fingerprint'])}</code></td><td>{escape('; '.join(notes))}</td></tr>"
    )


#: Classes of the style sheet, v0 to v15.
_SHADES = 16
#: Targets from which on names stand upright.
_MANY = 8


def render_heatmap(matrix: SimilarityMatrix) -> str:
    """Return the table of all values (sources, targets), and below it the reasons why cells failed.

    A star marks the best source of each target.
    """
    low, high = range_of_colours(matrix)
    form = equal_decimals(value for row in matrix.values for value in row)
    heads = "".join(f'<th scope="col"><span>{isolate_name(target)}</span></th>' for target in matrix.targets)
    many = " many" if len(matrix.targets) > _MANY else ""
    rows = "\n".join(_row(matrix, row, (low, high), form) for row in range(len(matrix.sources)))
    table = (
        f'<table class="heat{many}"><thead><tr><th scope="col" class="text corner">source \\ target</th>'
        f"{heads}</tr></thead>\n<tbody>\n{rows}\n</tbody></table>"
    )
    return f"{render_scroll('Heat map of all values', table)}\n{_key(matrix, low, high)}{_failures(matrix)}"


def _row(matrix: SimilarityMatrix, row: int, limits: tuple[float, float], form: str) -> str:
    cells = "".join(_cell(matrix, row, column, limits, form) for column in range(len(matrix.targets)))
    return f'<tr><th scope="row" class="text">{isolate_name(matrix.sources[row])}</th>{cells}</tr>'


def _cell(matrix: SimilarityMatrix, row: int, column: int, limits: tuple[float, float], form: str) -> str:
    value, target = float(matrix.values[row, column]), matrix.targets[column]
    if math.isnan(value):
        return f'<td class="failed">{MISSING}<span class="unseen"> failed</span></td>'
    same = " same" if matrix.same[row, column] else ""
    verdict = matrix.verdicts[target]
    star = ""
    if verdict.best == matrix.sources[row] and not same:
        unlike = verdict.likeness is Likeness.NONE
        hollow = "first, and does not resemble the target" if unlike else "first, no clear winner"
        mark, meaning = ("☆", hollow) if unlike or verdict.clear is False else ("★", "best")
        star = f'<span class="star" aria-hidden="true">{mark}</span><span class="unseen"> {meaning}</span>'
    return f'<td class="v{_shade(matrix, value, limits)}{same}">{format_decimals(value, form)}{star}</td>'


def _shade(matrix: SimilarityMatrix, value: float, limits: tuple[float, float]) -> int:
    """0 for the most similar; a dataset against itself may lie beyond the scale, and has its end."""
    low, high = limits
    share = min(max((value - low) / (high - low), 0.0), 1.0)
    return round((share if matrix.direction.sign > 0 else 1 - share) * (_SHADES - 1))


def _key(matrix: SimilarityMatrix, low: float, high: float) -> str:
    ends = (low, high) if matrix.direction.sign > 0 else (high, low)
    strip = "".join(f'<span class="v{shade}"></span>' for shade in range(_SHADES))
    legend = (
        f'<span class="legend" aria-hidden="true"><span class="end">similar {format_number(ends[0])}</span>'
        f'<span class="strip">{strip}</span><span class="end">{format_number(ends[1])} unlike</span></span>'
    )
    key = ["The darker, the more similar.", *filter(None, [tell_narrow_range(matrix)])]
    verdicts = [matrix.verdicts[target] for target in matrix.targets if matrix.verdicts[target].best]
    clear = {verdict.clear is not False and verdict.likeness is not Likeness.NONE for verdict in verdicts}
    key += ["★ best source of the target."] if True in clear else []
    key += ["☆ first, but no clear winner, or not like the target."] if False in clear else []
    key += ["Framed: a dataset against itself, not ranked."] if matrix.same.any() else []
    return f'<p class="small key">{legend} {" ".join(key)}</p>'


def _failures(matrix: SimilarityMatrix) -> str:
    reasons = Counter(reason for _, _, reason in matrix.failed)
    return render_list(
        f"failed, {format_count(count, 'pair')}: {escape(reason)}" for reason, count in reasons.most_common()
    )
