"""Looking after a cache: what it holds, whether it is sound, what may go."""

from __future__ import annotations

import os
import time
from pathlib import Path

import numpy as np
import pytest

from dsim.errors import UsageError
from dsim.store import ContentStore, JsonStore
from dsim.store.maintenance import items, parse_size, prune, usage, verify


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Three records of features, last used 0, 10 and 20 days ago, a summary, cells, a stale and a fresh part."""
    store = ContentStore(tmp_path)
    for days in (0, 10, 20):
        store.put("features", {"days": days}, {"x": np.zeros(1000)}, {})
        age(store.path("features", {"days": days}), days)
    store.put("summaries", {"k": 1}, {"x": np.zeros(10)}, {})
    JsonStore(tmp_path / "cells.sqlite").put_many({"a": {}})
    folder = store.path("features", {"days": 0}).parent
    for name, days in ((".stale.part", 3), (".fresh.part", 0)):
        (folder / name).write_bytes(b"half")
        age(folder / name, days)
    return tmp_path


def age(path: Path, days: float) -> None:
    then = time.time() - days * 86400
    os.utime(path, (then, then))


def counts(root: Path) -> dict[str, int]:
    return {held.kind: held.count for held in usage(root)}


def test_usage_counts_files_and_bytes_of_each_kind(root: Path) -> None:
    assert counts(root) == {"cells": 1, "features": 3, "summaries": 1, "unfinished": 2}
    held = {found.kind: found.bytes for found in usage(root)}
    assert held["features"] == sum(path.stat().st_size for path in (root / "features").rglob("*.h5"))
    assert held["features"] > 24_000


def test_an_absent_cache_is_empty(tmp_path: Path) -> None:
    assert usage(tmp_path / "absent") == []
    assert verify(tmp_path / "absent") == []
    assert prune(tmp_path / "absent", older_than=0) == []


def test_verify_finds_exactly_the_damaged_files_and_changes_nothing(root: Path) -> None:
    assert verify(root) == []
    damaged = [items(root)[0].path, root / "cells.sqlite"]
    for path in damaged:
        path.write_bytes(b"garbage" * 500)
    assert sorted(item.path for item, _ in verify(root)) == sorted(damaged)
    assert counts(root) == {"cells": 1, "features": 3, "summaries": 1, "unfinished": 2}


def test_prune_without_limits_removes_only_stale_leftovers(root: Path) -> None:
    assert [removal.item.path.name for removal in prune(root)] == [".stale.part"]
    assert counts(root) == {"cells": 1, "features": 3, "summaries": 1, "unfinished": 1}


def test_prune_removes_quarantined_files_when_they_are_stale(root: Path) -> None:
    (root / "quarantine").mkdir()
    (root / "quarantine" / "bad.h5").write_bytes(b"bad")
    assert counts(root)["quarantine"] == 1
    prune(root)
    assert counts(root)["quarantine"] == 1
    prune(root, stale_hours=-1)
    assert "quarantine" not in counts(root)


def test_prune_by_age_removes_what_was_not_used(root: Path) -> None:
    removed = prune(root, older_than=15)
    assert {removal.why for removal in removed} == {"unfinished", "not used for 15 days"}
    assert counts(root)["features"] == 2


def test_reading_counts_as_use(root: Path) -> None:
    assert ContentStore(root).get("features", {"days": 20}) is not None
    prune(root, older_than=15)
    assert counts(root)["features"] == 3


def test_prune_by_size_removes_the_least_recently_used_first(root: Path) -> None:
    one = items(root)[0].bytes
    removed = prune(root, max_bytes=one, kinds=["features"])
    assert [removal.why for removal in removed] == ["unfinished", "over the size", "over the size"]
    assert ContentStore(root).path("features", {"days": 0}).exists()
    assert counts(root)["summaries"] == 1


def test_a_dry_run_removes_nothing(root: Path) -> None:
    assert len(prune(root, older_than=0, dry_run=True)) >= 5
    assert counts(root) == {"cells": 1, "features": 3, "summaries": 1, "unfinished": 2}


@pytest.mark.parametrize(("text", "size"), [("12", 12), ("500MB", 500_000_000), ("2g", 2 * 10**9), ("0.5 KB", 500)])
def test_sizes_are_read(text: str, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize("text", ["", "MB", "-1GB", "1XB", "nan", "inf"])
def test_what_is_no_size_is_refused(text: str) -> None:
    with pytest.raises(UsageError, match="as a size"):
        parse_size(text)


def test_trained_models_are_counted_verified_and_pruned(tmp_path: Path) -> None:
    """A model that a measure trained lies in a folder of its own: it is part of the cache, and its largest part."""
    from hashlib import sha256

    finished, half = tmp_path / "models" / "asap.pool.1", tmp_path / "models" / "asap.pool.2.unfinished"
    for folder in (finished, half):
        folder.mkdir(parents=True)
        (folder / "encoder.safetensors").write_bytes(b"weights")
    digest = sha256(b"weights").hexdigest()
    (finished / "manifest.toml").write_text(f'[weights]\nfile = "encoder.safetensors"\nsha256 = "{digest}"\n')
    assert {held.kind: held.count for held in usage(tmp_path)} == {"models": 1, "unfinished": 1}
    assert verify(tmp_path) == []
    (finished / "encoder.safetensors").write_bytes(b"damaged")
    assert [reason for _, reason in verify(tmp_path)] == ["encoder.safetensors is not what manifest.toml promises"]
    prune(tmp_path, max_bytes=0, stale_hours=0)
    assert list((tmp_path / "models").iterdir()) == []
