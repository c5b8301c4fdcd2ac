"""Whether a source resembles a target at all, by what is known of sets of one kind and of different kinds.

A ranking always has a first. Whether the first is of use is another question: it is answered by a distance of samples
of one size, held against the distances that were measured between real sets of one kind, and of different kinds.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from dsim.files.documents import number, or_nan


class Likeness(StrEnum):
    """Whether the nearest source resembles the target."""

    RESEMBLES = "resembles"
    UNCERTAIN = "uncertain"
    NONE = "none"
    NOT_ASSESSED = "not assessed"


@dataclass(frozen=True)
class Bounds:
    """Bounds on the distance of a source that resembles a target, and of one that does not.

    ``resembles`` : up to here it does, because sets of different kinds are seldom as near; ``none`` : beyond this it
    does not, because no two sets of one kind were as far. Between them nobody can say.
    """

    resembles: float
    none: float

    def judge(self, distance: float) -> Likeness:
        """Return what a source at this distance is to the target; not assessed for NaN.

        >>> [str(Bounds(2.0, 3.0).judge(distance)) for distance in (2.0, 2.5, 3.5)]
        ['resembles', 'uncertain', 'none']
        """
        if math.isnan(distance):
            return Likeness.NOT_ASSESSED
        if distance <= min(self.resembles, self.none):
            return Likeness.RESEMBLES
        return Likeness.NONE if distance > max(self.resembles, self.none) else Likeness.UNCERTAIN


@dataclass(frozen=True)
class Resemblance:
    """Whether the nearest source resembles its target.

    Parameters
    ----------
    measure : identity of the measure of ``distance``, which need not be the one that ranks; empty without one.
    distance : mean over samples of so many ``images`` of both; NaN where it is not known. ``bounds`` : of such ones.
    reason : why it was not assessed, in words; where it was, which other sources could not be, or empty.
    instead : another source that may resemble the target, where the nearest by the ranking does not; else empty.
    """

    likeness: Likeness
    measure: str = ""
    distance: float = math.nan
    images: int = 0
    bounds: Bounds | None = None
    reason: str = ""
    instead: str = ""

    @classmethod
    def unknown(cls, reason: str) -> Resemblance:
        """Return what is said where it was not assessed."""
        return cls(Likeness.NOT_ASSESSED, reason=reason)

    @property
    def assessed(self) -> str:
        """The word before "sources", with a space, where some of them could not be assessed; else empty."""
        return "assessed " if self.reason and self.likeness is Likeness.NONE else ""

    @property
    def words(self) -> str:
        """The distance beside its bounds, in words without a full stop; why there is none where it is not known.

        >>> Resemblance(Likeness.NONE, "energy@1", 7.0, 15, Bounds(2.0, 3.0)).words
        'energy@1 of samples of 15 images: 7; sets of one kind were at most 3 apart, and few of different kinds under 2'
        """
        if self.bounds is None or math.isnan(self.distance):
            return f"whether it resembles the target was not assessed: {self.reason}"
        return (
            f"{self.measure} of samples of {self.images} images: {self.distance:.3g}; sets of one kind were at most"
            f" {self.bounds.none:.3g} apart, and few of different kinds under {self.bounds.resembles:.3g}"
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object; NaN is null."""
        bounds = self.bounds
        return {
            "likeness": str(self.likeness),
            "measure": self.measure,
            "distance": number(self.distance),
            "images": self.images,
            "resembles_up_to": None if bounds is None else number(bounds.resembles),
            "none_beyond": None if bounds is None else number(bounds.none),
            "reason": self.reason,
            "instead": self.instead,
        }

    @classmethod
    def from_dict(cls, document: Mapping[str, Any]) -> Resemblance:
        """Return the object of a JSON document. Raises KeyError where a field is missing, ValueError for a bad word."""
        low, high = document["resembles_up_to"], document["none_beyond"]
        return cls(
            Likeness(document["likeness"]),
            document["measure"],
            or_nan(document["distance"]),
            document["images"],
            None if low is None or high is None else Bounds(low, high),
            document["reason"],
            document["instead"],
        )
