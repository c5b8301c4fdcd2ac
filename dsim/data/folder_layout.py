"""The meaning of folders where their names do not show it: options such as ``PATH[images=img,masks=gt]``."""

from __future__ import annotations

import shlex
from collections.abc import Mapping
from dataclasses import dataclass, fields
from pathlib import Path

from dsim.errors import DataError, UsageError, readable

#: ``masks=none``: every file is an image.
NONE = "none"


@dataclass(frozen=True)
class Layout:
    """Which files are images and masks, and which folders are labels and groups.

    Parameters
    ----------
    images, masks : a folder below the path, or names such as ``*_img`` or ``gt/*_mask``, in which ``*`` stands for what
        image and mask have in common; ``masks=none`` takes every file for an image.
    labels, groups : the level of folders, counted from 1 at the top of a sample's id, whose names are its label or
        group; 0 for none.
    channel : which channel of images that are named ``CASE_0000``, ``CASE_0001``, ... counted from 0.

    Raises UsageError for any other value.
    """

    images: str | None = None
    masks: str | None = None
    labels: int | None = None
    groups: int | None = None
    channel: int | None = None

    def __post_init__(self) -> None:
        for what in ("images", "masks"):
            text = getattr(self, what)
            if text is not None and (not text.strip() or text.count("*") > 1 or "*" in text.rpartition("/")[0]):
                raise UsageError(
                    f"{what} cannot be {text!r}", hint=f"name a folder, or files by one star: [{what}=*_{what[:-1]}]"
                )
            # A truth or a list of datasets may come from a stranger: its options must not reach elsewhere either.
            if text is not None and (text.startswith("/") or ".." in text.split("/") or Path(text).is_absolute()):
                raise UsageError(
                    f"{what} cannot be {text!r}: it does not lie below the path",
                    hint="give a path that holds both folders, and name each below it: PATH[images=img,masks=gt]",
                )

    @classmethod
    def parse(cls, options: Mapping[str, str]) -> Layout:
        """Return the layout of options as in ``PATH[images=img,masks=gt]``; raises UsageError for wrong values.

        >>> Layout.parse({"masks": "gt", "labels": "1"})
        Layout(images=None, masks='gt', labels=1, groups=None, channel=None)
        """
        for name in ("labels", "groups", "channel"):
            if name in options and not options[name].isdecimal():
                raise UsageError(f"{name} cannot be {options[name]!r}", hint=f"give a number: PATH[{name}=1]")
        return cls(**{name: int(text) if name in _NUMBERS else text for name, text in options.items()})  # type: ignore[arg-type]

    @property
    def options(self) -> dict[str, str]:
        """The options that were given, as they are written.

        >>> Layout(masks="gt", labels=1).options
        {'masks': 'gt', 'labels': '1'}
        """
        given = {field.name: getattr(self, field.name) for field in fields(self)}
        return {name: str(value) for name, value in given.items() if value is not None}

    def refuse(self, location: object, why: str) -> None:
        """Raise DataError where options were given for data without folders: they would change nothing, in silence."""
        if self.options:
            given = ", ".join(f"{name}={value}" for name, value in self.options.items())
            raise DataError(f"{given} says what folders mean, and {location} {why}", hint="leave the option out")

    def refuse_channel(self, location: object) -> None:
        """Raise DataError where a channel was given, and no image is named by its channel."""
        if self.channel is not None:
            raise DataError(
                f"channel={self.channel} chooses among files CASE_0000, CASE_0001, ... beside masks, and {location} "
                "has none",
                hint=f"leave the option out, or choose files by their names: {typed(location, images='*_0000')}",
            )


def typed(path: object, **options: object) -> str:
    """Return a path with options as a shell takes it, in quotes; Python takes what is between them.

    >>> typed("scans", images="img", masks="gt")
    "'scans[images=img,masks=gt]'"
    """
    return shlex.quote(readable(f"{path}[{','.join(f'{name}={value}' for name, value in options.items())}]"))


_NUMBERS = ("labels", "groups", "channel")
NAMES = tuple(field.name for field in fields(Layout))
