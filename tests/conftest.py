"""Shared fixtures: a private cache for every test, the real images where they are at hand, the --slow switch."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from textwrap import dedent

import pytest

# Networks as small as those of the tests only lose time to threads that wait for each other, most of all on a busy
# machine. Said before torch is imported, and inherited by the processes that tests start.
os.environ.setdefault("OMP_NUM_THREADS", "1")


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


@pytest.fixture
def install_plugin(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[..., Path]]:
    """``install_plugin(name, source)`` lays down a distribution whose module ``name`` is the plugin ``name``.

    It returns the folder, which is importable and found by discovery, in this process and in those it starts.
    """
    from dsim import registry

    folder = tmp_path / "site"
    folder.mkdir()
    monkeypatch.setenv("PYTHONPATH", str(folder))
    before = set(sys.modules)

    def install(name: str, source: str, version: str = "1.0") -> Path:
        (folder / f"{name}.py").write_text(dedent(source))
        info = folder / f"{name}-{version}.dist-info"
        info.mkdir(exist_ok=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n")
        (info / "entry_points.txt").write_text(f"[dsim]\n{name} = {name}\n")
        monkeypatch.syspath_prepend(folder)
        registry.forget()
        return folder

    yield install
    for module in set(sys.modules) - before:
        if str(getattr(sys.modules[module], "__file__", "")).startswith(str(folder)):
            del sys.modules[module]
    registry.forget()
