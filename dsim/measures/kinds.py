"""Experience with kinds of images: how far real sets of one kind, and of different kinds, lie from each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from dsim.errors import DataError
from dsim.files.documents import check, read
from dsim.files.shipped import shipped
from dsim.measures.resemblance import Bounds

SCHEMA = "dsim.kinds/1"
_HINT = "python benchmarks/known_kinds.py --data DATA writes it"


@dataclass(frozen=True)
class KnownKinds:
    """Distances between sets of known kinds, measured by one measure.

    Parameters
    ----------
    call : the measure, as ``build_measure`` takes it. ``depends`` : identity, parameters and extractors of it: of
        another measure, or of other features, the bounds say nothing.
    bounds : by number of images in a sample. ``errors`` : how often such verdicts were wrong, leaving out each kind.
    """

    name: str
    call: str
    depends: Mapping[str, Any]
    bounds: Mapping[int, Bounds]
    errors: Mapping[str, Any]

    @classmethod
    def from_json(cls, path: Path) -> KnownKinds:
        """Return the record of a file; raises DataError where it is not of schema ``dsim.kinds/1``."""
        document = read(path, _HINT)
        check(document, SCHEMA, str(path), _HINT)
        sizes = document["sizes"]
        return cls(
            document["name"],
            document["call"],
            document["depends"],
            {size["images"]: Bounds(size["resembles_up_to"], size["none_beyond"]) for size in sizes},
            document["errors"],
        )


@lru_cache
def known_kinds() -> KnownKinds:
    """Return the shipped record; raises DataError where the installation lacks it, or it is damaged.

    >>> sorted(known_kinds().bounds)
    [5, 10, 15]
    """
    paths = sorted(shipped("kinds").glob("*.json"))
    if not paths:
        raise DataError("this installation has no record of known kinds of images", hint="install dsim again")
    return KnownKinds.from_json(paths[0])
