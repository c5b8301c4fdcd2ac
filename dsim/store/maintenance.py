"""The contents of a cache: how much it holds, whether it is sound, and removal of records."""

from __future__ import annotations

import time
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from pathlib import Path

from dsim.errors import StoreError, UsageError
from dsim.files import file_sha256
from dsim.runtime import Progress, Silent
from dsim.store.array_file import Corrupt, open_rows
from dsim.store.content import PART, QUARANTINE

#: Where measures keep the models that they trained, one folder each; what ends in UNFINISHED is still being trained.
MODELS, MANIFEST, UNFINISHED = "models", "manifest.toml", ".unfinished"
_HOUR, _DAY = 3600.0, 86400.0
_UNITS = {"": 1, "K": 10**3, "M": 10**6, "G": 10**9, "T": 10**12}


@dataclass(frozen=True)
class Item:
    """One file of a cache, or the folder of a trained model. ``used``: when it last was, seconds since the epoch."""

    kind: str
    path: Path
    bytes: int
    used: float


@dataclass(frozen=True)
class Usage:
    """The number and size of a cache's records of one kind."""

    kind: str
    count: int
    bytes: int


@dataclass(frozen=True)
class Removal:
    """A file that was removed, or would be."""

    item: Item
    why: str


def items(root: Path) -> list[Item]:
    """Return all finished records, oldest use first; a file of cells, or a trained model, counts as one."""
    records = (_item(path.parent.parent.name, path) for path in root.glob("*/??/*.h5") if not path.name.startswith("."))
    cells = (_item(path.stem, path) for path in root.glob("*.sqlite"))
    trained = (_item(MODELS, path.parent) for path in root.glob(f"{MODELS}/*/{MANIFEST}") if _is_finished(path.parent))
    found = (item for source in (records, cells, trained) for item in source if item is not None)
    return sorted(found, key=lambda item: (item.used, str(item.path)))


def usage(root: Path) -> list[Usage]:
    """Return number and size of the records of each kind, and of quarantined and unfinished files."""
    leftovers = [item for item in _leftovers(root) if item is not None]
    by_kind: dict[str, list[Item]] = {}
    for item in [*items(root), *leftovers]:
        by_kind.setdefault(item.kind, []).append(item)
    return [Usage(kind, len(held), sum(item.bytes for item in held)) for kind, held in sorted(by_kind.items())]


def verify(root: Path, progress: Progress | None = None) -> list[tuple[Item, str]]:
    """Return the corrupt records, with the reasons, after checking each against its checksum. Nothing is changed."""
    corrupt = []
    found = items(root)
    with (progress or Silent()).task("verifying", len(found), "files") as task:
        for item in found:
            if reason := _fault(item.path):
                corrupt.append((item, reason))
            task.advance()
    return corrupt


def prune(
    root: Path,
    *,
    older_than: float | None = None,
    max_bytes: int | None = None,
    kinds: Collection[str] = (),
    stale_hours: float = 24.0,
    dry_run: bool = False,
) -> list[Removal]:
    """Remove records that are not wanted any more; return those removed, or to be removed with ``dry_run``.

    Unfinished and quarantined files go after ``stale_hours``; records not used for ``older_than`` days go; then, least
    recently used first, records go until no more than ``max_bytes`` of the chosen ``kinds`` (empty: all) are left.
    """
    now = time.time()
    stale = [item for item in _leftovers(root) if item is not None and now - item.used > stale_hours * _HOUR]
    chosen = [Removal(item, item.kind) for item in stale]
    kept = [item for item in items(root) if not kinds or item.kind in kinds]
    if older_than is not None:
        old = [item for item in kept if now - item.used > older_than * _DAY]
        chosen += [Removal(item, f"not used for {older_than:g} days") for item in old]
        kept = kept[len(old) :]
    if max_bytes is not None:
        chosen += [Removal(item, "over the size") for item in _surplus(kept, max_bytes)]
    return chosen if dry_run else [removal for removal in chosen if _remove(removal.item.path)]


def parse_size(text: str) -> int:
    """Return the bytes of ``500MB``, ``2G``, ``1.5 TB``; decimal units. Raises UsageError for another text.

    >>> parse_size("1.5GB")
    1500000000
    """
    number = text.strip().upper().removesuffix("B").strip()
    unit = number[-1:] if number[-1:] in _UNITS else ""
    try:
        size = float(number.removesuffix(unit)) * _UNITS[unit]
    except ValueError:
        size = -1
    if not 0 <= size < float("inf"):
        raise UsageError(f"cannot read {text!r} as a size", hint="write 500MB or 2GB")
    return int(size)


def format_size(size: float) -> str:
    """Return a size for people, decimal units.

    >>> format_size(1_500_000_000)
    '1.5 GB'
    """
    for unit in ("B", "kB", "MB", "GB"):
        if size < 1000:
            return f"{size:.3g} {unit}"
        size /= 1000
    return f"{size:.3g} TB"


def _leftovers(root: Path) -> Iterator[Item | None]:
    yield from (_item("unfinished", path) for path in root.glob(f"*/??/.*{PART}"))
    yield from (_item("unfinished", path) for path in (root / MODELS).glob("*") if not _is_finished(path))
    yield from (_item(QUARANTINE, path) for path in (root / QUARANTINE).glob("*"))


def _is_finished(model: Path) -> bool:
    return model.suffix != UNFINISHED and (model / MANIFEST).is_file()


def _item(kind: str, path: Path) -> Item | None:
    try:
        status = path.stat()
        size = sum(part.stat().st_size for part in path.iterdir()) if path.is_dir() else status.st_size
    except OSError:  # gone since it was listed
        return None
    return Item(kind, path, size, status.st_mtime)


def _surplus(oldest_first: list[Item], max_bytes: int) -> Iterator[Item]:
    total = sum(item.bytes for item in oldest_first)
    for item in oldest_first:
        if total <= max_bytes:
            return
        total -= item.bytes
        yield item


def _fault(path: Path) -> str:
    """Why a file is not sound; empty where it is."""
    try:
        if path.is_dir():
            _check_model(path)
        elif path.suffix == ".sqlite":
            _check_cells(path)
        else:
            open_rows(path)
    except FileNotFoundError:
        return ""
    except (Corrupt, OSError) as error:
        return str(error)
    return ""


def _check_model(folder: Path) -> None:
    import tomllib

    try:
        promised = tomllib.loads((folder / MANIFEST).read_text("utf-8"))["weights"]
        found = file_sha256(folder / promised["file"])
    except (ValueError, KeyError) as error:
        raise Corrupt(f"{MANIFEST} cannot be read: {error}") from error
    if found != promised["sha256"]:
        raise Corrupt(f"{promised['file']} is not what {MANIFEST} promises")


def _check_cells(path: Path) -> None:
    import sqlite3
    from contextlib import closing

    try:
        with closing(sqlite3.connect(f"{path.absolute().as_uri()}?mode=rw", uri=True)) as connection:
            verdict = connection.execute("PRAGMA integrity_check").fetchone()[0]
    except sqlite3.Error as error:
        raise Corrupt(str(error)) from error
    if verdict != "ok":
        raise Corrupt(verdict)


def _remove(path: Path) -> bool:
    """Remove a file or a model's folder; False where another process was faster."""
    import shutil

    try:
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    except FileNotFoundError:
        return False
    except OSError as error:
        raise StoreError(
            f"cannot remove {path}: {error.strerror}", hint="give yourself the right to write there"
        ) from error
    return True
