"""How a dataset is to be read."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, fields
from pathlib import Path

from dsim.data.folder_layout import Layout
from dsim.errors import DataError, UnknownNameError, UsageError

ALL, CENTRAL = "all", "central"
#: Across the slices as they are stored; down their rows; along their columns.
AXES = ("z", "y", "x")
_HINT = "write PATH[slices=all], PATH[slices=central] or PATH[slices=5]"


@dataclass(frozen=True)
class Cut:
    """How volumes are cut into images.

    Parameters
    ----------
    slices : ``all``, ``central``, or how many evenly spaced ones.
    axis : ``z`` runs across the slices as they are stored, ``y`` down their rows, ``x`` along their columns.
    time : which time point (echo, channel) of volumes that hold several; None where they hold one.

    Raises UsageError for any other value.
    """

    slices: int | str = ALL
    axis: str = "z"
    time: int | None = None

    def __post_init__(self) -> None:
        numbered = isinstance(self.slices, int) and not isinstance(self.slices, bool) and self.slices >= 1
        if not numbered and self.slices not in (ALL, CENTRAL):
            raise UsageError(f"slices cannot be {self.slices!r}", hint=_HINT)
        if self.axis not in AXES:
            raise UsageError(f"axis cannot be {self.axis!r}", hint=f"choose one of: {', '.join(AXES)}")
        if self.time is not None and (isinstance(self.time, bool) or not isinstance(self.time, int) or self.time < 0):
            raise UsageError(f"time cannot be {self.time!r}", hint="count the time points from 0: PATH[time=0]")

    @classmethod
    def parse(cls, options: Mapping[str, str], others: Sequence[str] = ()) -> Cut:
        """Return the cut of options as in ``PATH[slices=5,axis=y]``; UnknownNameError for any other name.

        ``others`` are names that it may suggest too. Raises UsageError for a value that a cut cannot have.
        """
        known = [field.name for field in fields(cls)]
        for name in options:
            if name not in known:
                hint = f"options are: {', '.join([*known, *others])}; such as PATH[slices=5]"
                raise UnknownNameError("option of a path", name, [*known, *others], hint=hint)
        return cls(**{name: int(text) if text.isdecimal() else text for name, text in options.items()})  # type: ignore[arg-type]

    @property
    def options(self) -> dict[str, str]:
        """The options that differ from the default, as they are written.

        >>> Cut(slices=3, axis="z").options
        {'slices': '3'}
        """
        plain = Cut()
        return {
            field.name: str(getattr(self, field.name))
            for field in fields(self)
            if getattr(self, field.name) != getattr(plain, field.name)
        }

    def positions(self, depth: int) -> tuple[int, ...]:
        """Return the slices that are wanted of a volume (depth, h, w), counted from 0.

        Of K they are the middles of K equal parts, floor((2i + 1) depth / 2K).

        ``central`` is K = 1. A volume of fewer than K slices gives all that it has.

        >>> Cut(slices=3).positions(10), Cut(slices="central").positions(10), Cut(slices=3).positions(2)
        ((1, 5, 8), (5,), (0, 1))
        """
        if self.slices == ALL:
            return tuple(range(depth))
        count = min(depth, 1 if self.slices == CENTRAL else int(self.slices))
        return tuple((2 * part + 1) * depth // (2 * count) for part in range(count))

    def refuse(self, location: object, why: str) -> None:
        """Raise DataError where options were given for data without slices: they would change nothing, in silence."""
        if self.options:
            given = ", ".join(f"{name}={value}" for name, value in self.options.items())
            raise DataError(f"{given} chooses slices of volumes, and {location} {why}", hint="leave the option out")


#: Largest image that is decoded, in pixels: 8192 x 8192. A header that promises more is taken for a decompression bomb.
MAX_PIXELS = 2**26
FIRST, LAST = "first", "last"


def pixels_of(text: str) -> int:
    """Return the number of pixels of ``81000000`` or ``9000x9000``; UsageError for any other text, and for 0.

    >>> pixels_of("9000x9000"), pixels_of("100")
    (81000000, 100)
    """
    sides = text.strip().split("x")
    if len(sides) > 2 or not all(side.isdecimal() and int(side) for side in sides):
        raise UsageError(f"max_pixels cannot be {text!r}", hint="write a number, or HEIGHTxWIDTH: max_pixels=9000x9000")
    return int(sides[0]) * int(sides[-1] if len(sides) == 2 else 1)


@dataclass(frozen=True)
class Arrangement:
    """How large images may be, and where the channels of arrays are: ``PATH[max_pixels=9000x9000,channels=first]``.

    Parameters
    ----------
    max_pixels : largest height x width that is decoded; the header is asked first.
    channels : ``first`` or ``last`` of the axes of an image; None: inferred from the smallest axis.

    Raises UsageError for any other value.
    """

    max_pixels: int = MAX_PIXELS
    channels: str | None = None

    def __post_init__(self) -> None:
        if self.channels not in (None, FIRST, LAST):
            raise UsageError(f"channels cannot be {self.channels!r}", hint=f"choose {FIRST} or {LAST}")

    @classmethod
    def parse(cls, options: Mapping[str, str], max_pixels: int = MAX_PIXELS) -> Arrangement:
        """Return the arrangement of options as they are written; UsageError for a value that it cannot have.

        ``max_pixels`` holds where they do not name it.
        """
        limit = options.get("max_pixels")
        return cls(max_pixels if limit is None else pixels_of(limit), options.get("channels"))

    @property
    def options(self) -> dict[str, str]:
        """The options that differ from the default, as they are written."""
        given = {"max_pixels": str(self.max_pixels)} if self.max_pixels != MAX_PIXELS else {}
        return {**given, **({"channels": self.channels} if self.channels else {})}

    def refuse_channels(self, location: object, why: str) -> None:
        """Raise DataError where channels were given for data whose format knows them."""
        if self.channels:
            raise DataError(
                f"channels={self.channels} says how arrays are stored, and {location} {why}",
                hint="leave the option out",
            )


ARRANGEMENT_OPTIONS = tuple(field.name for field in fields(Arrangement))
#: What the names of phantoms begin with, where a path could stand.
PHANTOMS = "phantoms:"


@dataclass(frozen=True)
class ReadOptions:
    """Options of ``open_dataset``, handed to the reader.

    Parameters
    ----------
    skip_unreadable : decode every file when the dataset is opened, and leave out (and list) those that fail.
    name : the dataset's name; None: the name of its folder or file.
    max_pixels : largest height x width that is decoded; the header is asked first.
    cache : folder that remembers what readers measure; None: the default cache.
    cut : which slices of volumes become images; a reader that has none calls ``cut.refuse``.
    channels : where those of arrays are, ``first`` or ``last``; None: inferred from their shape.
    layout : which files and folders are images, masks, labels and groups; only readers of folders see any.
    """

    skip_unreadable: bool = False
    name: str | None = None
    max_pixels: int = MAX_PIXELS
    cut: Cut = field(default_factory=Cut)
    cache: Path | None = None
    layout: Layout = field(default_factory=Layout)
    channels: str | None = None
