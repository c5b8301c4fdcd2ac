"""Colour and shape of each dataset: told apart by either alone where there are few, by both where there are many."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

Role = Literal["source", "target"]

#: Okabe and Ito's colours, safe for the colour-blind; without their yellow, which is lost on white.
COLOURS = ("#0072B2", "#D55E00", "#009E73", "#CC79A7", "#56B4E9", "#E69F00", "#3A3A3A")

#: Sources are filled shapes, targets are strokes, so that the role shows in black and white too.
SHAPES: Mapping[Role, tuple[str, ...]] = {
    "source": ("o", "s", "^", "D", "v", "P", "p", "h"),
    "target": ("x", "+", "1", "2", "3", "4"),
}


@dataclass(frozen=True)
class Look:
    """How one dataset is drawn."""

    colour: str
    shape: str


def looks(roles: Mapping[str, Role]) -> dict[str, Look]:
    """A look for each dataset, in order; no two of up to 56 sources, nor of up to 42 targets, are equal.

    Colours run through sources and targets together, so that few datasets share none.

    >>> looks({"a": "source", "b": "target"})
    {'a': Look(colour='#0072B2', shape='o'), 'b': Look(colour='#D55E00', shape='x')}
    """
    order = [name for role in ("source", "target") for name in roles if roles[name] == role]
    sources = sum(role == "source" for role in roles.values())
    result = {}
    for position, name in enumerate(order):
        role = roles[name]
        shapes = SHAPES[role]
        turn = (position - (sources if role == "target" else 0)) // len(COLOURS)
        result[name] = Look(COLOURS[position % len(COLOURS)], shapes[turn % len(shapes)])
    return result
