"""``dsim leaderboard`` as a user meets it: streams, files, exit codes, an interrupt, a stranger's results."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import jsonschema
import numpy as np
import pytest
from referencing import Registry, Resource

from dsim.cli.main import run
from dsim.truth import TransferMatrix, TruthDataset

SCHEMAS = Path(__file__).parents[2] / "docs" / "schema"
NAMES = ("xray", "relief", "fundus")
PLUGIN = """
    import os
    import time
    from dataclasses import dataclass
    from dsim.plugin import Direction, MeasureError, MeasureSpec, Need, SimilarityMeasure, hookimpl

    @dataclass(frozen=True)
    class Mean:
        value: float

    SPEC = MeasureSpec(
        name="{name}", version=1, title="t", factory="{name}:Made", needs=frozenset({{Need.IMAGES}}),
        direction=Direction.DISTANCE, symmetric=True, self_is_optimal=True, formula="f", cost="c", references=("r",),
    )

    class Made(SimilarityMeasure[Mean]):
        spec = SPEC

        def summarise(self, data, rng):
            return Mean(float(sum(image.mean() for image in data.images())))

        def compare(self, source, target):
            {compare}

    @hookimpl
    def dsim_measures():
        return [SPEC]
"""


@pytest.fixture
def tiny(tmp_path):
    """A truth with made-up scores, of three small phantoms."""
    scores = np.array([[np.nan, 60.0, 20.0], [40.0, np.nan, 50.0], [30.0, 70.0, np.nan]])[:, :, None]
    datasets = {name: TruthDataset(6, f"phantoms:{name}[count=6,size=32]") for name in NAMES}
    truth = TransferMatrix(
        "tiny", "DSC", "%", NAMES, NAMES, scores + np.array([-1.0, 1.0]), (0, 100), repetition="seed",
        datasets=datasets, reasons={(name, name): "the target itself" for name in NAMES},
    )  # fmt: skip
    truth.to_json(tmp_path / "tiny.json")
    return tmp_path / "tiny.json"


@pytest.fixture
def board(tiny, tmp_path):
    """``board(*options, out=...)`` runs the command on the tiny benchmark, quickly."""

    def call(*options, out="out", benchmark=tiny):
        fixed = ["--benchmark", str(benchmark), "--out", str(tmp_path / out), "--resamples", "100", "--offline"]
        return run(["leaderboard", *fixed, *options])

    return call


@pytest.fixture
def plugin(install_plugin):
    """``plugin(name, compare)`` installs a measure of mean intensity whose ``compare`` is this line."""
    return lambda name, compare: install_plugin(name, PLUGIN.format(name=name, compare=compare))


def results(folder):
    return json.loads((folder / "results.json").read_text())


def statuses(folder):
    return {row["measure"]: row["status"] for row in results(folder)["rows"]}


def test_the_board_is_printed_and_written(board, tmp_path, capsys):
    assert board("--measure", "cc:size=32", "--measure", "frc:size=32") == 0
    captured = capsys.readouterr()
    for shown in ("tiny: mean regret in DSC", "cc@1:size=32", "random", "oracle", "noise ceiling"):
        assert shown in captured.out
    assert "2 of 2: " in captured.err
    assert "wrote " in captured.err
    assert {path.name for path in (tmp_path / "out").iterdir()} == {
        "results.json", "leaderboard.md", "leaderboard.html", "rows",
    }  # fmt: skip
    document = results(tmp_path / "out")
    schemas = {path.name: json.loads(path.read_text()) for path in SCHEMAS.glob("*.json")}
    registry = Registry().with_resources((s["$id"], Resource.from_contents(s)) for s in schemas.values())
    jsonschema.Draft202012Validator(schemas["dsim.leaderboard.1.schema.json"], registry=registry).validate(document)
    assert document["settings"]["resamples"] == 100
    elsewhere = {row["measure"] for row in document["elsewhere"]}
    assert {"ASAP", "OTDD", "Task2Vec"} <= elsewhere, "published rows stand apart"

    assert board("--measure", "cc:size=32", "--json") == 0
    captured = capsys.readouterr()
    assert json.loads(captured.out)["schema"] == "dsim.leaderboard/1"
    assert " of " not in captured.err, "nothing had to run"


def test_a_second_run_starts_no_process_and_imports_no_torch(board, tiny, tmp_path):
    assert board("--measure", "cc:size=32", "--measure", "frc:size=32") == 0
    code = (
        "import subprocess, sys\n"
        "from dsim.cli.main import run\n"
        "def refuse(*args, **kwargs): raise AssertionError('a process was started')\n"
        "subprocess.Popen = refuse\n"
        "print(run(sys.argv[1:]), 'torch' in sys.modules)\n"
    )
    arguments = ["--benchmark", tiny, "--measure", "cc:size=32", "--measure", "frc:size=32", "--out", tmp_path / "out"]
    command = [sys.executable, "-c", code, "leaderboard", *map(str, arguments), "--resamples", "100", "--offline"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "0 False"


def test_the_exit_code_tells_of_what_is_broken_and_not_of_what_is_wanting(board, plugin, capsys):
    plugin("broken", "raise ValueError('no')")
    plugin("choosy", "raise MeasureError('nothing to compare')")
    assert board("--measure", "cc:size=32", "--measure", "broken") == 3
    assert "failed: broken@1: no pair has a value: comparing raised ValueError: no" in capsys.readouterr().err
    assert board("--measure", "choosy", out="other") == 3, "it was asked for by its name"
    assert board("--measure", "cc:size=32", out="other") == 0
    assert "failed: choosy@1: no pair has a value: nothing to compare" in capsys.readouterr().err


def test_what_others_ran_is_added_and_stays(board, plugin, tmp_path, capsys):
    plugin("theirs", "return abs(source.value - target.value)")
    assert board("--measure", "theirs", "--measure", "cc:size=32", out="stranger") == 0
    assert board("--measure", "cc:size=32", out="ours") == 0
    capsys.readouterr()
    assert board("--add", str(tmp_path / "stranger" / "results.json"), out="ours") == 0
    captured = capsys.readouterr().err
    assert "results.json: added theirs@1" in captured
    assert "running" not in captured
    expected = {"cc@1:size=32": "ok", "theirs@1": "added"}
    assert {name: status for name, status in statuses(tmp_path / "ours").items() if "@" in name} == expected
    assert board("--measure", "cc:size=32", out="ours") == 0
    assert statuses(tmp_path / "ours")["theirs@1"] == "added", "it stays on the board"


def test_what_does_not_fit_is_refused_and_what_no_longer_fits_is_left_out(board, tiny, tmp_path, capsys):
    assert board("--measure", "frc:size=32", out="stranger") == 0
    document = results(tmp_path / "stranger")
    document["rows"][0]["matrix"]["values"][0][1] += 1
    forged = tmp_path / "forged.json"
    forged.write_text(json.dumps(document))
    assert board("--add", str(forged), out="ours") == 1
    assert not (tmp_path / "ours").exists(), "nothing is kept of it"
    assert board("--add", str(tmp_path / "stranger" / "results.json"), out="ours") == 0
    truth = TransferMatrix.from_json(tiny)
    TransferMatrix(**{**vars(truth), "values": truth.values / 2}).to_json(tiny)
    capsys.readouterr()
    assert board("--measure", "cc:size=32", out="ours") == 0
    assert "what was added from results.json is left out: " in capsys.readouterr().err
    assert "frc@1:size=32" not in statuses(tmp_path / "ours")


@pytest.fixture
def stopped(plugin, tiny, tmp_path):
    """``stopped(signal)`` sends it while the second of two measures runs; returns arguments, exit code, stderr."""

    def stop(with_signal):
        waiting = tmp_path / "waiting"
        begun = f"open({str(waiting)!r}, 'w').write(str(os.getpid()))"
        plugin("slow", f"{begun}; time.sleep(60 * ('HURRY' not in os.environ)); return 0.0")
        script = (
            "import signal, sys\n"
            # A shell that starts the tests in the background has them ignore the signal, and their children too.
            "signal.signal(signal.SIGINT, signal.default_int_handler)\n"
            "from dsim.cli.main import run\n"
            "sys.exit(run(sys.argv[1:]))\n"
        )
        arguments = ["leaderboard", "--benchmark", str(tiny), "--measure", "cc:size=32", "--measure", "slow"]
        arguments += ["--out", str(tmp_path / "out"), "--jobs", "1", "--resamples", "100", "--offline"]
        process = subprocess.Popen([sys.executable, "-c", script, *arguments], stderr=subprocess.PIPE, text=True)
        until(lambda: waiting.exists() and waiting.read_text())
        process.send_signal(with_signal)
        error = process.communicate(timeout=60)[1]
        until(lambda: not alive(int(waiting.read_text())))
        return arguments, process.returncode, error

    return stop


def until(true):
    deadline = time.monotonic() + 60
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def alive(process):
    """Whether it runs; one that waits to be reaped does not."""
    try:
        os.kill(process, 0)
        return Path(f"/proc/{process}/stat").read_text().split()[2] != "Z"
    except OSError:
        return False


def test_ctrl_c_leaves_with_130_and_the_same_command_goes_on(stopped, tmp_path, monkeypatch):
    arguments, code, error = stopped(signal.SIGINT)
    assert code == 130, error
    assert "same command" in error
    assert not (tmp_path / "out" / ".work").exists()
    assert [path.name.partition("@")[0] for path in (tmp_path / "out" / "rows").iterdir()] == ["cc"]
    monkeypatch.setenv("HURRY", "1")
    assert run(arguments) == 0
    assert statuses(tmp_path / "out") == {"cc@1:size=32": "ok", "slow@1": "ok"}


def test_a_command_that_is_killed_leaves_no_process_behind(stopped):
    """``stopped`` waits until the measure's process has ended."""
    assert stopped(signal.SIGKILL)[1] == -signal.SIGKILL


@pytest.mark.parametrize(
    ("options", "code", "expected"),
    [
        (["--benchmark", "phantom-dsc"], 2, "phantoms-dsc"),
        (["--measure", "otd"], 2, "Did you mean 'otdd'"),
        (["--jobs", "-2"], 2, "give 1 or more"),
        (["--timeout", "0"], 2, "number of seconds"),
        (["--resamples", "3"], 2, "100 or more"),
        (["--measure", "cc", "--rerun", "nothing"], 2, "measure to run again"),
        (["--device", "cuda:99"], 2, "device"),
        (["--add", "nowhere.json"], 1, "nowhere.json"),
        (["--benchmark", "asap-dsc", "--measure", "cc"], 2, "nothing can be run on asap-dsc"),
    ],
)
def test_a_wrong_request_is_told_before_any_work(board, options, code, expected, capsys, tmp_path, monkeypatch):
    monkeypatch.setattr(subprocess, "Popen", None)
    given = dict(zip(options[::2], options[1::2], strict=True))
    benchmark = {"benchmark": given.pop("--benchmark")} if "--benchmark" in given else {}
    assert board(*[word for option in given.items() for word in option], **benchmark) == code
    error = capsys.readouterr().err
    assert error.startswith("error: ")
    assert expected in error
    assert "Traceback" not in error


def test_a_truth_without_images_has_a_board_of_what_is_published(board, tmp_path, capsys):
    assert board(benchmark="asap-dsc") == 0
    assert set(statuses(tmp_path / "out").values()) == {"as published"}
    assert "asap-published@1" in capsys.readouterr().out


def test_the_script_is_the_command(tiny, tmp_path):
    script = Path(__file__).parents[2] / "benchmarks" / "leaderboard.py"
    done = subprocess.run([sys.executable, str(script), "--benchmark", "nowhere"], capture_output=True, text=True)
    assert done.returncode == 2
    assert "nowhere" in done.stderr
