"""Measures side by side, each in a separate process with an empty cache: what one does wrong stops no other."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import suppress
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

from dsim.comparison import is_defect
from dsim.errors import DsimError, UsageError
from dsim.files.documents import canonical_json, or_nan
from dsim.leaderboard.benchmark import Benchmark
from dsim.leaderboard.candidates import Candidate, row_file_name
from dsim.leaderboard.rows import Row, Status
from dsim.leaderboard.worker import CHANGED, CRASH, DEFECT, NO_VALUE, TIMEOUT, Failure, Request
from dsim.measures import SimilarityMatrix
from dsim.registry import catalogue
from dsim.runtime import Runtime, cores

#: Variables with the number of threads of libraries, which read them when they are imported.
_THREADS = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
#: More processes than this would rather fill the memory than the cores.
_MOST_JOBS = 8
_WORKER = "from dsim.leaderboard.worker import main; main()"


@dataclass(frozen=True)
class Limits:
    """Limits of running measures.

    Parameters
    ----------
    jobs : processes side by side; 0 for one per core, eight at most. The cores are shared out among them.
    timeout : seconds that one measure may take; None for as long as it likes.

    Raises
    ------
    UsageError : fewer than 0 processes, or no time.
    """

    jobs: int = 0
    timeout: float | None = None

    def __post_init__(self) -> None:
        if self.jobs < 0:
            raise UsageError(f"{self.jobs} processes do no work", hint="give 1 or more, or 0 for one per core")
        if self.timeout is not None and self.timeout <= 0:
            raise UsageError(f"in {self.timeout:g} s nothing can be run", hint="give a number of seconds")

    @property
    def side_by_side(self) -> int:
        """Number of processes at once."""
        return self.jobs or min(cores(), _MOST_JOBS)

    @property
    def threads(self) -> int:
        """Number of threads of each process."""
        return max(1, cores() // self.side_by_side)


@dataclass(frozen=True)
class Workers:
    """The place and the limits of running measures.

    Parameters
    ----------
    benchmark : the datasets. ``folder`` : for their caches and answers, emptied again. ``logs`` : a folder where the
        output of a measure that failed is kept.
    """

    benchmark: Benchmark
    folder: Path
    logs: Path
    seed: int
    runtime: Runtime
    limits: Limits
    _open: set[subprocess.Popen[bytes]] = field(default_factory=set, init=False, compare=False)
    _stopped: threading.Event = field(default_factory=threading.Event, init=False, compare=False)

    def run(self, todo: Sequence[Candidate], done: Callable[[Candidate, Row], None]) -> None:
        """Run measures, and pass each row on as soon as it is there; on an interrupt the processes are ended first.

        Raises DsimError where the folder cannot be written.
        """
        try:
            self.folder.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            hint = "choose a folder that can be written: --out"
            raise DsimError(f"cannot write {self.folder}: {error.strerror}", hint=hint) from error
        pool = ThreadPoolExecutor(self.limits.side_by_side, thread_name_prefix="dsim-leaderboard")
        try:
            waiting = {pool.submit(self._row, one): one for one in todo}
            for future in as_completed(waiting):
                done(waiting[future], future.result())
        finally:
            self._stopped.set()
            for process in list(self._open):
                _end(process)
            pool.shutdown(cancel_futures=True)
            with suppress(OSError):
                self.folder.rmdir()

    def _row(self, one: Candidate) -> Row:
        place = Path(tempfile.mkdtemp(prefix=f"{one.key[:12]}-", dir=self.folder))
        try:
            row = self._from_process(one, place)
            self._keep_log(row, place / "log.txt")
            return row
        finally:
            shutil.rmtree(place, ignore_errors=True)

    def _from_process(self, one: Candidate, place: Path) -> Row:
        conditions = {"threads": self.limits.threads, "side_by_side": self.limits.side_by_side}
        started = time.perf_counter()
        try:
            code = self._process(one, place)
        except subprocess.TimeoutExpired:
            failure = Failure(
                TIMEOUT, f"it took longer than {self.limits.timeout:g} s", "give it more: --timeout SECONDS"
            )
            return failure.fail_row(one.row, timeout=self.limits.timeout, **conditions)
        seconds = time.perf_counter() - started
        answer = place / "answer.json"
        if not answer.exists():
            return Failure(CRASH, _end_of(code)).fail_row(one.row, **conditions)
        return _answered(one, json.loads(answer.read_text("utf-8")), seconds, conditions)

    def _process(self, one: Candidate, place: Path) -> int:
        """Exit code of a process that did the work; TimeoutExpired where it was ended before."""
        benchmark, runtime = self.benchmark, self.runtime
        request = Request(
            benchmark=benchmark.place,
            data=str(benchmark.data) if benchmark.data else None,
            models=str(benchmark.models) if benchmark.models else None,
            call=one.call,
            answer=str((place / "answer.json").absolute()),
            seed=self.seed,
            device=runtime.device,
            offline=runtime.offline,
            threads=self.limits.threads,
        )
        with open(place / "log.txt", "wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-c", _WORKER],
                stdin=subprocess.PIPE,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self._environment(place / "cache"),
                # A group of its own: what a measure starts is ended with it, and Ctrl-C reaches us first.
                start_new_session=True,
            )
        self._open.add(process)
        try:
            if self._stopped.is_set():
                _end(process)
            _send(process, request)
            return process.wait(self.limits.timeout)
        finally:
            _end(process)
            self._open.discard(process)

    def _environment(self, cache: Path) -> dict[str, str]:
        """An empty cache; only what plugins declare is known, so that no measure pays for importing another's."""
        cache.mkdir()
        with suppress(OSError):
            shutil.copy(catalogue.path(), cache)
        threads = dict.fromkeys(_THREADS, str(self.limits.threads))
        waiting = {"OMP_WAIT_POLICY": os.environ.get("OMP_WAIT_POLICY", "PASSIVE")}
        return {**os.environ, **threads, **waiting, "DSIM_CACHE": str(cache.absolute())}

    def _keep_log(self, row: Row, log: Path) -> None:
        """The output of the measure stays beside its row where it failed."""
        stored = self.logs / f"{row_file_name(row.measure)}.log"
        if row.status is Status.FAILED and log.stat().st_size:
            self.logs.mkdir(parents=True, exist_ok=True)
            shutil.move(log, stored)
        else:
            stored.unlink(missing_ok=True)


def _send(process: subprocess.Popen[bytes], request: Request) -> None:
    """Hand over the request, one line. The pipe stays open: where it closes we have died, and the process ends too."""
    assert process.stdin is not None
    with suppress(BrokenPipeError):
        process.stdin.write(json.dumps(asdict(request)).encode() + b"\n")
        process.stdin.flush()


def _answered(one: Candidate, answer: dict[str, Any], seconds: float, conditions: dict[str, Any]) -> Row:
    """The row of a worker's answer."""
    if "failure" in answer:
        return Failure(**answer["failure"]).fail_row(one.row, **conditions)
    matrix = SimilarityMatrix.from_dict(answer["matrix"])
    if not _is_of(matrix, one):
        reason = "its code, or the images, changed while it ran"
        return Failure(CHANGED, reason, "run the same command again").fail_row(one.row, **conditions)
    if len(matrix.failed) == matrix.values.size:
        return _without_values(matrix).fail_row(one.row, **conditions)
    peak = or_nan(answer["peak_mb"])
    environment = {**answer["environment"], **conditions}
    return replace(one.row, status=Status.OK, seconds=seconds, peak_mb=peak, matrix=matrix, environment=environment)


def _without_values(matrix: SimilarityMatrix) -> Failure:
    """The most frequent reason; that of a defect goes before all others."""
    notes = Counter(note for _, _, note in matrix.failed)
    note = max(notes, key=lambda note: (is_defect(note), notes[note]))
    return Failure(DEFECT if is_defect(note) else NO_VALUE, f"no pair has a value: {note}")


def _is_of(matrix: SimilarityMatrix, one: Candidate) -> bool:
    """Whether the distances depend on what they were to depend on."""
    record, identity = matrix.provenance, one.depends["identity"]
    images = {name: described["fingerprint"] for name, described in record["datasets"].items()}
    expected = {name: fingerprint for name, (fingerprint, _) in one.depends["datasets"].items()}
    # As JSON: a record that was read from a file has lists where there were tuples.
    recorded = canonical_json({name: record.get(name) for name in identity})
    return recorded == canonical_json(identity) and images == expected


def _end(process: subprocess.Popen[bytes]) -> None:
    """End a process and what it started, unless it has ended."""
    if process.poll() is None:
        with suppress(ProcessLookupError, PermissionError):
            if hasattr(os, "killpg"):
                os.killpg(process.pid, signal.SIGKILL)
            else:
                process.kill()
        process.wait()
    if process.stdin is not None:
        with suppress(BrokenPipeError):
            process.stdin.close()


def _end_of(code: int) -> str:
    """How a process ended that gave no answer.

    >>> _end_of(-9), _end_of(3)
    ('its process was ended by SIGKILL, for want of memory perhaps', 'its process left with exit code 3')
    """
    if code >= 0:
        return f"its process left with exit code {code}"
    try:
        name = signal.Signals(-code).name
    except ValueError:
        name = f"signal {-code}"
    return f"its process was ended by {name}{', for want of memory perhaps' if name == 'SIGKILL' else ''}"
