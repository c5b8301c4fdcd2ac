"""What ``dsim plugin new`` writes, laid on the path as an installation would."""

from __future__ import annotations

import importlib
import shutil
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from dsim.registry import registry
from dsim.scaffold import new_plugin


@pytest.fixture
def installed(site: Path) -> Callable[[Path], Path]:
    """``installed(folder)`` makes a distribution's ``src`` importable and found; returns the folder of its modules."""

    def install(folder: Path) -> Path:
        project = tomllib.loads((folder / "pyproject.toml").read_text("utf-8"))["project"]
        shutil.copytree(folder / "src", site, dirs_exist_ok=True)
        info = site / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
        info.mkdir()
        (info / "METADATA").write_text(
            f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n"
        )
        entries = "\n".join(f"{name} = {target}" for name, target in project["entry-points"]["dsim"].items())
        (info / "entry_points.txt").write_text(f"[dsim]\n{entries}\n")
        importlib.invalidate_caches()
        registry.forget()
        return site / project["name"].replace("-", "_")

    return install


@pytest.fixture
def scaffolded(tmp_path: Path, installed: Callable[[Path], Path]) -> Callable[..., Path]:
    """``scaffolded(name, kind=...)`` writes a new plugin and installs it; returns the folder of its modules."""
    return lambda name, **how: installed(new_plugin(name, tmp_path / "new", **how))
