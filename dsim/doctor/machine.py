"""What there is to compute with: device, cores, memory."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from dsim.doctor.findings import Finding, Status
from dsim.runtime import Runtime, cores
from dsim.store.maintenance import format_size

#: Bytes of free memory below which the doctor speaks: torch with a small network takes about as much.
LITTLE = 10**9


def device() -> Iterator[Finding]:
    """The device that ``--device auto`` takes; an NVIDIA driver that torch cannot use is a note."""
    import torch

    chosen = Runtime().resolved_device()
    if chosen == "cuda":
        for number in range(torch.cuda.device_count()):
            card = torch.cuda.get_device_properties(number)
            yield Finding("device", Status.OK, f"cuda:{number}: {card.name}, {format_size(card.total_memory)}")
    elif chosen == "cpu" and shutil.which("nvidia-smi"):
        told = f"cpu, though there is an NVIDIA driver: torch {torch.__version__} cannot use it"
        yield Finding("device", Status.NOTE, told, "install a torch that is built for this driver's CUDA")
    else:
        yield Finding("device", Status.OK, f"{chosen}, {cores()} cores")


def memory() -> Iterator[Finding]:
    """Memory in all and free, where the system tells it."""
    total, free = _total(), _free()
    if total is None:
        return
    told = f"{format_size(total)}" if free is None else f"{format_size(free)} free of {format_size(total)}"
    if free is not None and free < LITTLE:
        yield Finding("memory", Status.NOTE, told, "end other work first, and leave --jobs at 1")
    else:
        yield Finding("memory", Status.OK, told)


def _total() -> int | None:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (AttributeError, ValueError, OSError):
        return None


def _free() -> int | None:
    """What could be had without swapping, as Linux tells it."""
    try:
        lines = Path("/proc/meminfo").read_text("ascii").splitlines()
    except OSError:
        return None
    told = dict(line.split(":", 1) for line in lines if ":" in line)
    return int(told["MemAvailable"].split()[0]) * 1024 if "MemAvailable" in told else None
