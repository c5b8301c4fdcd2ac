"""The cache: where it is, how much it holds, whether it can be written, whether it is sound."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

from dsim.doctor.findings import Finding, Status
from dsim.runtime import default_cache
from dsim.store.maintenance import format_size, usage, verify

#: Bytes up to which every file is checked against its checksum; more would take longer than a few seconds.
CHECKED = 300 * 10**6
#: Bytes of free disk below which the doctor speaks.
LITTLE = 10**9
_TOPIC = "cache"


def examine() -> Iterator[Finding]:
    """Place, size and soundness of the default cache."""
    root = default_cache()
    fault = _not_writable(root)
    if fault:
        told = f"{root} cannot be written: {fault}"
        yield Finding(_TOPIC, Status.BROKEN, told, "set DSIM_CACHE to a folder that you may write to")
        return
    held = usage(root)
    size = sum(found.bytes for found in held)
    chosen = " ($DSIM_CACHE)" if os.environ.get("DSIM_CACHE") else ""
    yield Finding(_TOPIC, Status.OK, f"{root}{chosen}: {sum(found.count for found in held)} files, {format_size(size)}")
    yield from _soundness(root, size)
    yield from _room(root)


def _not_writable(root: Path) -> str:
    """Why nothing can be written there; empty where it can. What was not there before is not left behind."""
    made = not root.exists()
    try:
        root.mkdir(parents=True, exist_ok=True)
        with tempfile.NamedTemporaryFile(dir=root, prefix=".doctor-"):
            pass
        if made:
            root.rmdir()
    except OSError as error:
        return error.strerror or str(error)
    return ""


def _soundness(root: Path, size: int) -> Iterator[Finding]:
    if size > CHECKED:
        told = f"its files were not checked: they are more than {format_size(CHECKED)}"
        yield Finding(_TOPIC, Status.NOTE, told, "dsim cache verify checks them all")
        return
    corrupt = verify(root)
    for item, reason in corrupt:
        told = f"{item.path} is corrupt: {reason}"
        yield Finding(_TOPIC, Status.BROKEN, told, "remove it; it is computed again when next needed")
    if size and not corrupt:
        yield Finding(_TOPIC, Status.OK, "every file is what was written")


def _room(root: Path) -> Iterator[Finding]:
    there = next(folder for folder in (root, *root.parents) if folder.exists())
    free = shutil.disk_usage(there).free
    if free < LITTLE:
        told = f"{format_size(free)} of disk are free"
        yield Finding(_TOPIC, Status.NOTE, told, "dsim cache prune --max-size 1GB; or set DSIM_CACHE to another disk")
