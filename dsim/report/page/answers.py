"""The top of the page: the question, and the answer for each target."""

from __future__ import annotations

from dsim.report.contents import Glance, Report
from dsim.report.page.pictures import img
from dsim.report.page.text import listed, name, plural, text
from dsim.report.page.verdicts import Said, of_all, of_measure

#: Names that a sentence enumerates.
_NAMED = 8


def title(report: Report) -> str:
    """The question, short, without markup."""
    targets = report.first.targets
    if targets == report.first.sources:
        return f"Which of {len(targets)} datasets lie near each other?"
    return f"Which source is nearest to {targets[0] if len(targets) == 1 else f'each of {len(targets)} targets'}?"


def question(report: Report) -> str:
    """What was asked, in a paragraph."""
    matrix = report.first
    sources = listed(_some(matrix.sources))
    few = len(matrix.sources) <= _NAMED
    pool = f"{plural(len(matrix.sources), 'source')}{f' ({sources})' if few else ''}"
    wanted = listed(_some(matrix.targets))
    by = f"by {len(report.parts)} measures of similarity" if report.agreement else f"by {_measure(report)}"
    return (
        f"<p>A model for {wanted} is to be trained, or pre-trained, on one of {pool}. The sources were ranked "
        f'{by}. Near images promise transfer and do not prove it: see <a href="#trust">how far to trust this</a>.</p>'
    )


def answers(report: Report) -> str:
    """One card for each target: the source to take, how sure that is, and how both look."""
    cards = "\n".join(_card(report, target) for target in report.first.targets)
    return f'<div class="answers">\n{cards}\n</div>'


def verdict(report: Report, target: str) -> Said:
    """The verdict of the one measure, or of all together."""
    return of_all(report.agreement, target) if report.agreement else of_measure(report.first, target)


def badge(said: Said) -> str:
    """The verdict in two words."""
    return f'<span class="badge {said.kind}">{said.badge}</span>'


def _card(report: Report, target: str) -> str:
    said = verdict(report, target)
    found = name(said.best) if said.best else "no source"
    pictures = _look(report.glance(target)) + (_look(report.glance(said.best)) if said.best else "")
    shown = f'<div class="pair">{pictures}</div>' if pictures else ""
    return (
        f'<article class="card answer">{shown}<div class="said"><p class="for">for {name(target)}</p>'
        f'<p class="take">{found}</p><p>{badge(said)}</p><p>{said.words}</p></div></article>'
    )


def _look(glance: Glance) -> str:
    return img(glance.pictures[0]) if glance.pictures else ""


def _some(names: tuple[str, ...]) -> list[str]:
    shown = [name(one) for one in names[:_NAMED]]
    return [*shown, f"{len(names) - _NAMED} more"] if len(names) > _NAMED else shown


def _measure(report: Report) -> str:
    """``Fréchet distance of features (frechet@1), a distance``; values of which direction are similar."""
    part = report.parts[0]
    small = "small" if part.matrix.direction.sign > 0 else "large"
    called = (
        f"{text(part.title)} (<code>{text(part.matrix.measure)}</code>)" if part.title else text(part.matrix.measure)
    )
    return f"{called}, a {part.matrix.direction}: {small} values mean similar"
