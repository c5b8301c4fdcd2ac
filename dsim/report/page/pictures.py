"""Pictures and small drawings of the page."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from dsim.report.contents import Picture
from dsim.report.page.text import text


def img(picture: Picture) -> str:
    """A picture with its size, so that nothing jumps when it is decoded."""
    size = f'width="{picture.width}" height="{picture.height}"'
    return f'<img src="{picture.uri}" {size} alt="{text(picture.alt)}">'


@dataclass(frozen=True)
class Scale:
    """The values at the left and right edge of the bars.

    >>> Scale(0.0, 10.0).place(2.5)
    '25%'
    """

    low: float
    high: float

    @classmethod
    def over(cls, values: Iterable[float]) -> Scale:
        """From the least to the largest of what is known."""
        known = [value for value in values if math.isfinite(value)]
        return cls(min(known, default=0.0), max(known, default=1.0))

    def place(self, value: float) -> str:
        """Where a value stands, as a share of the width."""
        share = (value - self.low) / (self.high - self.low) if self.high > self.low else 0.5
        return f"{round(100 * share, 2):g}%"


def bar(value: float, low: float, high: float, floor: float, scale: Scale) -> str:
    """A dot for the value, a bar for its interval, a line where the halves are; its numbers stand beside it."""
    if math.isnan(value):
        return ""
    parts = ['<line class="track" x1="0%" x2="100%" y1="50%" y2="50%"/>']
    if not math.isnan(floor):
        parts.append(f'<line class="floor" x1="{scale.place(floor)}" x2="{scale.place(floor)}" y1="0%" y2="100%"/>')
    if not math.isnan(low) and not math.isnan(high):
        parts.append(f'<line class="span" x1="{scale.place(low)}" x2="{scale.place(high)}" y1="50%" y2="50%"/>')
    parts.append(f'<circle class="dot" cx="{scale.place(value)}" cy="50%" r="4"/>')
    return f'<svg class="bar" aria-hidden="true">{"".join(parts)}</svg>'
