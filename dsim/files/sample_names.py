"""Names of files for samples, which every disk can hold and distinguish."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

#: What Windows refuses in names; a colon also stands for a folder on old Macs.
_FORBIDDEN = re.compile(r'[<>:"|?*\\\x00-\x1f]')


_DEVICES = re.compile(r"(con|prn|aux|nul|com\d|lpt\d)(\..*)?", re.IGNORECASE)


def file_names(ids: Sequence[str]) -> tuple[str, ...]:
    """Return a place below a folder, without suffix, for each sample: its id wherever that can be the name of a file.

    Characters that some disks refuse become ``_``. Of ids that differ only in case, or in how an accent is written, the
    first keeps its name and the others get a number: on many disks they would be one file.

    >>> file_names(["a/cell", "a/Cell", "b/cell", "what?"])
    ('a/cell', 'a/Cell-2', 'b/cell', 'what_')
    """
    safe = [safe_name(id) for id in ids]
    reserved = {_folded(name) for name in safe}
    taken: set[str] = set()
    names = []
    for name in safe:
        chosen, number = name, 1
        # A name made up for one sample must not be the name of another, which may still come.
        while _folded(chosen) in taken or (number > 1 and _folded(chosen) in reserved):
            number += 1
            chosen = f"{name}-{number}"
        taken.add(_folded(chosen))
        names.append(chosen)
    return tuple(names)


def safe_name(id: str) -> str:
    """Return a place that every disk can hold, never above its folder and never absolute.

    >>> safe_name("../a:b/con")
    '_/a_b/_con'
    """
    return "/".join(_part(part) for part in id.split("/") if part) or "_"


def _part(part: str) -> str:
    kept = _FORBIDDEN.sub("_", part).rstrip(". ")
    # A name that begins with a dot is hidden from annotation tools.
    kept = f"_{kept[1:]}" if kept.startswith(".") else kept
    return f"_{kept}" if not kept or _DEVICES.fullmatch(kept) else kept


def _folded(name: str) -> str:
    return unicodedata.normalize("NFC", name).casefold()
