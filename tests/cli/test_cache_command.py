"""``dsim cache``: data on stdout, exit codes, and what is really removed."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from dsim.cli.main import run
from dsim.store import ContentStore


@pytest.fixture
def store(private_cache: Path) -> ContentStore:
    """A cache with two records of features and one summary."""
    found = ContentStore(private_cache)
    found.put("features", {"k": 1}, {"x": np.zeros(100)}, {})
    found.put("features", {"k": 2}, {"x": np.ones(100)}, {})
    found.put("summaries", {"k": 1}, {"x": np.zeros(10)}, {})
    return found


def output(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str]:
    code = run(["cache", *arguments])
    return code, capsys.readouterr().out


def test_info_tells_folder_kinds_and_sizes(store: ContentStore, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = output(capsys, "info", "--json")
    document = json.loads(text)
    assert code == 0
    assert document["folder"] == str(store.root)
    assert document["kinds"]["features"]["files"] == 2
    assert document["bytes"] == sum(kind["bytes"] for kind in document["kinds"].values())
    _, table = output(capsys, "info")
    assert str(store.root) in table
    assert "summaries" in table


def test_verify_leaves_with_1_when_a_file_is_corrupt(store: ContentStore, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = output(capsys, "verify", "--json")
    assert (code, json.loads(text)) == (0, {"files": 3, "corrupt": []})
    path = store.path("features", {"k": 2})
    path.write_bytes(path.read_bytes()[:-9])
    code, text = output(capsys, "verify", "--json")
    assert code == 1
    assert [record["path"] for record in json.loads(text)["corrupt"]] == [str(path)]
    code, text = output(capsys, "verify")
    assert code == 1
    assert "corrupt" in text


def test_prune_removes_the_chosen_kind_only(store: ContentStore, capsys: pytest.CaptureFixture[str]) -> None:
    code, text = output(capsys, "prune", "--older-than", "0", "--kind", "features", "--dry-run", "--json")
    assert code == 0
    assert len(json.loads(text)["removed"]) == 2
    assert store.path("features", {"k": 1}).exists()
    code, text = output(capsys, "prune", "--max-size", "0B", "--kind", "features")
    assert code == 0
    assert "removed 2 files" in text
    assert not store.path("features", {"k": 1}).exists()
    assert store.path("summaries", {"k": 1}).exists()


def test_prune_refuses_a_kind_that_is_not_there(store: ContentStore, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["cache", "prune", "--kind", "feature"]) == 2
    assert "Did you mean 'features'?" in capsys.readouterr().err
