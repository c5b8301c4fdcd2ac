"""What the measured truth must be before it is stored."""

from __future__ import annotations

from benchmarks.real_sets.checking import faults, refuse
from dsim.truth import TransferMatrix

PROVENANCE = (
    "about",
    "scenario",
    "recipe",
    "rules",
    "parameters",
    "seed",
    "all foreground",
    "conditions",
    "hours",
    "date",
    "images scored",
    "trainings",
)


def check(truth: TransferMatrix, fewest: int = 3) -> None:
    """Raise DataError for a truth that does not say how it was made, or that says where on which machine.

    ``fewest`` : repetitions that it must have.
    """
    found = faults(truth, PROVENANCE, fewest)
    if not found and len(truth.provenance["trainings"]) != len(truth.sources) * truth.repetitions:
        found.append("the record of some trainings is missing")
    refuse(truth, found)
