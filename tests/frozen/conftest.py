"""Values that were recorded once, and must come out again."""

from __future__ import annotations

import hashlib
import json
import os
import platform
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import pytest
import torch

HERE = Path(__file__).parent
#: Set to anything, the tests of this folder write their values instead of comparing them.
RECORD = "DSIM_RECORD_FROZEN"
#: Relative tolerance where the environment is that of the recording.
SAME = 1e-5
#: Elsewhere: of losses, relative; of scores, absolute, since those of a few images move by ranks. Vector instructions
#: round in their own ways, and training amplifies that: losses of these trainings
#: differ by up to 1.2e-3 between AVX2 and none (ATEN_CPU_CAPABILITY=default).
LOSS_ELSEWHERE, SCORE_ELSEWHERE = 1e-2, 0.05


def environment() -> dict[str, Any]:
    """The things that the last bits of a training depend on besides its code."""
    return {
        "torch": torch.__version__,
        "machine": platform.machine(),
        "capability": torch.backends.cpu.get_cpu_capability(),
        "threads": torch.get_num_threads(),
    }


def digest(state: Mapping[str, torch.Tensor]) -> str:
    """The sha256 of weights, as hexadecimal digits; their memory format does not matter."""
    total = hashlib.sha256()
    for name, value in sorted(state.items()):
        total.update(name.encode())
        total.update(value.detach().cpu().contiguous().numpy().tobytes())
    return total.hexdigest()


@pytest.fixture
def digest_of() -> Callable[[Mapping[str, torch.Tensor]], str]:
    """``digest_of(state_dict)``, the sha256 of weights."""
    return digest


@pytest.fixture
def compare_with_frozen() -> Callable[[str, str, Mapping[str, Any]], None]:
    """``compare_with_frozen(file, case, measured)``: numbers within ``SAME``, digests exactly.

    ``measured`` holds numbers, lists of numbers, and ``digest``. In another environment than that of the recording
    numbers are compared within the wider tolerances, and the test is then skipped: the digest cannot be compared.
    """

    def compare(file: str, case: str, measured: Mapping[str, Any]) -> None:
        path = HERE / file
        if os.environ.get(RECORD):
            _record(path, case, measured)
            pytest.skip(f"{case} was recorded in {file}")
        recorded = json.loads(path.read_text("utf-8"))
        expected = recorded["cases"][case]
        assert expected.keys() == measured.keys()
        same = recorded["environment"] == environment()
        for name in expected.keys() - {"digest"}:
            elsewhere = {"rel": LOSS_ELSEWHERE} if isinstance(expected[name], list) else {"abs": SCORE_ELSEWHERE}
            within = {"rel": SAME, "abs": 1e-8} if same else elsewhere
            assert measured[name] == pytest.approx(expected[name], **within), name
        if not same:
            pytest.skip(f"digests are of {recorded['environment']}, and this is {environment()}")
        assert measured["digest"] == expected["digest"]

    return compare


def _record(path: Path, case: str, measured: Mapping[str, Any]) -> None:
    recorded = json.loads(path.read_text("utf-8")) if path.exists() else {"cases": {}}
    recorded = {"environment": environment(), "cases": {**recorded["cases"], case: dict(measured)}}
    path.write_text(json.dumps(recorded, indent=1) + "\n", "utf-8")
