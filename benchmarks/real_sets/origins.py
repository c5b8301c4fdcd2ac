"""Where real sets come from: what the META.json in their folders says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from dsim.errors import DataError


@dataclass(frozen=True)
class Origin:
    """Where a set comes from.

    Parameters
    ----------
    collection, modality, citation, licence, notes : as its META.json states them; notes may be empty.
    repository, commit, path : where its images were taken from.
    """

    collection: str
    modality: str
    citation: str
    licence: str
    notes: str
    repository: str
    commit: str
    path: str


def read_origin(folder: Path) -> dict[str, str]:
    """The fields of an ``Origin``, from META.json in the folder of a set; call it within ``asking``."""
    meta = json.loads((folder / "META.json").read_text(encoding="utf-8"))
    return {
        "collection": meta["dataset"],
        "modality": meta["modality"],
        "citation": meta["citation"],
        "licence": meta["licence"],
        "notes": meta.get("notes", ""),
        "repository": meta["source_repo"],
        "commit": meta["commit"],
        "path": meta["path"],
    }


@contextmanager
def asking(folder: Path, needed: str) -> Iterator[None]:
    """DataError, saying which files are ``needed``, where the folder of a set does not say where it comes from."""
    try:
        yield
    except (OSError, ValueError, KeyError) as error:
        raise DataError(f"{folder} does not say where its images come from: {error!r}", hint=needed) from error


def quoted(text: str) -> str:
    """One value of a CSV, in quotes where it needs them.

    >>> quoted("plain"), quoted("a,b")
    ('plain', '"a,b"')
    """
    return '"' + text.replace('"', '""') + '"' if set(text) & set(',"\n') else text
