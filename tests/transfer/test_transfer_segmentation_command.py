"""Promises of ``dsim transfer segmentation``: a truth that the rest of dsim judges by, plain errors, nothing on stdout
but data."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from dsim.cli.transfer import transfer
from dsim.errors import DataError, DsimError, UnknownNameError, UsageError
from dsim.truth import open_truth

FAST = ["side=24", "patch=24", "width=8", "levels=3", "epochs=4", "shown=12", "blocks=5"]
SETS = ["phantoms:fluorescence[count=10,size=24]", "phantoms:relief[count=10,size=24]"]


def run(tmp_path: Path, *arguments: str, sources: list[str] | None = None) -> tuple[int, str, str]:
    settings = [part for text in FAST for part in ("--set", text)]
    given = ["segmentation", "--sources", *(sources or SETS), "--out", str(tmp_path / "t.json"), "--device", "cpu"]
    done = CliRunner().invoke(transfer, [*given, *settings, *arguments], standalone_mode=False)
    if done.exception is not None:
        raise done.exception
    return done.return_value, done.stdout, done.stderr


def test_it_writes_a_truth_and_shows_it(tmp_path: Path) -> None:
    code, out, notes = run(tmp_path, "--repetitions", "2", "--name", "mine")
    truth = open_truth(tmp_path / "t.json")
    assert code == 0
    assert (truth.name, truth.repetitions, len(truth.sources)) == ("mine", 2, 2)
    assert truth.datasets[truth.sources[0]].location == SETS[0]
    assert "Dice, %: mean of 2 trainings" in out
    assert "best of others" in out
    assert f"wrote {tmp_path / 't.json'}" in notes
    again = run(tmp_path, "--repetitions", "2", "--name", "mine")
    assert again[1] == out
    assert "4 of 4 models are finished" in again[2]


def test_json_is_the_truth_and_nothing_else(tmp_path: Path) -> None:
    target = "phantoms:xray[count=10,size=24]"
    code, out, _ = run(tmp_path, "--targets", target, "--repetitions", "1", "--json", "--scenario", "finetune:2")
    document = json.loads(out)
    assert code == 0
    assert document["schema"] == "dsim.transfer/1"
    assert document["baseline"] is not None
    assert document["provenance"]["scenario"] == "finetune:2"


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        (["--set", "epoch=3"], UnknownNameError, "no setting named 'epoch'. Did you mean 'epochs'?"),
        (["--set", "epochs"], UsageError, "--set epochs"),
        (["--set", "epochs=many"], UsageError, "parameter 'epochs' takes int, not 'many'"),
        (["--set", "patch=30"], UsageError, "patch=30 is not a multiple of 4"),
        (["--scenario", "fine-tune:5"], UnknownNameError, "no scenario named 'fine-tune'. Did you mean 'finetune'?"),
        (["--foreground", "x"], UsageError, "--foreground x names no values"),
        (["--targets", "phantoms:relief[count=1,size=24]"], DataError, "has one image"),
    ],
)
def test_mistakes_are_told_with_a_fix(
    tmp_path: Path, arguments: list[str], error: type[DsimError], message: str
) -> None:
    with pytest.raises(error) as caught:
        run(tmp_path, *arguments)
    assert message in caught.value.message
    assert caught.value.hint
