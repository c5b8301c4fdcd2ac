"""A new plugin is whole, its names are free, and nothing is overwritten or left half."""

from __future__ import annotations

import ast
import errno
import os
import re
import subprocess
import sys
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest

from dsim.errors import DsimError, UsageError
from dsim.scaffold import KINDS, LICENCES, Names, check_name, new_plugin

EVERYWHERE = {
    ".github/workflows/ci.yml",
    ".gitignore",
    "CHANGELOG.md",
    "LICENSE",
    "README.md",
    "pyproject.toml",
    "tests/test_conformance.py",
}
#: Published parts besides the door that the code of a kind may import.
PUBLISHED = {"trainer": {"dsim.learning", "dsim.zoo"}, **dict.fromkeys(set(KINDS) - {"trainer"}, frozenset())}


def texts(folder: Path) -> dict[str, str]:
    """Every file of a new plugin."""
    return {
        path.relative_to(folder).as_posix(): path.read_text("utf-8") for path in folder.rglob("*") if path.is_file()
    }


@pytest.mark.parametrize("kind", KINDS)
def test_the_distribution_is_whole_and_its_files_hold_together(tmp_path: Path, kind: str) -> None:
    found = texts(new_plugin("mean-shift", tmp_path, kind=kind))
    package = "src/dsim_mean_shift"
    assert set(found) == EVERYWHERE | {f"{package}/__init__.py", f"{package}/{KINDS[kind].module}.py"}
    project = tomllib.loads(found["pyproject.toml"])["project"]
    assert project["name"] == "dsim-mean-shift"
    assert project["entry-points"]["dsim"] == {"mean-shift": "dsim_mean_shift"}
    assert "dsim" in project["dependencies"]
    assert project["optional-dependencies"]["test"]
    assert found["README.md"].startswith("```bash\npip install .\n```\n")
    assert "dsim plugin check mean-shift" in found["README.md"]
    assert "dsim plugin check mean-shift" in found[".github/workflows/ci.yml"]
    assert "${{ matrix.python }}" in found[".github/workflows/ci.yml"]


@pytest.mark.parametrize("kind", KINDS)
def test_no_field_of_a_template_is_left_unfilled(tmp_path: Path, kind: str) -> None:
    for name, text in texts(new_plugin("mean-shift", tmp_path, kind=kind)).items():
        assert not re.search(r"\{\{\w+\}\}|PACKAGE", name + text), name


@pytest.mark.parametrize("kind", KINDS)
def test_its_code_is_formatted_documented_and_imports_all_of_dsim_from_the_door(tmp_path: Path, kind: str) -> None:
    folder = new_plugin("mean-shift", tmp_path, kind=kind)
    done = subprocess.run(
        [
            sys.executable,
            "-m",
            "ruff",
            "check",
            "--select=E,F,W,B,UP,SIM,RUF",
            "--line-length=120",
            "--isolated",
            folder,
        ],
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    command = [sys.executable, "-m", "ruff", "format", "--check", "--line-length=120", "--isolated", folder]
    assert subprocess.run(command, capture_output=True).returncode == 0
    for path in folder.rglob("src/**/*.py"):
        tree = ast.parse(path.read_text("utf-8"))
        assert ast.get_docstring(tree)
        asked = [node.module for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
        of_dsim = {module for module in asked if module and module.startswith("dsim.")}
        assert {".".join(module.split(".")[:2]) for module in of_dsim} - PUBLISHED[kind] == {"dsim.plugin"}


def test_the_example_measure_has_some_ten_lines(tmp_path: Path) -> None:
    folder = new_plugin("mean-shift", tmp_path)
    tree = ast.parse((folder / "src/dsim_mean_shift/measure.py").read_text("utf-8"))
    (measure,) = [node for node in tree.body if isinstance(node, ast.ClassDef)]
    assert (measure.end_lineno or 0) - measure.lineno + 1 <= 10
    assert ast.get_docstring(measure)


@pytest.mark.parametrize("licence", LICENCES)
def test_the_licence_is_the_one_that_was_chosen(tmp_path: Path, licence: str) -> None:
    found = texts(new_plugin("mean-shift", tmp_path, licence=licence, author='Ada "A." Łovelace'))
    first = {"MIT": "MIT License", "BSD-3-Clause": "BSD 3-Clause", "Apache-2.0": "Apache License"}
    assert first.get(licence, "GNU GENERAL PUBLIC LICENSE") in found["LICENSE"]
    project = tomllib.loads(found["pyproject.toml"])["project"]
    assert project["license"] == licence
    assert project["authors"] == [{"name": 'Ada "A." Łovelace'}]
    if licence in ("MIT", "BSD-3-Clause"):
        assert re.search(r"Copyright \(c\) 20\d\d Ada \"A.\" Łovelace", found["LICENSE"])


def test_what_the_command_offers_is_what_there_is() -> None:
    from dsim.cli.plugins import new

    choices = {option.name: option.type for option in new.params}
    assert list(choices["kind"].choices) == list(KINDS)  # type: ignore[attr-defined]
    assert list(choices["licence"].choices) == list(LICENCES)  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("Mean_Shift", "joined by hyphens: mean-shift"),
        ("2mean", "joined by hyphens: mean"),
        ("", "joined by hyphens"),
        ("../up", "joined by hyphens: up"),
        ("a--b", "joined by hyphens: a-b"),
        ("µ", "joined by hyphens"),
        ("dsim-shift", "leave dsim- away: shift"),
        ("none", "a name of Python"),
        ("feature-measure", "a name of dsim.plugin"),
        ("x" * 41, "longer than 40"),
    ],
)
def test_a_malformed_name_is_refused_with_a_better_one(tmp_path: Path, name: str, expected: str) -> None:
    with pytest.raises(UsageError) as caught:
        new_plugin(name, tmp_path)
    assert expected in str(caught.value)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["asap", "cc", "compare", "pixels", "npz", "kld"])
def test_a_name_that_something_installed_has_is_refused(name: str) -> None:
    with pytest.raises(UsageError, match=r"is taken by dsim .*\n  fix: choose another name"):
        check_name(name)


def test_the_names_of_an_installed_plugin_are_taken(scaffolded: Callable[..., Path], tmp_path: Path) -> None:
    scaffolded("mean-shift")
    with pytest.raises(UsageError, match=r"'mean-shift' is taken by dsim-mean-shift 0.1.0"):
        new_plugin("mean-shift", tmp_path / "elsewhere")


def test_a_name_from_which_nothing_is_installed_is_free() -> None:
    assert check_name("mean-shift") == Names("mean-shift")


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    folder = new_plugin("mean-shift", tmp_path)
    (folder / "README.md").write_text("mine")
    with pytest.raises(UsageError, match="nothing is overwritten"):
        new_plugin("mean-shift", tmp_path)
    assert (folder / "README.md").read_text() == "mine"
    assert os.listdir(tmp_path) == ["dsim-mean-shift"]


def test_an_interrupted_call_leaves_nothing_that_could_be_taken_for_a_plugin(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = Path.write_text

    def full_disk(path: Path, text: str, **how: str) -> int:
        if path.name == "ci.yml":
            raise OSError(errno.ENOSPC, "No space left on device")
        return written(path, text, **how)

    monkeypatch.setattr(Path, "write_text", full_disk)
    with pytest.raises(DsimError, match=r"cannot write .*dsim-mean-shift: No space left"):
        new_plugin("mean-shift", tmp_path)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(("what", "value"), [("kind", "mesure"), ("licence", "BSD")])
def test_an_unknown_kind_or_licence_is_refused_by_name(tmp_path: Path, what: str, value: str) -> None:
    with pytest.raises(UsageError, match=f"no {what} named {value!r}"):
        new_plugin("mean-shift", tmp_path, **{what: value})


def test_an_author_of_two_lines_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="in one line"):
        new_plugin("mean-shift", tmp_path, author="a\nb")


def test_the_folder_has_the_permissions_of_an_ordinary_one(tmp_path: Path) -> None:
    (tmp_path / "ordinary").mkdir()
    assert new_plugin("mean-shift", tmp_path).stat().st_mode == (tmp_path / "ordinary").stat().st_mode
