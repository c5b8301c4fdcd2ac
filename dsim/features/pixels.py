"""Raw pixels as features: the baseline that every network should beat. Needs no torch."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.errors import UnknownNameError, UsageError
from dsim.features.extractor import Blueprint, Recipe, check_options
from dsim.registry import format_bracketed

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.runtime import Runtime

_DEFAULTS = {"side": "16", "channels": "1"}


def prepare(name: str, options: Mapping[str, str], runtime: Runtime) -> Blueprint:
    """``pixels:[side=16,channels=1]``: images resized to ``side``, flattened channel by channel.

    Raises UnknownNameError for a name or an unknown option, UsageError for options that are not whole numbers. Images
    are float32 (b, C, H, W), features (b, d).
    """
    from dsim.features.transforms import Square

    if name:
        raise UnknownNameError("pixels", name, [], hint="write pixels: or pixels:[side=16,channels=1]")
    check_options("pixels", options, _DEFAULTS)
    try:
        values = {key: int(text) for key, text in {**_DEFAULTS, **options}.items()}
    except ValueError:
        raise UsageError(
            f"pixels take whole numbers, not {dict(options)}", hint="pixels:[side=16,channels=1]"
        ) from None
    transform = Square(values["side"], values["channels"])
    given = {key: str(value) for key, value in values.items() if str(value) != _DEFAULTS[key]}
    recipe = Recipe(format_bracketed("pixels:", given), "pixels:", weights="", transform=transform.id)
    return Blueprint(recipe, lambda device: _Flat())


@dataclass(frozen=True)
class _Flat:
    """Each image as it is, as one vector."""

    batch: int = 256

    def __call__(self, batch: NDArray[np.float32]) -> NDArray[np.float32]:
        return batch.reshape(len(batch), -1)
