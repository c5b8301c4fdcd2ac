"""``dsim roi`` on a folder of drawn images."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from dsim.cli.main import run


class Outcome(NamedTuple):
    """What a command line gave: its exit code, and both streams."""

    code: int
    out: str
    err: str

    @property
    def json(self) -> dict[str, Any]:
        document: dict[str, Any] = json.loads(self.out)
        return document


@pytest.fixture
def roi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """``roi("add", "cells", ...)`` runs the command in an empty folder."""
    monkeypatch.chdir(tmp_path)

    def call(*words: str) -> Outcome:
        capsys.readouterr()
        code = run(["roi", *words])
        return Outcome(code, *capsys.readouterr())

    return call


@pytest.fixture
def refused(roi: Callable[..., Outcome]) -> Callable[..., str]:
    """``refused("add", ...)`` is the text of an error, which has a fix and changes nothing of the session ``cells``."""

    def call(*words: str) -> str:
        before = roi("show", "cells", "--json").out
        outcome = roi(*words)
        assert outcome.code in (1, 2), outcome
        assert "fix: " in outcome.err
        assert roi("show", "cells", "--json").out == before
        return outcome.err

    return call


@pytest.fixture
def cells(roi: Callable[..., Outcome], scene_folder: Path) -> Path:
    """A session without prototypes on four images."""
    assert roi("new", "cells", str(scene_folder), "--display", "scene0", "scene1").code == 0
    return scene_folder.parent / "cells.dsimroi"
