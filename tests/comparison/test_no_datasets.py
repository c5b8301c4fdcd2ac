"""What is no dataset is refused by ``dsim.compare`` in words, before any work."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

import dsim
from dsim.data.phantoms import open_phantom
from dsim.errors import UsageError

ONE = open_phantom("xray", count=2, size=32)
WORDING: dict[str, tuple[Any, Any, str]] = {
    "a path among the sources": (
        ["a/folder"],
        None,
        "sources must hold datasets, got 'a/folder'\n  fix: open it first: dsim.open_dataset('a/folder')",
    ),
    "a path among the targets": (
        [ONE],
        [ONE, Path("mine")],
        f"targets must hold datasets, got {Path('mine')!r}\n  fix: open it first: dsim.open_dataset('mine')",
    ),
    "something else": (
        [3, ONE],
        None,
        "sources must hold datasets, got 3\n  fix: open it first: dsim.open_dataset(path)",
    ),
    "one path instead of a list": (
        "folder",
        None,
        "sources must be a list of datasets, got 'folder'\n  fix: put it into a list: [dsim.open_dataset('folder')]",
    ),
    "one dataset instead of a list": (
        [ONE],
        ONE,
        "targets must be a list of datasets, got the dataset 'xray'\n  fix: put it into a list: [dataset]",
    ),
}


@pytest.mark.parametrize(("sources", "targets", "told"), WORDING.values(), ids=WORDING)
def test_what_is_no_dataset_is_refused_with_the_way_to_open_one(sources: Any, targets: Any, told: str) -> None:
    with pytest.raises(UsageError) as caught:
        dsim.compare(sources, targets, measure="cc")
    assert str(caught.value) == told
