"""Comparisons of phantoms, in memory and in files; this folder is importable for what its tests share."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path

import pytest

from dsim.comparison import compare
from dsim.data import Dataset
from dsim.data.phantoms import open_phantom
from dsim.measures import SimilarityMatrix
from dsim.report import Results

sys.path.insert(0, str(Path(__file__).parent))


@pytest.fixture(scope="session")
def datasets() -> dict[str, Dataset]:
    """Two sources and two targets, one of which is a source under another name."""
    names = ("xray", "fundus", "fluorescence", "xray-bedside")
    found = [open_phantom(name, count=6, size=32) for name in names]
    return {dataset.name: dataset for dataset in found}


@pytest.fixture(scope="session")
def matrices(datasets: Mapping[str, Dataset], tmp_path_factory: pytest.TempPathFactory) -> tuple[SimilarityMatrix, ...]:
    """Of two measures; the first has intervals and floors, and a test."""
    from dsim.runtime import Runtime

    runtime = Runtime(cache=tmp_path_factory.mktemp("cache"))
    *pool, target = datasets.values()
    wanted = [target, pool[0]]
    first = compare(pool, wanted, measure="cc:size=32", bootstrap=20, test=19, runtime=runtime)
    return first, compare(pool, wanted, measure="frc:size=32", runtime=runtime)


@pytest.fixture
def results(matrices: tuple[SimilarityMatrix, ...]) -> Results:
    """The first measure, from memory."""
    return Results(matrices[:1], (None,))


@pytest.fixture
def written(matrices: tuple[SimilarityMatrix, ...], tmp_path: Path) -> Path:
    """The folder that compare writes of both measures."""
    found = Results(matrices, (None, None), {matrices[0].measure: 1.5}, {"lost@1": "DataError: no labels"}).agreement
    assert found is not None
    for number, matrix in enumerate(matrices):
        matrix.to_json(tmp_path / f"measure-{number}" / "matrix.json")
    found.to_json(tmp_path / "agreement.json")
    return tmp_path
