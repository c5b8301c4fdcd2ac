"""``Runtime(cache=X)`` is where a comparison remembers: nothing is written anywhere else."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from dsim.comparison import compare
from dsim.data import from_arrays, open_dataset
from dsim.runtime import Runtime


@pytest.fixture
def elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The default cache of this process, which must stay empty."""
    folder = tmp_path / "default"
    monkeypatch.setenv("DSIM_CACHE", str(folder))
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "home"))
    return folder


def deep(seed: int) -> np.ndarray:
    """Eight images of 16 bits, whose range must be measured; uint16 (8, 24, 24)."""
    return np.random.default_rng(seed).integers(0, 4096, (8, 24, 24), dtype=np.uint16)


def written(folder: Path) -> list[str]:
    # The list of installed plugins belongs to the installation, not to a run.
    return sorted(
        str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file() and path.name != "plugins.json"
    )


def test_a_comparison_writes_only_into_the_cache_of_its_runtime(tmp_path: Path, elsewhere: Path) -> None:
    runtime = Runtime(cache=tmp_path / "chosen")
    pool = [from_arrays(images=list(deep(seed)), name=f"set{seed}") for seed in range(2)]
    compare(pool, measure="frechet:extractor=pixels:[side=4]", bootstrap=20, test=19, runtime=runtime)
    compare(pool, measure="cc:size=16", runtime=runtime)
    assert written(elsewhere) == []
    kinds = {name.partition("/")[0] for name in written(runtime.cache)}
    assert {"cells.sqlite", "features", "summaries", "treatments"} <= kinds


def test_features_of_a_file_are_remembered_where_it_was_opened_to(tmp_path: Path, elsewhere: Path) -> None:
    h5py = pytest.importorskip("h5py")
    rng, pool = np.random.default_rng(0), []
    for number in range(2):
        path = tmp_path / f"set{number}.h5"
        with h5py.File(path, "w") as file:
            file["features"] = rng.normal(number, 1, (12, 3)).astype(np.float32)
        pool.append(open_dataset(path, cache=tmp_path / "chosen"))
    compare(pool, measure="energy", runtime=Runtime(cache=tmp_path / "chosen"))
    assert written(elsewhere) == []
    assert "known.sqlite" in written(tmp_path / "chosen")
