"""The probe of a model: what it must answer to one fixed input, checked whenever it is loaded."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from dsim.errors import WeightsError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray
    from torch import nn

#: Names of the recipes of probe inputs.
RECIPES = ("ramp@1",)


def ramp(batch: int, channels: int, side: int) -> NDArray[np.float32]:
    """A fixed image-like tensor in [0, 1], float32 (batch, channels, side, side).

    ``x[b, c, i, j] = ((7 i + 13 j + 29 c + 53 b) mod 97) / 96``: integer arithmetic and one division, so that it is the
    same to the bit on every machine; no random numbers.

    >>> (ramp(1, 1, 2)[0, 0] * 96).tolist()
    [[0.0, 13.0], [7.0, 20.0]]
    """
    import numpy as np

    b, c, i, j = np.ogrid[:batch, :channels, :side, :side]
    steps = (7 * i + 13 * j + 29 * c + 53 * b) % 97
    return np.asarray(steps, dtype=np.float32) / np.float32(96)


def check_probe(name: str, module: nn.Module, probe: Mapping[str, Any], channels: int, side: int) -> None:
    """Raise WeightsError unless the module answers the probe as its manifest promises.

    ``probe`` holds ``recipe``, ``expected`` (rows of features, one per image of the probe) and ``tolerance`` (largest
    absolute difference, relative to the largest expected value).
    """
    import numpy as np

    expected = np.atleast_2d(np.array(probe["expected"], dtype=np.float64))
    answer = ask(module, ramp(len(expected), channels, side))
    if answer.shape != expected.shape:
        raise _deviation(name, f"features of shape {answer.shape} instead of {expected.shape}")
    error = float(np.abs(answer - expected).max() / max(np.abs(expected).max(), 1e-12))
    if not error <= float(probe["tolerance"]):
        raise _deviation(name, f"features that differ by {error:.2g}, relative to the largest")


def ask(module: nn.Module, images: NDArray[np.float32]) -> NDArray[np.float64]:
    """Features (b, d) of the images in evaluation mode, on the CPU."""
    import torch

    with torch.inference_mode():
        answer: NDArray[np.float64] = module.eval()(torch.from_numpy(images)).double().numpy()
    return answer


def _deviation(name: str, what: str) -> WeightsError:
    return WeightsError(
        f"zoo model {name!r} fails its probe: it gives {what}",
        hint="its code or its libraries have changed; install the versions that its card names",
    )
