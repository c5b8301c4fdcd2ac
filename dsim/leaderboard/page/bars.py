"""Small pictures for the cells of the page, as SVG text: intervals on a common scale, and one bar per target."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

#: In units of the picture; the page's style sheet gives the size on screen.
WIDTH, HEIGHT = 132.0, 12.0
BAR, STRIP = 11.0, 24.0


@dataclass(frozen=True)
class Line:
    """A value to hold others against: its ``kind`` gives the look, from the style sheet."""

    kind: str
    name: str
    value: float


@dataclass(frozen=True)
class Scale:
    """The values at the left and right edge.

    >>> Scale(0.0, 10.0).place(5.0)
    66.0
    """

    low: float
    high: float

    def place(self, value: float) -> float:
        """Distance from the left edge; values beyond an edge lie on it."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.0
        return round(WIDTH * min(max(share, 0.0), 1.0), 2)

    def holds(self, value: float) -> bool:
        """Whether a value lies within the edges."""
        return not math.isnan(value) and self.low <= value <= self.high


def interval_bar(value: float, low: float, high: float, scale: Scale, lines: Sequence[Line], told: str) -> str:
    """A dot for the value, a bar for its interval, and a line through each reference; ``told`` is read out."""
    if math.isnan(value):
        return ""
    middle = HEIGHT / 2
    parts = [f"<title>{escape(told)}</title>", *_references(scale, lines, HEIGHT)]
    if not math.isnan(low) and not math.isnan(high):
        left, right = scale.place(low), scale.place(high)
        parts.append(f'<line class="span" x1="{left}" x2="{right}" y1="{middle}" y2="{middle}"/>')
    parts.append(f'<circle class="dot" cx="{scale.place(value)}" cy="{middle}" r="3"/>')
    return _svg("bar", WIDTH, HEIGHT, parts)


def axis(scale: Scale, ticks: Sequence[tuple[float, str]], lines: Sequence[Line]) -> str:
    """The scale of a column of bars, for its head."""
    parts = [f"<title>{escape(_listed(lines))}</title>", *_references(scale, lines, 5.0)]
    parts.append(f'<line class="axis" x1="0" x2="{WIDTH}" y1="5" y2="5"/>')
    for value, text in ticks:
        where = scale.place(value)
        anchor = "start" if where == 0 else "end" if where == WIDTH else "middle"
        parts.append(f'<text x="{where}" y="15" text-anchor="{anchor}">{escape(text)}</text>')
    return _svg("axis", WIDTH, 17.0, parts)


def sample(line: Line) -> str:
    """The look of a reference line, for the key."""
    return _svg("sample", 8.0, HEIGHT, [f'<line class="ref {line.kind}" x1="4" x2="4" y1="0" y2="{HEIGHT}"/>'])


def strip(regrets: Sequence[float], told: Sequence[str], most: float) -> str:
    """One bar per target, as high as its regret; a dot where there is none, a cross where it is not known.

    Parameters
    ----------
    regrets : 0 or more; NaN where not known. ``told`` : what each bar says when it is pointed at.
    most : the regret of a bar of full height, common to all rows.
    """
    bars = [
        f'<g><title>{escape(text)}</title><rect class="hit" x="{BAR * place}" y="0" width="{BAR}" height="{STRIP}"/>'
        f"{_bar(place, regret, most)}</g>"
        for place, (regret, text) in enumerate(zip(regrets, told, strict=True))
    ]
    return _svg("strip", BAR * len(regrets), STRIP, bars)


def strip_names(names: Sequence[str], high: float = 88.0) -> str:
    """The names above the bars of a strip, upright; the long ones shortened."""
    parts = []
    for place, name in enumerate(names):
        x, short = BAR * (place + 0.5) + 3, name if len(name) <= 15 else f"{name[:14]}…"
        turned = f'transform="translate({x} {high - 2}) rotate(-90)"'
        parts.append(f"<g><title>{escape(name)}</title><text {turned}>{escape(short)}</text></g>")
    return _svg("names", BAR * len(names), high, parts)


def _bar(place: int, regret: float, most: float) -> str:
    left, foot = BAR * place, STRIP - 1
    middle = left + BAR / 2
    if math.isnan(regret):
        x1, x2 = middle - 2.5, middle + 2.5
        return f'<path class="unknown" d="M{x1} {foot - 5}L{x2} {foot}M{x2} {foot - 5}L{x1} {foot}"/>'
    if regret <= 0 or most <= 0:
        return f'<circle class="hit-best" cx="{middle}" cy="{foot - 2}" r="2"/>'
    high = max(1.5, round((STRIP - 2) * min(regret / most, 1.0), 2))
    return f'<rect class="regret" x="{left + 1.5}" y="{round(foot - high, 2)}" width="{BAR - 3}" height="{high}"/>'


def _references(scale: Scale, lines: Sequence[Line], high: float) -> list[str]:
    drawn = []
    for line in lines:
        if scale.holds(line.value):
            x = scale.place(line.value)
            drawn.append(f'<line class="ref {line.kind}" x1="{x}" x2="{x}" y1="0" y2="{high}"/>')
    return drawn


def _listed(lines: Sequence[Line]) -> str:
    return "; ".join(f"{line.name} {line.value:.3g}" for line in lines if not math.isnan(line.value))


def _svg(kind: str, width: float, height: float, parts: Sequence[str]) -> str:
    return f'<svg class="{kind}" viewBox="0 0 {width:g} {height:g}" role="img">{"".join(parts)}</svg>'
