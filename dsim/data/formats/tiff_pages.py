"""The pages of a TIFF file: which of them are samples, and whether all of them are there."""

from __future__ import annotations

import os
import re
import struct
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Any

_DESCRIPTION = 270
#: Bits of NewSubfileType: a smaller version of another page, a transparency mask of another page.
_REDUCED, _MASK = 1, 4
#: Names that readers of slides, and OME metadata, give to pictures that do not show the specimen.
_ASIDE = re.compile(r"(label|macro|thumbnail|overview|map)( image)?", re.IGNORECASE)
#: Sizes of the levels of a pyramid are rounded.
_ROUNDED = 0.05


Stamp = tuple[str, int, int]


class _Parsed:
    """Parsed files that nobody reads, each closed, by path and state; the oldest are forgotten. Safe for threads."""

    def __init__(self) -> None:
        self._idle: list[tuple[Stamp, Any]] = []
        self._renew()
        # A process that is forked while another thread holds the lock would wait for ever.
        if hasattr(os, "register_at_fork"):
            os.register_at_fork(after_in_child=self._renew)

    def take(self, stamp: Stamp) -> Any:
        """Return a parsed file, reserved for the caller until it is given back; None where there is none."""
        with self._lock:
            places = [place for place, (own, _) in enumerate(self._idle) if own == stamp]
            return self._idle.pop(places[-1])[1] if places else None

    def give(self, stamp: Stamp, tif: Any) -> None:
        """Keep a parsed file for its next image."""
        with self._lock:
            self._idle = [*self._idle, (stamp, tif)][-_KEPT:]

    def _renew(self) -> None:
        self._lock = threading.Lock()


#: An image and its mask, for each of a few threads.
_KEPT = 8
_PARSED = _Parsed()


@contextmanager
def opened(path: Path) -> Iterator[Any]:
    """Open a TIFF file by tifffile; the pages that were parsed for one image are known for the next.

    Otherwise each image of a stack would cost a walk through all pages before it. Between two images it is closed.
    """
    import tifffile

    status = path.stat()
    stamp = (str(path.absolute()), status.st_mtime_ns, status.st_size)
    tif = _PARSED.take(stamp)
    if tif is None:
        # An OME-TIFF may name other files to read from; only this one is read.
        tif = tifffile.TiffFile(path, _multifile=False)
    else:
        tif.filehandle.open()
    with tif:
        yield tif
    # Only what was read without an error is kept.
    if _is_settled(status.st_mtime_ns):
        _PARSED.give(stamp, tif)


def _is_settled(changed: int) -> bool:
    """Whether a file that is written anew, with as many bytes, would show another time of change (in ns)."""
    coarse = changed % 10**9 == 0
    return time.time_ns() - changed > (2 * 10**9 if coarse else 5 * 10**7)


def sample_series(tif: Any) -> tuple[list[Any], tuple[str, ...]]:
    """Return the series of pages that are samples, and what the others are.

    Left out are smaller versions of a page, as in pyramids, and label, macro and thumbnail of a slide. Where all series
    are such, all are samples.
    """
    series = list(tif.series)
    aside = [_aside(one, series[0]) for one in series]
    if all(aside):
        return series, ()
    kept = [one for one, what in zip(series, aside, strict=True) if not what]
    aside += ["smaller version" for one in kept if len(one.levels) > 1]
    return kept, tuple(sorted({what for what in aside if what}))


def _aside(series: Any, first: Any) -> str:
    """The kind of a series that is not a sample; empty for a sample."""
    name = _ASIDE.fullmatch(str(series.name or "").strip())
    if name:
        return name[1].lower()
    kind = int(series.keyframe.subfiletype)
    if kind & _MASK:
        return "transparency mask"
    if kind & _REDUCED or _is_level(series, first):
        return "smaller version"
    return ""


def _is_level(series: Any, first: Any) -> bool:
    """Whether tiled pages are those of the first series, made smaller, though no bit says so."""
    large, small = first.keyframe, series.keyframe
    if series is first or not (large.is_tiled and small.is_tiled) or large.dtype != small.dtype:
        return False
    down, across = large.imagelength / small.imagelength, large.imagewidth / small.imagewidth
    steps = round(down)
    power = steps >= 2 and steps & (steps - 1) == 0
    return bool(power) and abs(down / steps - 1) < _ROUNDED and abs(across / steps - 1) < _ROUNDED


# Truncation -------------------------------------------------------------------------------------------------------
# Decoders fill up what is missing with zeros, and a broken chain of pages looks like a shorter file.


def refuse_truncated(tif: Any, size: int) -> None:
    """Raise ValueError where pages of a file of ``size`` bytes break off, are missing, or lead back to one another."""
    _refuse_ring(tif)
    for number, page in enumerate(tif.pages):
        ends = [offset + count for offset, count in zip(page.dataoffsets, page.databytecounts, strict=False)]
        if not ends or max(ends) > size:
            raise ValueError(f"the file breaks off within page {number}")
    if not len(tif.pages) or _directory(tif, tif.pages[-1].offset)[1] != 0:
        raise ValueError(f"the file breaks off after page {len(tif.pages) - 1}")
    # Without its description, an OME-TIFF's or ImageJ's channels would be taken for samples.
    if _DESCRIPTION in _directory(tif, tif.pages[0].offset)[0] and _DESCRIPTION not in tif.pages[0].tags:
        raise ValueError("the file breaks off within its description")
    planes = sum(series.size // series.keyframe.size for series in tif.series)
    if tif.is_imagej and (tif.imagej_metadata or {}).get("images", 1) > planes:
        raise ValueError(f"the file breaks off after image {planes - 1}")


def _refuse_ring(tif: Any) -> None:
    """A chain of pages that leads back to one of them would be read without end."""
    form, file = tif.tiff, tif.filehandle
    file.seek(8 if form.is_bigtiff else 4)
    place = struct.unpack(form.offsetformat, file.read(form.offsetsize))[0]
    seen: set[int] = set()
    while place and place < file.size:
        if place in seen:
            raise ValueError(f"its pages follow one another in a ring, after {len(seen)} of them")
        seen.add(place)
        try:
            place = _directory(tif, place)[1]
        except struct.error:  # the chain breaks off, which its last page shows
            return


def _directory(tif: Any, offset: int) -> tuple[set[int], int]:
    """The tags that a page should have, and where the page after it should begin (0 after the last)."""
    form, file = tif.tiff, tif.filehandle
    file.seek(offset)
    count = struct.unpack(form.tagnoformat, file.read(form.tagnosize))[0]
    entries = file.read(count * form.tagsize)
    codes = {struct.unpack_from(f"{form.byteorder}H", entries, i * form.tagsize)[0] for i in range(count)}
    return codes, int(struct.unpack(form.offsetformat, file.read(form.offsetsize))[0])
