"""The page of a report: the question, the answer for each target, and then the sections; one file without scripts."""

from __future__ import annotations

from pathlib import Path

from dsim.pages import escape, format_count, isolate_name, join_words, render_picture
from dsim.report.contents import Part, Report
from dsim.report.layout import Section, render_document, render_drawing, write_page
from dsim.report.rankings import WordedVerdict, render_badge, render_rankings, word_verdict, word_votes
from dsim.report.sections import (
    render_agreement,
    render_datasets,
    render_heatmap,
    render_provenance,
    render_steps,
    render_trust,
)
from dsim.report.tried import render_tried, word_tried

#: Names that a sentence enumerates.
_NAMED = 8
_CAPTION = "Each small mark is an image, each large mark the mean of a dataset; near marks look alike to the measure."


def write_report(report: Report, path: str | Path) -> Path:
    """Write the page, whole or not at all, and return its path.

    Raises UsageError for a name that does not end in .html or .htm, and DsimError where it cannot be written.
    """
    return write_page(path, lambda: to_html(report))


def to_html(report: Report) -> str:
    """Return the report as one HTML page that loads nothing and runs nothing; the same report gives the same text."""
    return render_document(
        _title(report),
        _sections(report),
        above=f'<p class="made">{_origin(report)}</p>\n',
        header=_question(report),
        lead=_answers(report),
    )


def _title(report: Report) -> str:
    """The question, short, without markup."""
    targets = report.first.targets
    if report.tried is not None:
        return f"Which model for {report.tried.target}?"
    if targets == report.first.sources:
        return f"Which of {len(targets)} datasets lie near each other?"
    return f"Which source is nearest to {targets[0] if len(targets) == 1 else f'each of {len(targets)} targets'}?"


def _origin(report: Report) -> str:
    """The version and the time of the comparison, as they were recorded."""
    record = report.first.provenance
    day, _, time = str(record.get("created", "")).partition("T")
    return escape(f"dsim {record.get('dsim', '')} · compared {day} {time[:5]} UTC")


def _question(report: Report) -> str:
    """The question, as a paragraph."""
    matrix = report.first
    sources = join_words(_some_names(matrix.sources))
    few = len(matrix.sources) <= _NAMED
    pool = f"{format_count(len(matrix.sources), 'source')}{f' ({sources})' if few else ''}"
    wanted = join_words(_some_names(matrix.targets))
    if report.tried is not None:
        models = format_count(len(report.tried.models), "segmentation model")
        tried = f"{models} {'was' if len(report.tried.models) == 1 else 'were'} tried on the images of {wanted}"
        return f"<p>{tried}. Beside that, {pool} were ranked by similarity ({_describe_measure(report)}).</p>"
    by = f"by {len(report.parts)} measures of similarity" if report.agreement else f"by {_describe_measure(report)}"
    return (
        f"<p>A model for {wanted} is to be trained, or pre-trained, on one of {pool}. The sources were ranked "
        f'{by}. Near images promise transfer and do not prove it: see <a href="#trust">how far to trust this</a>.</p>'
    )


def _some_names(names: tuple[str, ...]) -> list[str]:
    shown = [isolate_name(name) for name in names[:_NAMED]]
    return [*shown, f"{len(names) - _NAMED} more"] if len(names) > _NAMED else shown


def _describe_measure(report: Report) -> str:
    """``Fréchet distance of features (frechet@1), a distance``; and which values mean similar."""
    part = report.parts[0]
    small = "small" if part.matrix.direction.sign > 0 else "large"
    identity = escape(part.matrix.measure)
    called = f"{escape(part.title)} (<code>{identity}</code>)" if part.title else identity
    return f"{called}, a {part.matrix.direction}: {small} values mean similar"


def _answers(report: Report) -> str:
    """One card for each target: the source to take, how sure that is, one image of both; how such choices fared."""
    cards = "\n".join(_answer_card(report, target) for target in report.first.targets)
    fared = report.parts[0].reliability[:1] if not report.agreement else ()
    fared = fared if report.tried is None else report.tried.reliability[:1]
    reliable = "".join(f'<p class="small">{escape(sentence)}</p>' for sentence in fared)
    return f'<div class="answers">\n{cards}\n</div>\n{reliable}'


def _answer_card(report: Report, target: str) -> str:
    verdict = _verdict(report, target)
    source = isolate_name(verdict.best) if verdict.best else "no source"
    source = "none of these" if verdict.best and verdict.kind == "none" else source
    pictures = "".join(_first_picture(report, name) for name in (target, *_shown_sources(report, verdict)))
    shown = f'<div class="pair">{pictures}</div>' if pictures else ""
    return (
        f'<article class="card answer">{shown}<div class="said"><p class="for">for {isolate_name(target)}</p>'
        f'<p class="take">{source}</p><p>{render_badge(verdict)}</p><p>{verdict.words}</p></div></article>'
    )


def _verdict(report: Report, target: str) -> WordedVerdict:
    """The answer by the models that were tried, or the verdict of the one measure, or of all together."""
    if report.tried is not None and report.tried.target == target:
        return word_tried(report.tried)
    return word_votes(report.agreement, target) if report.agreement else word_verdict(report.first, target)


def _shown_sources(report: Report, verdict: WordedVerdict) -> tuple[str, ...]:
    """The source of which an image stands beside one of the target: of a model the first that it was trained on."""
    if report.tried is not None and report.tried.chosen.name == verdict.best:
        return report.tried.chosen.sources[:1]
    return (verdict.best,) if verdict.best else ()


def _first_picture(report: Report, name: str) -> str:
    """An image of a dataset; empty where the page shows none of it."""
    glance = next((glance for glance in report.glances if glance.name == name), None)
    return render_picture(glance.pictures[0]) if glance is not None and glance.pictures else ""


def _sections(report: Report) -> list[Section]:
    """The sections in their order; those with an empty body are left out of the page."""
    several = len(report.parts) > 1
    one = "Ranking" if report.tried is None else "Ranking of the sources by similarity"
    measures = [
        Section(
            f"measure-{place}",
            f"By {isolate_name(part.matrix.measure)}" if several else one,
            _views(part, several),
            "measure",
        )
        for place, part in enumerate(report.parts, 1)
    ]
    models = render_tried(report.tried) if report.tried is not None else ""
    return [
        Section("models", "The models that were tried", models, "measure"),
        Section("datasets", "The datasets at a glance", render_datasets(report)),
        Section("agreement", "How far the measures agree", render_agreement(report)),
        *measures,
        Section("trust", "How far to trust this", render_trust(report)),
        Section("next", "What to do next", render_steps(report)),
        Section("provenance", "What the numbers depend on", render_provenance(report)),
    ]


def _views(part: Part, several: bool) -> str:
    """Rankings, heat map and map of one measure; the verdicts of a single measure stand at the top of the page."""
    title = f'<p class="small">{escape(part.title)}</p>' if part.title else ""
    heat = f'<div class="view">\n<h3>Heat map</h3>\n{render_heatmap(part.matrix)}\n</div>'
    rankings = render_rankings(part.matrix, worded=several)
    return f'{title}\n{rankings}\n<div class="views">\n{heat}\n{_map_view(part)}</div>'


def _map_view(part: Part) -> str:
    if part.map is None:
        reason = f'<p class="missing">No map: {escape(part.no_map)}</p>'
        return f'<div class="view">\n<h3>Map</h3>\n{reason}\n</div>\n' if part.no_map else ""
    drawing = render_drawing(render_picture(part.map), "Map", _CAPTION)
    return f'<div class="view drawing">\n<h3>Map</h3>\n{drawing}\n</div>\n'
