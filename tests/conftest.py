"""Shared fixtures: a private cache for every test, the real images where they are at hand, the --slow switch."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--slow", action="store_true", help="also run the slow checks on real data")


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if config.getoption("--slow"):
        return
    for item in items:
        if "slow" in item.keywords:
            item.add_marker(pytest.mark.skip(reason="slow: run with --slow"))


@pytest.fixture(autouse=True)
def private_cache(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Every test starts with an empty cache of its own."""
    cache = tmp_path_factory.mktemp("cache")
    monkeypatch.setenv("DSIM_CACHE", str(cache))
    return cache


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder of real images: ``$DSIM_DATA``, or shared/data beside the checkout."""
    folder = Path(os.environ.get("DSIM_DATA", Path(__file__).parents[2] / "shared" / "data"))
    if not folder.is_dir():
        pytest.skip(f"no real images at {folder}; set DSIM_DATA")
    return folder
