"""The datasets of a comparison, opened again where they lie, if they are still the same."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dsim.errors import DsimError
from dsim.measures import build_measure

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.measures import SimilarityMatrix, SimilarityMeasure
    from dsim.runtime import Runtime

#: Where a dataset says that it lies that was given as arrays.
_MEMORY = "memory"


def reference(described: Mapping[str, Any]) -> str:
    """What opens a dataset of a record again; empty where it was given from memory."""
    location = str(described["location"])
    return "" if location == _MEMORY else location + str(described.get("options", ""))


def call_of(identity: str) -> str:
    """The call of a measure's identity.

    >>> call_of("cc@1:size=32"), call_of("asap@2")
    ('cc:size=32', 'asap')
    """
    head, colon, parameters = identity.partition(":")
    return head.partition("@")[0] + colon + parameters


def locate(matrix: SimilarityMatrix, runtime: Runtime) -> tuple[dict[str, Dataset], dict[str, str]]:
    """The datasets of a matrix that can be opened and are what they were, by name; of the others, why not.

    A dataset counts as the same where the fingerprint of what the measure reads of it is the one that was recorded.
    """
    found: dict[str, Dataset] = {}
    missing: dict[str, str] = {}
    described = matrix.provenance["datasets"]
    try:
        measure = build_measure(call_of(matrix.measure))
    except DsimError as error:
        why = f"the images cannot be checked against the record: {error.message}"
        return {}, dict.fromkeys(described, why)
    with runtime.progress.task("looking for the datasets", len(described), "datasets") as task:
        for name, told in described.items():
            try:
                dataset, why = _open(name, told, measure, runtime)
            except DsimError as error:
                dataset, why = None, error.message
            if dataset is None:
                missing[name] = why
            else:
                found[name] = dataset
            task.advance()
    return found, missing


def _open(
    name: str, told: Mapping[str, Any], measure: SimilarityMeasure[Any], runtime: Runtime
) -> tuple[Dataset | None, str]:
    from dsim.data.opening import open_dataset
    from dsim.measures import DatasetView

    where = reference(told)
    if not where:
        return None, "the images were given from memory, and are not in the files"
    dataset = open_dataset(where, skip_unreadable=bool(told["skipped"])).renamed(name)
    view = DatasetView(dataset, measure.needs, "the report", runtime, measure.optional)
    if view.fingerprint != told["fingerprint"]:
        return None, f"the images at {where} are not those that were compared"
    return dataset, ""
