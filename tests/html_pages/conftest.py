"""A small map; this folder is importable for what its tests share."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from dsim.pages import PointMap

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture
def contents() -> PointMap:
    """Six images of two datasets, the second of which has a name that looks like markup."""
    from small_map import small_map

    return small_map()
