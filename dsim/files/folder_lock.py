"""One writer at a time for a folder or a file: a second run waits until the first has finished."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dsim.errors import DsimError

#: Hidden, empty, and gone when the writer has finished; after a killed writer it stays and locks nothing.
LOCK_NAME = ".dsim.lock"


def _silent(text: str) -> None:
    pass


@contextmanager
def exclusive(folder: Path, note: Callable[[str], None] = _silent) -> Iterator[None]:
    """Hold a folder for this process and thread until the block ends; created if it is not there.

    Where another run holds it, ``note`` says so once and this one waits; a killed run holds nothing. Within a block the
    same folder can be held again. A folder that is made here and stays empty is removed again. Raises DsimError where
    the folder cannot be written: before the work, not after it.

    >>> import tempfile
    >>> with exclusive(Path(tempfile.mkdtemp())) as held:
    ...     pass
    """
    with _held(folder, folder, LOCK_NAME, note):
        yield


@contextmanager
def exclusive_file(path: Path, note: Callable[[str], None] = _silent) -> Iterator[None]:
    """Hold one file that is to be written, as ``exclusive`` holds a folder; others in its folder stay free."""
    with _held(path, path.parent, f".{path.name}.lock", note):
        yield


@contextmanager
def _held(place: Path, folder: Path, name: str, note: Callable[[str], None]) -> Iterator[None]:
    from filelock import FileLock, Timeout

    made = _missing_folders(folder)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder.resolve() / name
        # One object by path and thread, so that a command that calls another one does not wait for itself.
        lock = FileLock(path, is_singleton=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            note(f"another run is writing to {place}: waiting until it has finished")
            lock.acquire()
    except OSError as error:
        _remove_empty(made)
        raise DsimError(
            f"cannot write to {place}: {error.strerror}", hint="choose a place that can be written"
        ) from error
    try:
        yield
    finally:
        if lock.lock_counter == 1:
            # Before the release: whoever gets the lock of a file that was removed notices, and tries again.
            with suppress(OSError):
                os.unlink(path)
            _remove_empty(made)
        lock.release()


def holds_nothing(folder: Path) -> bool:
    """Return whether nothing lies there, or an empty folder: the lock of a run that has just begun is nothing.

    >>> import tempfile
    >>> holds_nothing(Path(tempfile.mkdtemp()))
    True
    """
    return not folder.exists() or (folder.is_dir() and all(path.name == LOCK_NAME for path in folder.iterdir()))


def _missing_folders(folder: Path) -> list[Path]:
    """The folder and those above it that are not there, the innermost first."""
    return [place for place in (folder, *folder.parents) if not place.exists()]


def _remove_empty(folders: list[Path]) -> None:
    with suppress(OSError):  # the first that holds something ends it
        for folder in folders:
            folder.rmdir()
