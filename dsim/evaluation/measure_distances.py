"""The distances of a measure on the datasets of a truth, computed where only the measure was named."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeGuard

from dsim.errors import UsageError
from dsim.measures import SimilarityMatrix, SimilarityMeasure
from dsim.registry import default

if TYPE_CHECKING:
    from dsim.runtime import Runtime
    from dsim.truth import TransferMatrix


def calls_measure(given: object, data: str | Path | None = None) -> TypeGuard[str | SimilarityMeasure[Any]]:
    """Return whether a measure is meant, whose distances must be computed, and not a matrix, its file or stored name.

    >>> calls_measure("energy:estimator=biased"), calls_measure("asap-published"), calls_measure("results/matrix.json")
    (True, False, False)
    """
    from dsim.truth import distance_names

    if not isinstance(given, str):
        return isinstance(given, SimilarityMeasure)
    name = given.partition(":")[0]
    if given in distance_names() or Path(given).exists() or "/" in name or Path(name).suffix in (".json", ".csv"):
        return False
    return data is not None or name in default().measures


def compute_distances(
    measure: str | SimilarityMeasure[Any],
    truth: TransferMatrix,
    data: str | Path | None = None,
    *,
    common: bool = False,
    seed: int = 0,
    jobs: int = 1,
    runtime: Runtime | None = None,
) -> SimilarityMatrix:
    """Return the values of a measure for the sources and targets of a truth, (sources, targets), without intervals.

    Parameters
    ----------
    data : folder of the truth's images; phantoms need none. ``common`` : leave out datasets that are not there.
    seed, jobs, runtime : as ``dsim.compare`` takes them.

    Raises DataError where datasets are missing or are others than those of the truth, and what ``dsim.compare`` raises.
    """
    from dsim.comparison import compare
    from dsim.truth import open_images

    sources, targets = open_images(truth, data, common=common)
    if not sources or not targets:
        side = "source" if not sources else "target"
        raise UsageError(f"no {side} of {truth.name} is there", hint="give the folder that holds them: --data FOLDER")
    # Only the values are judged: neither intervals over images nor noise floors.
    asked: dict[str, Any] = {"bootstrap": 0, "floor": False, "seed": seed, "jobs": jobs, "runtime": runtime}
    return compare(sources, targets, measure=measure, **asked)
