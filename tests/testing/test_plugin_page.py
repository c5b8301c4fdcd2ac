"""docs/writing-a-plugin.md says what is so: its files make a plugin that works, its tables are those of the code."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from dsim.measures import DatasetView, FeatureMeasure, PairwiseMeasure, SimilarityMeasure
from dsim.registry import hooks as hookspecs
from dsim.testing import CHECKS

PAGE = (Path(__file__).parents[2] / "docs" / "writing-a-plugin.md").read_text(encoding="utf-8")
FILES = dict(re.findall(r"^`([\w./-]+)`\n\n```\w+\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL))
LOOSE = [
    code for code in re.findall(r"^```python\n(.*?)^```", PAGE, re.MULTILINE | re.DOTALL) if code not in FILES.values()
]
COMMANDS = re.findall(r"^\$ dsim (.*)$", PAGE, re.MULTILINE)

Run = Callable[..., str]


@pytest.fixture
def run(tmp_path: Path, private_cache: Path) -> Run:
    """Run Python with the page's plugin installed, in a folder that holds its files; returns what it prints."""
    for name, text in FILES.items():
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text)
    project = tomllib.loads(FILES["pyproject.toml"])["project"]
    info = tmp_path / f"{project['name'].replace('-', '_')}-{project['version']}.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {project['name']}\nVersion: {project['version']}\n")
    entries = "\n".join(f"{name} = {target}" for name, target in project["entry-points"]["dsim"].items())
    (info / "entry_points.txt").write_text(f"[dsim]\n{entries}\n")
    environment = {**os.environ, "PYTHONPATH": str(tmp_path), "DSIM_STRICT_PLUGINS": "1"}

    def run_python(*arguments: str) -> str:
        done = subprocess.run(
            [sys.executable, *arguments], cwd=tmp_path, env=environment, capture_output=True, text=True
        )
        assert done.returncode == 0, done.stdout + done.stderr
        return done.stdout

    return run_python


def test_the_page_holds_a_whole_plugin() -> None:
    assert set(FILES) == {"pyproject.toml", "dsim_shift/__init__.py", "dsim_shift/measure.py", "tests/test_shift.py"}
    assert len(LOOSE) == 3
    assert COMMANDS


def test_the_plugins_own_test_passes(run: Run) -> None:
    assert "1 passed" in run("-m", "pytest", "-q", "-W", "error", "tests/test_shift.py")


@pytest.mark.parametrize("code", LOOSE, ids=["in Python", "of features", "the report"])
def test_code_of_the_page_runs(run: Run, code: str) -> None:
    run("-W", "error", "-c", code)


@pytest.mark.parametrize("command", COMMANDS)
def test_commands_of_the_page_run(run: Run, command: str) -> None:
    assert "shift" in run("-m", "dsim", *shlex.split(command))


def test_the_hooks_stand_as_they_are() -> None:
    for name, function in vars(hookspecs).items():
        if name.startswith("dsim_"):
            assert f"def {name}{_signature(function)}" in PAGE


@pytest.mark.parametrize(
    "method",
    [
        "summarise",
        "compare",
        "fit",
        "resample",
        "merge",
        "embedding",
        "compare_many",
        "compare_splits",
        "remark",
        "extractors",
    ],
)
def test_the_methods_stand_as_they_are(method: str) -> None:
    assert f"`{method}{_signature(getattr(SimilarityMeasure, method))}`" in PAGE


def test_the_methods_of_the_shorter_ways_stand_as_they_are() -> None:
    assert f"`pairwise{_signature(PairwiseMeasure.pairwise)}`" in PAGE
    assert f"`distance{_signature(FeatureMeasure.distance)}`" in PAGE


def _signature(function: Callable[..., object]) -> str:
    return str(inspect.signature(function)).replace("'", "")


def test_what_data_offers_stands_as_it_is() -> None:
    mentioned = set(re.findall(r"\bdata\.([a-z_]+)", PAGE)) - {"phantoms"}
    parts = {"images", "batches", "features", "feature_blocks", "labels", "masks", "attributes", "model", "predictions"}
    assert mentioned == parts | {"has"}
    assert mentioned <= set(dir(DatasetView))


def test_the_table_of_checks_is_that_of_the_kit() -> None:
    assert dict(re.findall(r"^\| `([a-z-]+)` \| (.*) \|$", PAGE, re.MULTILINE)) == CHECKS
