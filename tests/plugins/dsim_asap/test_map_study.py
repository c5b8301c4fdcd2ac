"""``dsim asap map``: a training is asked for or refused, and the command writes the map."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from dsim.errors import UsageError
from dsim.runtime import Runtime
from dsim_asap.trainer import choose_or_fit


def test_settings_without_a_training_are_refused() -> None:
    with pytest.raises(UsageError, match="only a training reads this"):
        choose_or_fit(None, [], False, ["epochs=3"], 0, Runtime())
    with pytest.raises(UsageError, match="--fit trains a model"):
        choose_or_fit("zoo:x", [], True, [], 0, Runtime())


def test_the_command_trains_on_all_sets_and_writes_the_map(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from dsim.cli.main import run

    tiny = ["backbone=test_resnet", "size=32", "epochs=1", "batch=8", "precision=float32"]
    sets = [f"phantoms:{name}[count=6,size=32]" for name in ("histology", "fundus", "xray")]
    call = ["asap", "map", "--sources", *sets[:2], "--targets", sets[2], "--fit", "--json", "--device", "cpu"]
    assert run([*call, *(part for one in tiny for part in ("--set", one)), "--out", str(tmp_path / "map")]) == 0
    captured = json.loads(capsys.readouterr().out)
    assert [one["trained_on"] for one in captured["datasets"]] == [True] * 3
    assert [region["name"] for region in captured["regions"]] == ["histology", "fundus", "X-ray"]
