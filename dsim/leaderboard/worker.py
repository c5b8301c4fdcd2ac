"""One measure on one benchmark in a process of its own, the request as a line on stdin.

The answer is written to the file that the request names: what a measure prints to stdout cannot spoil it, and a process
that dies leaves none.
"""

from __future__ import annotations

import json
import math
import os
import platform
import signal
import sys
import threading
import time
import traceback
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from dsim.errors import DsimError, NeedError, WeightsError
from dsim.files import write_text
from dsim.leaderboard.rows import Row, Status
from dsim.runtime import Runtime

#: Kinds of failures that are not the name of an error.
TIMEOUT, CRASH, DEFECT, NO_VALUE, CHANGED = "timeout", "crash", "defect", "no value", "changed"
#: What the machine or the datasets lack, and the measure cannot help.
_LACKING = {NeedError.__name__, WeightsError.__name__}


@dataclass(frozen=True)
class Failure:
    """The reason why a measure has no distances.

    Parameters
    ----------
    kind : name of the error, or ``TIMEOUT``, ``CRASH``, ``DEFECT`` (it gave no value and no good reason), ``NO_VALUE``
        (it says itself why there is none), ``CHANGED`` (its code changed while it ran).
    fix : how to mend it.
    """

    kind: str
    reason: str
    fix: str = ""

    @classmethod
    def of(cls, error: Exception) -> Failure:
        """Return the failure of an error.

        >>> Failure.of(ValueError("odd"))
        Failure(kind='ValueError', reason='ValueError: odd', fix='')
        """
        kind = type(error).__name__
        if isinstance(error, DsimError):
            return cls(kind, error.message, error.hint or "")
        return cls(kind, f"{kind}: {error}")

    def fail_row(self, row: Row, **environment: Any) -> Row:
        """Return the row of the measure that failed; without time and memory, which are those of failing."""
        details = {"failure": self.kind, **({"fix": self.fix} if self.fix else {}), **environment}
        return replace(row, status=Status.FAILED, reason=self.reason, environment={**row.environment, **details})


def is_lacking(row: Row) -> bool:
    """Return whether labels, masks or weights are lacking, or the measure gives its reason: no code is broken."""
    return row.environment.get("failure") in {*_LACKING, NO_VALUE}


def comes_again(row: Row, timeout: float | None) -> bool:
    """Return whether a failure would come again, and is worth keeping; more time, or what was lacking, may mend it."""
    kind = row.environment.get("failure")
    if kind == TIMEOUT:
        return timeout is not None and timeout <= float(row.environment.get("timeout", 0))
    return kind != CHANGED and kind not in _LACKING


@dataclass(frozen=True)
class Request:
    """The task of a worker.

    Parameters
    ----------
    benchmark, data, models : what ``open_benchmark`` takes. ``call`` : the measure. ``answer`` : file for the answer.
    threads : for reading images; those of numpy and torch are set by the environment of the process.
    """

    benchmark: str
    data: str | None
    call: str
    answer: str
    seed: int = 0
    device: str = "auto"
    offline: bool = False
    threads: int = 1
    models: str | None = None


def carry_out(request: Request) -> dict[str, Any]:
    """Return the matrix (sources, targets) as JSON with time and peak memory; or the failure, whatever was raised."""
    started = time.perf_counter()
    runtime = Runtime(device=request.device, offline=request.offline, workers=request.threads)
    try:
        matrix = _matrix(request, runtime)
    except Exception as error:
        traceback.print_exc()
        return {"failure": asdict(Failure.of(error))}
    peak, unknown = peak_megabytes()
    environment = _environment(runtime, time.perf_counter() - started, unknown)
    return {"matrix": matrix, "peak_mb": None if math.isnan(peak) else peak, "environment": environment}


def _matrix(request: Request, runtime: Runtime) -> dict[str, Any]:
    from dsim.comparison import compare
    from dsim.leaderboard.benchmark import open_benchmark

    benchmark = open_benchmark(request.benchmark, request.data, request.models)
    asked: Any = {"measure": request.call, "seed": request.seed, "runtime": runtime}
    # Only the values are judged: neither intervals over images nor noise floors.
    return compare(benchmark.sources, benchmark.targets, bootstrap=0, floor=False, **asked).to_dict()


def _environment(runtime: Runtime, seconds: float, memory_unknown: str) -> Mapping[str, Any]:
    from dsim.comparison import conditions

    return {
        **json.loads(conditions(runtime)),
        "python": platform.python_version(),
        "system": f"{platform.system()} {platform.machine()}",
        "cores": os.cpu_count(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        # Without the start of Python, which the row's seconds hold.
        "seconds_inside": round(seconds, 3),
        **({"peak_mb": memory_unknown} if memory_unknown else {}),
    }


def peak_megabytes() -> tuple[float, str]:
    """Return the peak resident memory of this process, MB of 10^6 bytes; or NaN and why it is not known.

    Linux reports it for this process alone; that of getrusage begins with the parent's memory at the time of the fork.
    """
    status = Path("/proc/self/status")
    if status.exists():
        peaks = [line.split()[1] for line in status.read_text().splitlines() if line.startswith("VmHWM")]
        if peaks:
            return int(peaks[0]) * 1024 / 1e6, ""
    try:
        import resource
    except ImportError:
        return math.nan, f"{platform.system()} does not report the peak memory of a process"
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (1e6 if sys.platform == "darwin" else 1e3), ""


def main() -> None:
    """Read the request from stdin, do the work, and write the answer.

    Raises DsimError where the answer cannot be written.
    """
    request = Request(**json.loads(sys.stdin.buffer.readline()))
    threading.Thread(target=_end_with_parent, daemon=True).start()
    write_text(Path(request.answer), json.dumps(carry_out(request)))


def _end_with_parent() -> None:
    """Wait until stdin closes, as it does when the parent dies, however it dies: then nobody waits for the answer."""
    while os.read(0, 1):
        pass
    if hasattr(os, "killpg"):
        os.killpg(0, signal.SIGKILL)
    os._exit(1)
