"""Reading the files that users hand in: what cannot be read is said."""

from __future__ import annotations

from pathlib import Path

from dsim.errors import DataError


def read_text(path: Path) -> str:
    """The text of a file in UTF-8, without the mark of spreadsheets; DataError where it cannot be read."""
    try:
        return path.read_text("utf-8-sig")
    except FileNotFoundError:
        raise DataError(f"there is no file {path}", hint="check the path") from None
    except UnicodeDecodeError:
        raise DataError(f"{path} is not UTF-8 text", hint="save it as UTF-8") from None
    except OSError as error:
        raise DataError(f"cannot read {path}: {error.strerror}", hint="give a file that can be read") from None
