"""An environment in which dsim's wheel is installed, driven from outside as its user would."""

from __future__ import annotations

import os
import subprocess
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Ran:
    """One finished command: what it printed, and the seconds that it took."""

    code: int
    out: str
    err: str
    wall: float
    cpu: float


@dataclass(frozen=True)
class Environment:
    """``python`` has dsim installed; commands run in ``folder``, outside of any checkout, with a cache of their own."""

    python: Path
    folder: Path

    def run(self, command: Sequence[str], expected: Sequence[int] = (0,), **variables: str) -> Ran:
        """Run a command; another exit code than expected ends the proof with what it printed."""
        before, started = os.times(), time.perf_counter()
        done = subprocess.run(
            list(map(str, command)), cwd=self.folder, env=self._variables() | variables, capture_output=True, text=True
        )
        after = os.times()
        cpu = after.children_user + after.children_system - before.children_user - before.children_system
        if done.returncode not in expected:
            told = f"{' '.join(map(str, command))}\nended with {done.returncode}, not {expected}\n"
            raise SystemExit(told + done.stdout + done.stderr)
        return Ran(done.returncode, done.stdout, done.stderr, time.perf_counter() - started, cpu)

    def dsim(self, *arguments: str, expected: Sequence[int] = (0,), **variables: str) -> Ran:
        """Run ``dsim ...``, the script that was installed."""
        return self.run([str(self.python.parent / "dsim"), *arguments], expected, **variables)

    def pip(self, *arguments: str) -> Ran:
        """Run pip; the build backend of ``fetch_backend`` is at hand: nothing is fetched while time is taken."""
        command = [str(self.python), "-m", "pip", "-q", "--disable-pip-version-check", *arguments]
        return self.run(command, PYTHONPATH=str(self._backend))

    def fetch_backend(self) -> None:
        """Fetch what builds wheels once, beside the environment."""
        self.pip("install", "--target", str(self._backend), "hatchling>=1.26", "editables")

    @property
    def _backend(self) -> Path:
        return self.folder / "backend"

    def _variables(self) -> dict[str, str]:
        cleared = {"PYTHONPATH", "DSIM_PLUGINS", "DSIM_STRICT_PLUGINS"}
        kept = {name: value for name, value in os.environ.items() if name not in cleared}
        return kept | {"DSIM_CACHE": str(self.folder / "cache"), "OMP_NUM_THREADS": "1"}
