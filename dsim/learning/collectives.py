"""Sums, gathered rows and batch normalisation over the processes of one training; alone, nothing changes."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
import torch.distributed as dist
from torch import Tensor, nn
from torch.nn import functional
from torch.overrides import TorchFunctionMode

from dsim.learning.distributed import processes


def mean_over_processes(values: Tensor, count: int) -> Tensor:
    """Return the mean over all processes of a tensor that is the mean of ``count`` items in this one; no gradient."""
    if processes().size == 1:
        return values
    weighed = torch.cat([values.detach().flatten() * count, values.new_tensor([count])])
    dist.all_reduce(weighed)
    return (weighed[:-1] / weighed[-1]).view_as(values)


def sum_over_processes(values: Tensor) -> Tensor:
    """Return the sum of a tensor, of the same shape in each, over all processes; no gradient."""
    if processes().size == 1:
        return values
    total = values.detach().clone()
    dist.all_reduce(total)
    return total


def gather_rows(rows: Tensor) -> Tensor:
    """Return the rows, (n, ...), of all processes one after the other, in the order of their ranks; with gradient.

    The gradient of a process's rows is the sum of what all processes' results say of them.
    """
    if processes().size == 1:
        return rows
    sizes = _gather(torch.tensor(len(rows), device=rows.device)).tolist()
    padded = functional.pad(rows, [0, 0] * (rows.ndim - 1) + [0, max(sizes) - len(rows)])
    return torch.cat([part[:size] for part, size in zip(_gather(padded), sizes, strict=True)])


class _Gather(torch.autograd.Function):
    @staticmethod
    def forward(context: Any, own: Tensor) -> Tensor:
        parts = [torch.empty_like(own) for _ in range(dist.get_world_size())]
        dist.all_gather(parts, own)
        return torch.stack(parts)

    @staticmethod
    def backward(context: Any, gradient: Tensor) -> Tensor:
        total = gradient.contiguous().clone()
        dist.all_reduce(total)
        return total[dist.get_rank()]


def _gather(values: Tensor) -> Tensor:
    """The values of all processes, (processes, ...), of one shape in each, with gradient."""
    gathered: Tensor = _Gather.apply(values.contiguous())
    return gathered


def sum_gradients(parameters: Iterable[nn.Parameter]) -> None:
    """Set the gradients of parameters to their sums over all processes; those that have none stay without."""
    gradients = [parameter.grad for parameter in parameters if parameter.grad is not None]
    if processes().size == 1 or not gradients:
        return
    # One message for all: many small ones wait for each other.
    flat = torch.cat([gradient.flatten() for gradient in gradients])
    dist.all_reduce(flat)
    parts = torch.split(flat, [gradient.numel() for gradient in gradients])
    for gradient, part in zip(gradients, parts, strict=True):
        gradient.copy_(part.view_as(gradient))


def common_batch_norm() -> AbstractContextManager[Any]:
    """Return a context in which batch normalisation in training mode takes mean and variance over all processes.

    Whatever layer it is in: torch's own operation is replaced, on every device (``SyncBatchNorm`` is for CUDA only, and
    layers of timm are none). With one process nothing changes.
    """
    return nullcontext() if processes().size == 1 else _CommonBatchNorm()


class _CommonBatchNorm(TorchFunctionMode):
    def __torch_function__(
        self, function: Any, types: Any, arguments: tuple[Any, ...] = (), named: dict[str, Any] | None = None
    ) -> Any:
        replaced = _normalise if function is functional.batch_norm else function
        return replaced(*arguments, **(named or {}))


def _normalise(
    values: Tensor,
    running_mean: Tensor | None,
    running_var: Tensor | None,
    weight: Tensor | None = None,
    bias: Tensor | None = None,
    training: bool = False,
    momentum: float = 0.1,
    eps: float = 1e-5,
) -> Tensor:
    """``torch.nn.functional.batch_norm`` with mean and variance of the values, (n, c, ...), of all processes."""
    if not training:
        return functional.batch_norm(values, running_mean, running_var, weight, bias, False, momentum, eps)
    with torch.autocast(values.device.type, enabled=False):
        full = values if values.dtype == torch.float64 else values.float()
        shape = [1, -1] + [1] * (values.ndim - 2)
        total, mean, variance = _common_moments(full, shape)
        if running_mean is not None and running_var is not None:
            with torch.no_grad():
                running_mean.lerp_(mean.to(running_mean.dtype), momentum)
                running_var.lerp_((variance * (total / (total - 1))).to(running_var.dtype), momentum)
        result = (full - mean.view(shape)) * (variance + eps).rsqrt().view(shape)
        result = result if weight is None else result * weight.view(shape)
        result = result if bias is None else result + bias.view(shape)
    return result.to(values.dtype)


def _common_moments(values: Tensor, shape: list[int]) -> tuple[Tensor, Tensor, Tensor]:
    """Number, mean and variance (divided by the number) of each channel's values, (c,) each, over all processes."""
    over = [0, *range(2, values.ndim)]
    own = values.mean(dim=over)
    squares = (values - own.view(shape)).square().sum(dim=over)
    count = torch.full_like(own, values.numel() / values.shape[1])
    counts, means, sums = _gather(torch.stack([count, own, squares])).unbind(1)
    total = counts.sum(dim=0)
    mean = (counts * means).sum(dim=0) / total
    # Chan et al. 1983, doi:10.1080/00031305.1983.10483115: sums of plain squares would cancel.
    variance = (sums.sum(dim=0) + (counts * (means - mean).square()).sum(dim=0)) / total
    return total, mean, variance
