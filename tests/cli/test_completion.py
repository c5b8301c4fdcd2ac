"""The shell completes commands, options and names; what several values or a colon do to words is known."""

from __future__ import annotations

import os
import shutil
import stat
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import click
import pytest

from dsim.cli.completion import SHELLS, VARIABLE, completion
from dsim.cli.main import cli
from dsim.registry import default
from dsim.truth import truth_names
from dsim.zoo import models

Complete = Callable[..., list[str]]


@pytest.fixture
def complete(monkeypatch: pytest.MonkeyPatch) -> Complete:
    """What zsh is offered for a command line; ``file`` stands for the shell's own completion of paths."""

    def offered(line: str, shell: str = "zsh") -> list[str]:
        words = line.split(" ")
        monkeypatch.setenv("COMP_WORDS", line)
        # fish passes the word itself, zsh its number.
        monkeypatch.setenv("COMP_CWORD", words[-1] if shell == "fish" else str(len(words) - 1))
        completing = SHELLS[shell](cli, {}, "dsim", VARIABLE)
        args, typed = completing.get_completion_args()
        items = completing.get_completions(args, typed)
        return [item.type if item.type == "file" else str(item.value) for item in items]

    return offered


@pytest.mark.parametrize("shell", SHELLS)
def test_commands_are_completed_without_being_imported(
    shell: str, complete: Complete, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The plugins that declare the commands are imported first, by the same function.
    commands = set(default().commands)
    monkeypatch.setattr("importlib.import_module", lambda name: pytest.fail(f"{name} was imported"))
    assert complete("dsim comp", shell)[0] == "compare"
    assert commands <= set(complete("dsim ", shell))
    assert "--debug" in complete("dsim --", shell)


@pytest.mark.parametrize("shell", SHELLS)
def test_options_and_measures_are_completed(shell: str, complete: Complete) -> None:
    assert "--measure" in complete("dsim compare --mea", shell)
    assert complete("dsim compare --measure kld", shell) == ["kld-tf"]
    assert complete("dsim explain nm", shell) == ["nmi"]


EXPECTED = {
    "the words for many": ("dsim compare --measure la", ["label-free"]),
    "presets": ("dsim compare --measure kld-tf:preset=p", ["kld-tf:preset=paper"]),
    "parameters": ("dsim recommend mine --measure cc:si", ["cc:size="]),
    "a second parameter": ("dsim compare --measure cc:size=64,sh", ["cc:size=64,shift="]),
    "parameters of nothing known": ("dsim compare --measure nothing:", []),
    "several values": ("dsim compare --sources a b ", ["file"]),
    "an option after several values": ("dsim compare --sources a b --targ", ["--targets"]),
    "phantoms": ("dsim compare --sources a phantoms:fundus-", ["phantoms:fundus-handheld"]),
    "a file where no truth begins so": ("dsim evaluate m --truth ./m", ["file"]),
    "kinds of extractors": ("dsim extract a --extractor tim", ["timm:"]),
    "trainers": ("dsim train as", ["asap"]),
    "trainers by the older command": ("dsim zoo train as", ["asap"]),
    "plugins": ("dsim plugin check clas", ["classical"]),
    "subcommands": ("dsim data ins", ["inspect"]),
    "after an unknown command": ("dsim comprae --mea", []),
    "after an unknown option": ("dsim compare --nonsense --mea", ["--measure"]),
}


@pytest.mark.parametrize(("line", "offered"), EXPECTED.values(), ids=EXPECTED)
def test_names_are_completed(line: str, offered: list[str], complete: Complete) -> None:
    assert complete(line) == offered


def test_truths_and_models_are_completed_from_what_is_stored(complete: Complete) -> None:
    assert complete("dsim evaluate m --truth ") == truth_names()
    assert complete("dsim truth show a") == [name for name in truth_names() if name.startswith("a")]
    assert complete("dsim zoo show ") == [model.id for model in models()]
    masks = complete("dsim prelabel mine --model zoo:")
    assert masks == [f"zoo:{model.id}" for model in models() if model.segments]


def test_an_error_while_completing_is_told_by_nobody(complete: Complete, monkeypatch: pytest.MonkeyPatch) -> None:
    from dsim.errors import DataError

    def fails() -> None:
        raise DataError("a wrong manifest")

    monkeypatch.setattr("dsim.zoo.models", fails)
    assert complete("dsim zoo show a") == []


def test_every_shell_has_its_lines(capsys: pytest.CaptureFixture[str]) -> None:
    for shell in SHELLS:
        completion.main([shell], standalone_mode=False)
        printed = capsys.readouterr().out
        assert f"{VARIABLE}={shell}_complete" in printed
        assert "_dsim_completion" in printed
    with pytest.raises(click.UsageError, match="'bash', 'zsh', 'fish'"):
        completion.main(["tcsh"], standalone_mode=False)


@pytest.mark.skipif(shutil.which("bash") is None, reason="there is no bash here")
@pytest.mark.parametrize(
    ("line", "replies"),
    [
        ("dsim compa", ["compare"]),
        ("dsim compare --measure kld-tf:preset=p", ["paper"]),
        ("dsim compare --measure=kl", ["kld-tf"]),
        ("dsim prelabel --model zoo:unet8.dri", ["unet8.drishti_gs.r1", "unet8.drive.r1"]),
    ],
)
def test_bash_itself_is_given_what_it_lacks_of_a_word(line: str, replies: list[str], tmp_path: Path) -> None:
    program = tmp_path / "dsim"
    program.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m dsim "$@"\n')
    program.chmod(program.stat().st_mode | stat.S_IXUSR)
    script = f"""
        eval "$(env {VARIABLE}=bash_source dsim)"
        COMP_LINE='{line}' COMP_POINT={len(line)}
        _dsim_completion dsim
        printf '%s\\n' "${{COMPREPLY[@]}}"
    """
    environment = {**os.environ, "PATH": f"{tmp_path}{os.pathsep}{os.environ['PATH']}"}
    done = subprocess.run(["bash", "-c", script], capture_output=True, text=True, env=environment, check=True)
    assert done.stdout.split() == replies
