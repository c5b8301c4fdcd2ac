"""A map of phantoms, fitted once: a real training of seconds, by the trainer that comes with dsim."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from dsim.maps import ImageMap, fit_map
from dsim.runtime import Runtime, Silent

#: Cells that are mapped.
CELLS = "cells=phantoms:fluorescence[count=120,size=32]"
#: Steps of a training that takes seconds, and yet tells cells from X-rays.
SHORT: dict[str, Any] = {"size": 16, "hidden": 16, "outputs": 8, "batch": 32, "steps": (12.0, 2.0, 4.0)}


class Noted(Silent):
    """Progress that keeps its notes."""

    def __init__(self) -> None:
        self.notes: list[str] = []

    def note(self, text: str) -> None:
        self.notes.append(text)


def _fit(out: Path, runtime: Runtime, datasets: Sequence[Any] = (CELLS,), **more: Any) -> ImageMap:
    return fit_map(list(datasets), out, runtime=runtime, **{**SHORT, **more})


@pytest.fixture(scope="session")
def fit_short() -> Callable[..., ImageMap]:
    """Fits a map in seconds: ``fit_short(out, runtime, datasets)``."""
    return _fit


@pytest.fixture(scope="session")
def maps_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("maps-cache")


@pytest.fixture
def noted() -> Noted:
    return Noted()


@pytest.fixture
def runtime(maps_cache: Path, noted: Noted) -> Runtime:
    return Runtime(device="cpu", cache=maps_cache, progress=noted)


@pytest.fixture(scope="session")
def fitted_folder(tmp_path_factory: pytest.TempPathFactory, maps_cache: Path) -> Path:
    """The folder of a map of cells."""
    folder = tmp_path_factory.mktemp("maps") / "map"
    _fit(folder, Runtime(device="cpu", cache=maps_cache))
    return folder
