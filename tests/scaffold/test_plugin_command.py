"""``dsim plugin new`` and ``dsim plugin check``: the way of a stranger, and what a broken plugin is told."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from dsim.cli.main import run as dsim
from dsim.cli.plugins import plugin
from dsim.errors import DsimError
from dsim.files.documents import check as hold_to
from dsim.plugin import API_VERSION
from dsim.scaffold import KINDS

Scaffold = Callable[..., Path]
Installed = Callable[[Path], Path]


def run(*arguments: str) -> int:
    """The command's exit code; expected failures print themselves."""
    try:
        result = plugin.main(list(arguments), prog_name="dsim plugin", standalone_mode=False)
    except DsimError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    return result if isinstance(result, int) else 0


def test_new_prints_the_next_three_commands_and_they_lead_to_a_passing_check(
    tmp_path: Path, installed: Installed, capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("new", "mean-shift", "--out", str(tmp_path / "mine")) == 0
    printed = capsys.readouterr()
    folder = tmp_path / "mine" / "dsim-mean-shift"
    install, check, use = printed.out.splitlines()
    assert install == f"pip install -e {folder}"
    assert str(folder) in printed.err.replace("\n", "")
    installed(folder)
    assert check == "dsim plugin check mean-shift"
    assert run("check", "mean-shift") == 0
    assert use == "dsim compare --measure mean-shift"


@pytest.mark.parametrize("kind", KINDS)
def test_a_new_plugin_of_every_kind_passes_and_its_document_holds_to_the_schema(
    scaffolded: Scaffold, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    scaffolded("mean-shift", kind=kind)
    assert run("check", "mean-shift", "--json") == 0
    document = json.loads(capsys.readouterr().out)
    hold_to(document, "dsim.plugin-check/1", "the document", "")
    (checked,) = document["plugins"]
    assert (checked["plugin"], checked["distribution"]) == ("mean-shift", "dsim-mean-shift")
    brings = [kind, "builder"] if kind == "trainer" else [kind]
    assert [part["kind"] for part in checked["parts"]] == brings
    statuses = {result["status"] for result in checked["parts"][0]["results"]}
    assert statuses <= {"passed", "not_applicable"}
    assert dsim(["plugins", "--why", "mean-shift"]) == 0
    assert "fix" not in capsys.readouterr().out


def test_the_plugins_own_test_passes_in_pytest(tmp_path: Path, scaffolded: Scaffold, private_cache: Path) -> None:
    scaffolded("mean-shift", kind="command")
    folder = tmp_path / "new" / "dsim-mean-shift"
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True)
    assert "1 passed" in done.stdout, done.stdout + done.stderr


def test_the_kit_needs_no_pytest(scaffolded: Scaffold) -> None:
    scaffolded("mean-shift")
    code = "import sys; sys.modules['pytest'] = None; from dsim.testing import check_plugin; "
    code += "print(check_plugin('mean-shift')[0].ok, 'pytest' in (m for m in sys.modules if sys.modules[m]))"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.stdout == "True False\n", done.stderr


def spoil(folder: Path, module: str, old: str, new: str) -> None:
    """Change a plugin's source."""
    source = (folder / module).read_text("utf-8")
    assert old in source
    (folder / module).write_text(source.replace(old, new), encoding="utf-8")


def failed(capsys: pytest.CaptureFixture[str], name: str = "mean-shift") -> dict[str, dict[str, Any]]:
    """The checks that fail, by name, each with what to do."""
    assert run("check", name, "--json") == 1
    (checked,) = json.loads(capsys.readouterr().out)["plugins"]
    assert checked["ok"] is False
    found = {r["name"]: r for part in checked["parts"] for r in part["results"] if r["status"] == "failed"}
    assert all(result["hint"] for result in found.values())
    return found


def test_a_measure_of_infinities_fails_and_why_repeats_what_to_do_until_it_is_mended(
    scaffolded: Scaffold, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = scaffolded("mean-shift")
    dsim(["plugins", "--why", "mean-shift"])
    assert "fix: dsim plugin check mean-shift" in capsys.readouterr().out
    spoil(folder, "measure.py", "return float(", "return float('inf') + float(")
    from dsim.registry import registry

    registry.forget()
    assert list(failed(capsys)) == ["works"]
    dsim(["plugins", "--why", "mean-shift"])
    captured = capsys.readouterr().out
    assert "measure mean-shift@1 fails the check works" in captured
    assert "is inf" in captured
    assert "fix: ordinary datasets must have a finite value" in captured
    spoil(folder, "measure.py", "float('inf') + ", "")
    registry.forget()
    dsim(["plugins", "--why", "mean-shift"])
    assert "not checked as it is now" in capsys.readouterr().out


def test_the_table_shows_what_failed_and_what_to_do(scaffolded: Scaffold, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(scaffolded("mean-shift"), "measure.py", "return float(", "source[:] = 0\n        return float(")
    assert run("check", "mean-shift") == 1
    table = capsys.readouterr().out
    assert "failed" in table
    assert "fix: copy before you change" in table
    verdict = table.splitlines()[-1]
    assert verdict.startswith("mean-shift (dsim-mean-shift 0.1.0): mean-shift@1 breaks ")
    assert verdict.endswith(f" plugin API {API_VERSION}")


def test_a_deviation_that_the_spec_declares_is_an_expected_failure_with_its_reason(
    scaffolded: Scaffold, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = scaffolded("mean-shift")
    spoil(folder, "measure.py", "(source, target))", "(source[:10], target))")
    reason = 'expected_failures={"order": "it reads a video from its start"},\n    parameters='
    spoil(folder, "__init__.py", "parameters=", reason)
    assert run("check", "mean-shift", "--json") in (0, 1)
    (checked,) = json.loads(capsys.readouterr().out)["plugins"]
    found = {result["name"]: result for result in checked["parts"][0]["results"]}
    assert found["order"]["status"] == "expected_failure"
    assert found["order"]["message"].startswith("it reads a video from its start (")


def test_a_measure_that_cannot_be_built_is_told(scaffolded: Scaffold, capsys: pytest.CaptureFixture[str]) -> None:
    spoil(scaffolded("mean-shift"), "__init__.py", "measure:MeanShift", "measure:MeanDrift")
    assert "MeanDrift" in failed(capsys)["factory"]["message"]


EXTRACTORS = {
    "works": ("astype(np.float32)", "astype(np.float64)"),
    "recipe": ('Recipe(f"mean-shift:[bins={bins}]"', 'Recipe(f"mean-shift:[bins=1{bins}]"'),
    "unknown-option": ('check_options("mean-shift", options, ("bins",))', "pass"),
    "determinism": ("return (np.array(counts)", "return (np.random.default_rng().random() + np.array(counts)"),
    "batch-size": ("return (np.array(counts)", "return (len(images) * np.array(counts)"),
    "inputs-unmutated": ("counts =", "images[:] = images[::-1].copy()\n        images[:1] = 0\n        counts ="),
    "factory": ("def prepare(", "def prepares("),
}


@pytest.mark.parametrize("check", EXTRACTORS)
def test_a_broken_extractor_is_caught_by_the_check_that_guards_it(
    scaffolded: Scaffold, capsys: pytest.CaptureFixture[str], check: str
) -> None:
    spoil(scaffolded("mean-shift", kind="extractor"), "extractor.py", *EXTRACTORS[check])
    assert check in failed(capsys)


READERS = {
    "accepts-its-own": ('".npy"', '".npx"'),
    "leaves-others": ('path.suffix.lower() == ".npy" and path.is_file()', "True"),
    "works": ("return from_arrays(images,", "return from_arrays(features=images.reshape(4, -1) / 255,"),
    "name": ("options.name or path.stem", "path.stem"),
    "identity": ("return from_arrays(images,", "return from_arrays(np.random.default_rng().random((4, 8, 8)),"),
    "damaged": ("except (OSError, ValueError) as error", "except OSError as error"),
}


@pytest.mark.parametrize("check", READERS)
def test_a_broken_reader_is_caught_by_the_check_that_guards_it(
    scaffolded: Scaffold, capsys: pytest.CaptureFixture[str], check: str
) -> None:
    spoil(scaffolded("mean-shift", kind="reader"), "reader.py", *READERS[check])
    assert check in failed(capsys)


def test_a_reader_without_an_example_says_which_checks_do_not_apply(
    scaffolded: Scaffold, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = scaffolded("mean-shift", kind="reader")
    spoil(folder, "__init__.py", 'example="dsim_mean_shift.reader:example",', "")
    assert run("check", "mean-shift", "--json") == 0
    (checked,) = json.loads(capsys.readouterr().out)["plugins"]
    left = [result for result in checked["parts"][0]["results"] if result["status"] == "not_applicable"]
    assert {"works", "name", "identity", "damaged"} <= {result["name"] for result in left}
    assert all("names no example" in result["message"] for result in left)


COMMANDS = {
    "factory": ("@click.command()\n", ""),
    "help": ("import click\n", "import click\nimport sys\n\nif '--help' in sys.argv:\n    sys.exit(3)\n"),
    "unknown-option": ("@click.command()", "@click.command(context_settings={'ignore_unknown_options': True})"),
}


@pytest.mark.parametrize("check", COMMANDS)
def test_a_broken_command_is_caught_by_the_check_that_guards_it(
    scaffolded: Scaffold, capsys: pytest.CaptureFixture[str], check: str
) -> None:
    spoil(scaffolded("mean-shift", kind="command"), "command.py", *COMMANDS[check])
    assert check in failed(capsys)


@pytest.mark.parametrize("kind", KINDS)
def test_declaring_something_heavy_is_caught_for_every_kind(
    scaffolded: Scaffold, capsys: pytest.CaptureFixture[str], kind: str
) -> None:
    spoil(scaffolded("mean-shift", kind=kind), "__init__.py", "from dsim", "import h5py  # noqa: F401\n\nfrom dsim")
    assert "h5py" in failed(capsys)["registration"]["message"]


def test_a_plugin_is_found_by_its_distribution_its_name_and_what_it_brings(
    scaffolded: Scaffold, capsys: pytest.CaptureFixture[str]
) -> None:
    scaffolded("mean-shift", kind="command")
    for name in ("mean-shift", "dsim-mean-shift", "dsim_mean.shift"):
        assert run("check", name) == 0
    assert run("check", "cc:size=16") == 0
    assert "cc@1:size=16 keeps the contract" in capsys.readouterr().out


def test_what_is_not_installed_or_not_in_use_is_told(
    install_plugin: Callable[..., Path], capsys: pytest.CaptureFixture[str]
) -> None:
    assert run("check", "clasical") == 2
    assert "Did you mean 'classical'?" in capsys.readouterr().err
    install_plugin("needy", "import no_such_library")
    assert run("check", "needy") == 1
    captured = capsys.readouterr().err
    assert "plugin 'needy' is not in use: import: ModuleNotFoundError" in captured
    assert "fix: install what it misses" in captured
