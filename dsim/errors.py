"""Every expected failure of dsim: the cause, the fix, and the exit code."""

from __future__ import annotations

import difflib
import re
from collections import Counter
from collections.abc import Iterable


class DsimError(Exception):
    """An expected failure, which the user sees without a traceback.

    Parameters
    ----------
    message : one sentence that names the thing and the cause.
    hint : how to mend it; printed on a line of its own after ``fix:``.

    >>> print(DsimError("dataset 'liver' has no masks", hint="put them under liver/masks/"))
    dataset 'liver' has no masks
      fix: put them under liver/masks/
    """

    exit_code = 1

    def __init__(self, message: str, *, hint: str | None = None) -> None:
        self.message = readable(message)
        self.hint = None if hint is None else readable(hint)
        super().__init__(self.message)

    def __str__(self) -> str:
        return self.message if self.hint is None else f"{self.message}\n  fix: {self.hint}"


class UsageError(DsimError):
    """The request itself is wrong: an unknown name, an unknown or ill-typed parameter."""

    exit_code = 2


class UnknownNameError(UsageError):
    """A name that is not registered; suggests the nearest one that is."""

    def __init__(self, kind: str, name: str, known: Iterable[str], *, hint: str | None = None) -> None:
        super().__init__(f"no {kind} named {name!r}.{did_you_mean(name, known)}", hint=hint)
        self.name = name


class DataError(DsimError):
    """A dataset is not what it should be: empty, unreadable, inconsistent, unsafe."""


class UnreadableImageError(DataError):
    """One file could not be decoded; ``--skip-unreadable`` may pass over it."""


class NeedError(DataError):
    """A measure needs something (masks, labels, ...) that the dataset does not have."""


class TooFewSamplesError(DataError):
    """A dataset holds fewer samples than a measure can work with."""


class MeasureError(DsimError):
    """A measure cannot give a value for this input; the cell becomes NaN with this reason."""


class PluginError(DsimError):
    """A plugin is broken, or breaks the contract."""


class WeightsError(DsimError):
    """Weights cannot be reached or are not what their manifest says."""


class StoreError(DsimError):
    """The cache cannot be read or written."""


def readable(text: str) -> str:
    r"""Return a text that can be printed and stored anywhere; line feeds and tabs stay.

    Bytes of a file's name that are not UTF-8, which old archives unpack to, and control characters, which a terminal
    would obey, become ``\xNN``.

    >>> print(readable("caf\udce9\x1b[31m.png"))
    caf\xe9\x1b[31m.png
    """
    return text if text.isprintable() else _UNREADABLE.sub(lambda found: _escape(found[0]), text)


def storable(text: str) -> bool:
    r"""Return whether a text can be written as UTF-8: it holds no bytes that Python could not decode.

    >>> storable("café"), storable("caf\udce9")
    (True, False)
    """
    return text.isascii() or _UNDECODED.search(text) is None


_UNDECODED = re.compile("[\ud800-\udfff]")
_UNREADABLE = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff]")


def _escape(character: str) -> str:
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # how Python holds a byte that it could not decode
        code -= 0xDC00
    return f"\\x{code:02x}" if code < 0x100 else f"\\u{code:04x}"


def repeated(names: Iterable[str]) -> list[str]:
    """Return the names that occur more than once, each once, in their order.

    >>> repeated(["b", "a", "b", "a", "c"])
    ['b', 'a']
    """
    return [name for name, times in Counter(names).items() if times > 1]


def did_you_mean(name: str, known: Iterable[str]) -> str:
    """Return the nearest known name as a question, or an empty string.

    >>> did_you_mean("otd", ["otdd", "asap"])
    " Did you mean 'otdd'?"
    >>> did_you_mean("x", ["otdd", "asap"])
    ''
    """
    near = difflib.get_close_matches(name, list(known), n=1)
    return f" Did you mean {near[0]!r}?" if near else ""
