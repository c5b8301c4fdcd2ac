"""Opening datasets for a command, which lists what was passed over."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.runtime import Runtime


def open_datasets(paths: Iterable[str], runtime: Runtime, *, skip_unreadable: bool) -> list[Dataset]:
    """The datasets at ``paths``, of different names; images that were passed over are named in a note."""
    from dsim.data.opener import open_many

    datasets = open_many(paths, skip_unreadable=skip_unreadable)
    for dataset in datasets:
        if dataset.skipped:
            listed = ", ".join(dataset.skipped)
            runtime.progress.note(f"{dataset.name}: {len(dataset.skipped)} unreadable left out: {listed}")
    return datasets
