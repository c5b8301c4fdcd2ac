"""Trainings in several processes: how they are started and joined, and who takes which share of a batch.

PyTorch's launcher starts the processes: ``torchrun --nproc-per-node 2 -m dsim train ...``. Each draws the same batches
and views from the same generators, computes its share, and takes the same step; the first alone writes and shows.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace

from dsim.errors import DsimError, UsageError
from dsim.runtime import Runtime, Silent


@dataclass(frozen=True)
class Processes:
    """The processes of one training, and which of them this is.

    Parameters
    ----------
    rank : from 0. ``size`` : how many there are; 1 for an ordinary training.
    """

    rank: int = 0
    size: int = 1

    @property
    def is_first(self) -> bool:
        """Whether this is the process that writes files and shows progress."""
        return self.rank == 0

    def share(self, count: int) -> slice:
        """Return the part of ``count`` items that this process computes; the shares differ by one item at most.

        Raises UsageError where there are fewer items than processes.

        >>> [Processes(rank, 3).share(8) for rank in range(3)]
        [slice(0, 3, None), slice(3, 6, None), slice(6, 8, None)]
        """
        if count < self.size:
            raise UsageError(
                f"{count} images of a batch cannot be shared by {self.size} processes",
                hint=f"give a larger batch, or start {count} processes at most",
            )
        return slice(self._start(self.rank, count), self._start(self.rank + 1, count))

    def _start(self, rank: int, count: int) -> int:
        return rank * (count // self.size) + min(rank, count % self.size)

    def wait(self) -> None:
        """Return when all processes have come to this line."""
        if self.size > 1:
            import torch.distributed

            torch.distributed.barrier()


def processes() -> Processes:
    """Return the processes of this training: one where nothing was started otherwise.

    >>> processes()
    Processes(rank=0, size=1)
    """
    import torch.distributed as dist

    if not dist.is_available() or not dist.is_initialized():
        return Processes()
    return Processes(dist.get_rank(), dist.get_world_size())


def launched() -> Processes:
    """Return the processes that PyTorch's launcher has started, by its environment; torch is not imported."""
    return Processes(int(os.environ.get("RANK", "0")), int(os.environ.get("WORLD_SIZE", "1")))


def quiet_runtime(runtime: Runtime) -> Runtime:
    """Return the runtime for this process of a launch: only the first shows progress and notes."""
    return runtime if launched().is_first else replace(runtime, progress=Silent())


@contextmanager
def joined_processes(runtime: Runtime) -> Iterator[Processes]:
    """Join the processes that PyTorch's launcher has started, until the block ends; alone, nothing happens.

    They speak through NCCL on CUDA devices, one each, and through Gloo elsewhere. Where another process ends with an
    error, this one ends with a DsimError. Raises UsageError where there are fewer CUDA devices than processes.
    """
    import torch
    import torch.distributed as dist

    if launched().size == 1 or processes().size > 1:
        yield processes()
        return
    uses_cuda = torch.device(runtime.resolved_device()).type == "cuda"
    if uses_cuda:
        _choose_cuda_device(runtime)
    dist.init_process_group("nccl" if uses_cuda else "gloo")
    try:
        yield processes()
    except RuntimeError as error:
        if "closed by peer" not in str(error).lower() and not isinstance(error, dist.DistError):
            raise
        raise DsimError(
            f"process {launched().rank} stops: another one of this training ended with an error",
            hint="see its message, above or below",
        ) from error
    finally:
        dist.destroy_process_group()


def _choose_cuda_device(runtime: Runtime) -> None:
    import torch

    number, present = int(os.environ.get("LOCAL_RANK", "0")), torch.cuda.device_count()
    if ":" in runtime.device or number >= present:
        here = int(os.environ.get("LOCAL_WORLD_SIZE", "1"))
        raise UsageError(
            f"{here} processes need a CUDA device each: there are {present}, and --device is {runtime.device}",
            hint=f"give --nproc-per-node {present} and --device cuda, or --device cpu",
        )
    torch.cuda.set_device(number)
