"""Examples in docstrings of the plugins compute in a cache of their own, as the tests do."""

from __future__ import annotations

from pathlib import Path

import pytest


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return an empty cache folder, which every doctest uses instead of the user's."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("DSIM_CACHE", str(cache))
    return cache
