"""The knobs of a phantom: how it looks (style) and what it shows (content)."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from typing import TYPE_CHECKING

from dsim.errors import UnknownNameError, UsageError

if TYPE_CHECKING:
    from typing import Self

#: Knobs that have a neutral middle and two directions; all others run from none to full.
_SIGNED = frozenset({"colour", "contrast"})


@dataclass(frozen=True)
class _Knobs:
    """What both kinds of knobs can do: check themselves, move, and tell how far apart they are."""

    def __post_init__(self) -> None:
        for name, value in self.values().items():
            low = -1.0 if name in _SIGNED else 0.0
            if not (math.isfinite(value) and low <= value <= 1.0):
                raise UsageError(
                    f"knob {name!r} must lie in [{low:g}, 1], not {value!r}", hint=f"turn it to {low:g}..1"
                )

    @classmethod
    def names(cls) -> tuple[str, ...]:
        """The names of the knobs, in a fixed order."""
        return tuple(field.name for field in fields(cls))

    def values(self) -> dict[str, float]:
        """Name to value."""
        return {name: float(value) for name, value in asdict(self).items()}

    def turned(self, settings: Mapping[str, float]) -> Self:
        """The same with some knobs set; a knob of another name is refused with the nearest known."""
        for name in settings:
            if name not in self.names():
                raise UnknownNameError("knob", name, self.names(), hint=f"knobs are: {', '.join(self.names())}")
        return replace(self, **{name: float(value) for name, value in settings.items()})

    def moved(self, goal: Self, share: float) -> Self:
        """The point at this share (0 to 1) of the straight way to the goal."""
        here, there = self.values(), goal.values()
        return replace(self, **{name: here[name] + share * (there[name] - here[name]) for name in here})

    def distance(self, other: Self) -> float:
        """Euclidean distance between two settings."""
        here, there = self.values(), other.values()
        return math.dist(list(here.values()), list(there.values()))


@dataclass(frozen=True)
class Style(_Knobs):
    """How an image looks; turning these never changes a mask or a label.

    Parameters
    ----------
    colour : -1 cold to 1 warm; for gray images -1 dark to 1 light (a bent tone curve; black and white stay).
    contrast : -1 halves and 1 doubles the spread of intensities about their mean.
    texture : 0 smooth surfaces to 1 coarse ones; 0.5 is natural.
    noise : 0 none to 1, a standard deviation of a fifth of the range at full brightness.
    blur : 0 none to 1, a Gaussian of 3 % of the side.
    illumination : 0 even to 1, a vignette with a gradient that is shared by the images of a group.

    >>> Style(blur=0).turned({"blur": 1}).distance(Style(blur=0))
    1.0
    """

    colour: float = 0.0
    contrast: float = 0.0
    texture: float = 0.5
    noise: float = 0.15
    blur: float = 0.15
    illumination: float = 0.2

    @property
    def grain(self) -> float:
        """Amplitude of surface texture relative to the natural one: 0 to 2."""
        return 2.0 * self.texture


@dataclass(frozen=True)
class Content(_Knobs):
    """What an image shows.

    Parameters
    ----------
    shape : 0 round and regular to 1 elongated and ragged.
    scale : 0 to 1: objects from half to twice their natural size.
    density : 0 to 1: from a third to three times the natural number of objects.

    >>> Content(scale=1.0).growth, Content(density=0.0).amount
    (2.0, 0.3333333333333333)
    """

    shape: float = 0.3
    scale: float = 0.5
    density: float = 0.5

    @property
    def growth(self) -> float:
        """Size of objects relative to the natural one: 1/2 to 2."""
        return float(2.0 ** (2.0 * self.scale - 1.0))

    @property
    def amount(self) -> float:
        """Number of objects relative to the natural one: 1/3 to 3."""
        return float(3.0 ** (2.0 * self.density - 1.0))
