"""One writer for a folder at a time: a second run waits until the first has finished."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dsim.errors import DsimError

#: Hidden, empty, and gone when the writer has finished; after a killed writer it stays and locks nothing.
LOCK_NAME = ".dsim.lock"


@contextmanager
def exclusive(folder: Path, note: Callable[[str], None] = lambda text: None) -> Iterator[None]:
    """Hold a folder for this process and thread until the block ends; created if it is not there.

    Where another run holds it, ``note`` says so once and this one waits; a killed run holds nothing. Within a block the
    same folder can be held again. Raises DsimError where the folder cannot be written.

    >>> import tempfile
    >>> with exclusive(Path(tempfile.mkdtemp())) as held:
    ...     pass
    """
    from filelock import FileLock, Timeout

    try:
        folder.mkdir(parents=True, exist_ok=True)
        path = folder.resolve() / LOCK_NAME
        # One object by path and thread, so that a command that calls another one does not wait for itself.
        lock = FileLock(path, is_singleton=True)
        try:
            lock.acquire(blocking=False)
        except Timeout:
            note(f"another run is writing to {folder}: waiting until it has finished")
            lock.acquire()
    except OSError as error:
        raise DsimError(
            f"cannot write to the folder {folder}: {error.strerror}", hint="choose a folder that can be written"
        ) from error
    try:
        yield
    finally:
        if lock.lock_counter == 1:
            # Before the release: whoever gets the lock of a file that was removed notices, and tries again.
            with suppress(OSError):
                os.unlink(path)
        lock.release()
