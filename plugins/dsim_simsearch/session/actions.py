"""Actions of a session: values that are written to its log and read from it; what they do stands in ``state``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, ClassVar

from dsim.annotations import Region
from dsim.errors import DataError

#: The actions by the name under which the log holds them.
KINDS: dict[str, type[Action]] = {}


@dataclass(frozen=True)
class Action:
    """One step of a person, or of the program on behalf of a person."""

    kind: ClassVar[str] = ""

    def __init_subclass__(cls, kind: str) -> None:
        cls.kind = kind
        KINDS[kind] = cls

    @property
    def regions_of(self) -> tuple[Region, ...]:
        """The regions that the action is about; empty for others."""
        return getattr(self, "regions", ())

    def to_dict(self) -> dict[str, Any]:
        """Return the JSON object of the log: ``kind`` and the fields; a region is [image, x, y, width, height]."""
        return {"kind": self.kind, **{one.name: _plain(getattr(self, one.name)) for one in fields(self)}}


def from_dict(document: Mapping[str, Any]) -> Action:
    """Return the action of a JSON object. Raises DataError where its kind or its fields are not known.

    >>> from_dict({"kind": "threshold", "label": "cell", "value": 0.5})
    SetThreshold(label='cell', value=0.5)
    """
    kind = KINDS.get(str(document.get("kind")))
    rest = {name: value for name, value in document.items() if name != "kind"}
    if kind is None or set(rest) != {one.name for one in fields(kind)}:
        raise DataError(
            f"no action is {dict(document)}",
            hint=f"kinds are {', '.join(sorted(KINDS))}; a newer version of dsim may know more: update it",
        )
    return kind(**{name: _typed(name, value) for name, value in rest.items()})


def region_to_list(region: Region) -> list[Any]:
    """Return [image, x, y, width, height]: class and score are said elsewhere, or not known."""
    return [region.image, *map(float, region[1:5])]


def region_from_list(values: Any) -> Region:
    """Return the region of [image, x, y, width, height]. Raises DataError for anything else."""
    try:
        image, *numbers = values
        x, y, width, height = map(float, numbers)
    except (TypeError, ValueError):
        raise DataError(f"{values!r} is no region", hint="give [image, x, y, width, height]") from None
    if not (isinstance(image, str) and all(map(math.isfinite, (x, y, width, height)))):
        raise DataError(f"{values!r} is no region", hint="give a name and four numbers that are finite")
    return Region(image, x, y, width, height)


def _plain(value: Any) -> Any:
    if isinstance(value, Region):
        return region_to_list(value)
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return dict(value) if isinstance(value, Mapping) else value


def _typed(name: str, value: Any) -> Any:
    if name == "regions":
        return tuple(region_from_list(item) for item in value)
    return tuple(value) if isinstance(value, list) else value


@dataclass(frozen=True)
class Begin(Action, kind="begin"):
    """Begin a session: the images that are displayed at first, and the channels; the only action without an undo."""

    images: tuple[str, ...]
    channels: tuple[int, ...] = ()


@dataclass(frozen=True)
class ShowImages(Action, kind="images"):
    """Display these images, by id: candidates are looked for in them, noisy patches in all others."""

    images: tuple[str, ...]


@dataclass(frozen=True)
class ChooseChannels(Action, kind="channels"):
    """Use these channels of the images, from 0 on; an empty tuple stands for all."""

    channels: tuple[int, ...]


@dataclass(frozen=True)
class AddPrototypes(Action, kind="add"):
    """Add prototypes to a class, which begins with its first."""

    label: str
    regions: tuple[Region, ...]


@dataclass(frozen=True)
class RemovePrototypes(Action, kind="remove"):
    """Remove prototypes of a class; without its last prototype the class is gone, with its flags and thresholds."""

    label: str
    regions: tuple[Region, ...]


@dataclass(frozen=True)
class SetThreshold(Action, kind="threshold"):
    """Take candidates of at least this similarity, in [-1, 1], for objects of a class."""

    label: str
    value: float


@dataclass(frozen=True)
class Flag(Action, kind="flag"):
    """Flag candidates that are no objects of a class: its negatives."""

    label: str
    regions: tuple[Region, ...]


@dataclass(frozen=True)
class Unflag(Action, kind="unflag"):
    """Take flags of a class back."""

    label: str
    regions: tuple[Region, ...]


@dataclass(frozen=True)
class FlagBackground(Action, kind="flag-background"):
    """Flag suggested background that is none."""

    regions: tuple[Region, ...]


@dataclass(frozen=True)
class UnflagBackground(Action, kind="unflag-background"):
    """Take flags of background back."""

    regions: tuple[Region, ...]


@dataclass(frozen=True)
class SetBackground(Action, kind="background"):
    """Suggest this many most similar, and as many least similar regions of each displayed image as background."""

    count: int


@dataclass(frozen=True)
class Train(Action, kind="train"):
    """A detector was trained.

    Parameters
    ----------
    model : sha256 of its weights. ``inputs`` : digest of the part of the state that it was trained on.
    settings : of the training, as JSON. ``seed`` : of its random numbers.
    """

    model: str
    inputs: str
    settings: Mapping[str, Any] = field(hash=False)
    seed: int


@dataclass(frozen=True)
class SetConfidence(Action, kind="confidence"):
    """Take places with at least this softmax value, in [0, 1], for detections of a class."""

    label: str
    value: float


@dataclass(frozen=True)
class Undo(Action, kind="undo"):
    """Return to the state before the last action that is in force; the action stays in the log."""


@dataclass(frozen=True)
class Redo(Action, kind="redo"):
    """Carry the action out again that was undone last, if nothing else was done since."""
