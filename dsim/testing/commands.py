"""Checks of a subcommand, which is started as users start it: in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass

from dsim.registry import CommandSpec, Plugin
from dsim.testing.conducting import named, run_gated
from dsim.testing.declaring import check_texts, declares_alone, loaded
from dsim.testing.report import Failure, Report

_USAGE = 2


@dataclass(frozen=True)
class _Subject:
    spec: CommandSpec
    plugin: Plugin

    def run(self, *arguments: str) -> subprocess.CompletedProcess[str]:
        """``dsim NAME ...`` with the path of this process, so that it finds the same plugins."""
        code = f"import sys; sys.path[:] = {sys.path!r}\nfrom dsim.cli.main import main; main(sys.argv[1:])"
        command = [sys.executable, "-c", code, self.spec.name, *arguments]
        return subprocess.run(command, capture_output=True, text=True, timeout=120)


def check_command(spec: CommandSpec, plugin: Plugin) -> Report:
    """Check that a subcommand keeps the contract; it is asked for help, and never run."""
    return Report(spec.name, tuple(run_gated(_CHECKS, _Subject(spec, plugin), "factory")), "command")


def spec(subject: _Subject) -> str:
    """The spec is complete, and its help one line."""
    declared = subject.spec
    check_texts(declared.name, {"help": declared.help}, {"command": declared.command})
    if len(declared.help.splitlines()) > 1:
        raise Failure(
            "help has several lines", "say in one line what it does; the rest belongs to the command's own help"
        )
    return declared.help


def registration(subject: _Subject) -> str:
    """Declaring it imports nothing heavy."""
    declares_alone(subject.plugin.target)
    return subject.plugin.target


def factory(subject: _Subject) -> str:
    """What it names is a click command."""
    import click

    found = loaded(subject.spec.command)
    if not isinstance(found, click.Command):
        raise Failure(f"{subject.spec.command} is a {type(found).__name__}", "decorate it with @click.command()")
    return subject.spec.command


def help(subject: _Subject) -> str:
    """Its --help is printed, tells what it does, and ends well."""
    done = subject.run("--help")
    if done.returncode or "Usage:" not in done.stdout:
        last = (done.stderr.strip().splitlines() or [f"exit code {done.returncode}"])[-1]
        raise Failure(f"--help fails: {last}", "run it by hand")
    return next(iter(done.stdout.splitlines()))


def unknown_option(subject: _Subject) -> None:
    """An option that it does not have is refused with exit code 2, and stdout stays empty."""
    done = subject.run("--no-such-option")
    if done.returncode != _USAGE or done.stdout:
        told = f"--no-such-option ends with exit code {done.returncode} and {len(done.stdout)} characters on stdout"
        raise Failure(told, "leave the reading of options to click")


_CHECKS = named((spec, registration, factory, help, unknown_option))
