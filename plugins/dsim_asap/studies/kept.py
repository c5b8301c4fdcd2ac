"""Finished rows of a study, a file each below its folder: a study that was killed goes on and repeats nothing."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from dsim.store.ledger import Ledger, key_of

#: Below the folder of a study; hidden, since nobody reads it.
PLACE = ".work"


def rows_of(out: Path, facts: Mapping[str, Any]) -> Ledger:
    """The finished rows of a study in ``out``.

    ``facts`` are all that a row depends on besides its name and seed, as JSON has it: recipe, fingerprints. Rows under
    other facts lie beside these, and are not taken up.
    """
    return Ledger(out / PLACE, key_of(facts))
