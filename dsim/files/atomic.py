"""Whole files or nothing: written under a temporary name in the same folder, flushed to disk, renamed."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from dsim.errors import DataError, DsimError


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside ``path`` that takes its place when the block ends well, and vanishes otherwise.

    Raises DsimError where the folder cannot be written, or the disk is full.
    """
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        handle, name = tempfile.mkstemp(dir=path.parent, prefix=f".{path.stem}-", suffix=path.suffix)
    except OSError as error:
        raise DsimError(f"cannot write {path}: {error.strerror}", hint="choose a folder that can be written") from error
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        _flush(temporary)
        os.chmod(temporary, 0o666 & ~_umask())
        os.replace(temporary, path)
    except OSError as error:
        raise DsimError(
            f"cannot write {path}: {error.strerror}", hint="free disk space, or choose another folder"
        ) from error
    finally:
        with suppress(FileNotFoundError):
            temporary.unlink()


def write_text(path: Path, text: str) -> None:
    """Write UTF-8 text atomically; raises DsimError where it cannot be written."""
    with replacing(path) as temporary:
        temporary.write_text(text, encoding="utf-8")


def read_text(path: Path, hint: str = "give a file that can be read") -> str:
    """Return the text of a file in UTF-8, without a byte order mark; raises DataError where it cannot be read."""
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"there is no file {path}", hint=hint) from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text", hint=hint) from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", hint=hint) from None


def file_sha256(path: Path) -> str:
    """Return the sha256 of a file's bytes, in hexadecimal; read piece by piece, whatever its size.

    Raises OSError where it cannot be read: the caller knows what the file is.
    """
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def slug(text: str) -> str:
    """Return a text as the name of a file: all but letters, digits, ``-``, ``_``, ``.`` and ``@`` become ``_``.

    >>> slug("cc@1:size=32")
    'cc@1_size_32'
    """
    return "".join(character if character.isalnum() or character in "-_.@" else "_" for character in text)


def _flush(path: Path) -> None:
    with open(path, "rb+") as file:
        os.fsync(file.fileno())


def _umask() -> int:
    # mkstemp makes private files; results are given the permissions that an ordinary new file would have.
    mask = os.umask(0)
    os.umask(mask)
    return mask
