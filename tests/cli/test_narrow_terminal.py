"""In 80 columns every command's tables can be read, whatever the datasets are called: no line is wider.

That numbers are never folded and names stay different is tested of all tables, in ``tests/ui/test_tables.py``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from rich.cells import cell_len

from dsim.cli.main import run
from dsim.truth import TransferMatrix

#: What a command prints and writes is tested here; what its pictures show, in tests/plots.
pytestmark = pytest.mark.usefixtures("blank_pictures")

PHANTOMS = ("xray", "relief", "fundus", "histology", "ultrasound")
NAMES = [f"images_of_the_department_of_{name}_2016_{'x' * (10 - len(name))}" for name in PHANTOMS]
DATASETS = [f"{name}=phantoms:{phantom}[count=4,size=32]" for name, phantom in zip(NAMES, PHANTOMS, strict=True)]
INTERVAL = re.compile(r"-?\d+(?:\.\d+)? to -?\d+(?:\.\d+)?")

Narrow = Callable[..., str]


def too_wide(printed: str) -> list[str]:
    """Lines of tables and lists that are wider; the terminal folds sentences, and commands are copied as they are."""
    lines = [line for line in printed.splitlines() if line[:1] in "┏┃┡│└ " and "fix: " not in line]
    return [line for line in lines if cell_len(line) > 80]


@pytest.fixture
def narrow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Narrow:
    """Run a command in an empty folder and a pipe of 80 columns; return what it prints on stdout."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")

    def run_at_80(*arguments: str, code: int = 0) -> str:
        found, captured = run(list(arguments)), capsys.readouterr()
        assert found == code, captured.err
        assert too_wide(captured.out) == []
        return captured.out

    return run_at_80


def truth(sources: Sequence[str], targets: Sequence[str], repetitions: int = 3) -> TransferMatrix:
    values = np.random.default_rng(0).uniform(1, 99, (len(sources), len(targets), repetitions))
    return TransferMatrix("lab", "DSC", "%", tuple(sources), tuple(targets), values, (0.0, 100.0), repetition="seed")


def test_names_are_as_long_as_the_promise_says() -> None:
    assert min(map(len, NAMES)) >= 40


@pytest.mark.parametrize("extra", [(), ("--why",), ("--test", "19"), ("--why", "--test", "19")], ids=" ".join)
def test_compare(extra: tuple[str, ...], narrow: Narrow) -> None:
    printed = narrow("compare", "--measure", "cc:size=32", "--sources", *DATASETS, *extra)
    assert "value" in printed
    if "--why" in extra:
        cells = [cell for line in printed.splitlines() if line.startswith("│") for cell in line.split("│")]
        assert sum(bool(INTERVAL.search(cell)) for cell in cells) == len(NAMES) * (len(NAMES) - 1)


@pytest.mark.parametrize("extra", [(), ("--why",)], ids=" ".join)
def test_several_measures(extra: tuple[str, ...], narrow: Narrow) -> None:
    measures = ["--measure", "cc:size=32", "--measure", "nmi:size=32"]
    printed = narrow("compare", *measures, "--sources", *DATASETS, "--bootstrap", "20", *extra)
    assert ("95% interval" in printed) == bool(extra)


def test_wide_shows_names_in_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "80")
    assert run(["compare", "--measure", "cc:size=32", "--sources", *DATASETS, "--bootstrap", "0", "--wide"]) == 0
    tables = [line for line in capsys.readouterr().out.splitlines() if line.startswith("│")]
    assert all(any(name in line for line in tables) for name in NAMES)


def test_evaluate(narrow: Narrow) -> None:
    measures = ["--measure", "cc:size=32", "--measure", "nmi:size=32"]
    narrow("compare", *measures, "--sources", *DATASETS, "--bootstrap", "0", "--out", "found")
    truth(NAMES, NAMES).to_json(Path("truth.json"))
    judged = ["--truth", "truth.json", "--resamples", "100"]
    assert INTERVAL.search(narrow("evaluate", "found/cc_size_32", *judged))
    assert INTERVAL.search(narrow("evaluate", "found", *judged))


def test_truth(narrow: Narrow) -> None:
    many = [f"{name}_{number}" for number in range(3) for name in NAMES]
    truth(many, many).to_json(Path("truth.json"))
    printed = narrow("truth", "show", "truth.json")
    mean = truth(many, many).mean
    assert all(f" {value:.2f} " in printed for value in mean.ravel())
    narrow("truth", "list")


@pytest.mark.parametrize("sources", [3, 5])
def test_transfer(sources: int, narrow: Narrow, capsys: pytest.CaptureFixture[str]) -> None:
    from dsim.cli.transfer import _show_auc, _show_dice

    found = truth(NAMES[:sources], NAMES)
    found = replace(found, provenance={"all foreground": dict.fromkeys(NAMES, 12.3)})
    for show in (_show_dice, _show_auc):
        show(found)
        printed = capsys.readouterr().out
        assert too_wide(printed) == []
        assert printed.count(" 12.3 ") >= (len(NAMES) if show is _show_dice else 0)


@pytest.mark.parametrize(
    "line",
    [
        "measures",
        "explain ensemble",
        "explain otdd",
        "zoo list",
        "plugins",
        "plugins --why core",
        "cache info",
        "truth show cats-auc",
        "truth show biomed16-dsc",
    ],
)
def test_what_is_built_in(line: str, narrow: Narrow) -> None:
    assert narrow(*line.split())


def test_the_greeting_and_help(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("COLUMNS", "80")
    for arguments in ([], ["--help"], ["compare", "--help"], ["transfer", "segmentation", "--help"]):
        assert run(arguments) == 0
        assert [line for line in capsys.readouterr().out.splitlines() if cell_len(line) > 80] == []


@pytest.mark.parametrize("benchmark", ["biomed16-dsc", "phantoms-dsc"])
def test_leaderboard(benchmark: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    from dsim.cli.leaderboard import _show
    from dsim.leaderboard import Board

    monkeypatch.setenv("COLUMNS", "80")
    board = Board.from_json(Path(__file__).parents[2] / "docs" / "leaderboard" / benchmark / "results.json")
    _show(board)
    printed = capsys.readouterr().out
    assert too_wide(printed) == []
    assert "regret" in printed
    assert all(f" {row.measure} " in printed for row in board.rows if row.judged and len(row.measure) < 16)


def test_datasets(narrow: Narrow) -> None:
    narrow("data", "inspect", DATASETS[0])
    narrow("extract", *DATASETS, "--extractor", "pixels:[side=4]")
    few = ["--least", "4", "--extractor", "pixels:[side=4]"]
    for dataset in DATASETS[:3]:
        assert run(["fingerprint", "write", dataset, "--out", f"{dataset[:40]}.json", *few]) == 0
    narrow("fingerprint", "compare", *map(str, Path().glob("*.json")))
    narrow("recommend", DATASETS[0], "--sources", *DATASETS[1:], "--measure", "cc:size=32")
