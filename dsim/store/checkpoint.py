"""Weights and checkpoints of trainings: one safetensors file, written whole or not at all."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import StoreError, WeightsError
from dsim.files import replacing

if TYPE_CHECKING:
    from torch import Tensor


def write_weights(path: Path, tensors: Mapping[str, Tensor], metadata: Mapping[str, str]) -> None:
    """Write tensors and texts; raises DsimError where that fails, as on a full disk: the file then stays as it was."""
    from safetensors import SafetensorError
    from safetensors.torch import save_file

    with replacing(path) as temporary:
        try:
            save_file(dict(tensors), temporary, metadata=dict(metadata))
        except SafetensorError as error:  # how that library reports a full disk
            raise OSError(0, str(error)) from error


def read_weights(path: Path) -> tuple[dict[str, Tensor], dict[str, str]]:
    """Return the tensors and the texts of a file; raises WeightsError where it is not a safetensors file."""
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(path, framework="pt") as file:
            return {name: file.get_tensor(name) for name in file.keys()}, file.metadata() or {}  # noqa: SIM118
    except (SafetensorError, OSError) as error:
        raise WeightsError(f"{path} is not a safetensors file: {error}", hint="give another file") from error


State = dict[str, Any]


def write(path: Path, state: State) -> None:
    """Write a nested dict of tensors and plain values; readers see the old file or the new one, never a part.

    Raises DsimError where it cannot be written, as on a full disk; what was there before stays.
    """
    tensors: dict[str, Tensor] = {}
    plain = _without_tensors(state, "", tensors)
    write_weights(path, tensors, {"state": json.dumps(plain)})


def read(path: Path) -> State:
    """Return the nested dict that ``write`` was given; tuples come back as lists, keys as text.

    Raises StoreError where the file is not a checkpoint.
    """
    try:
        tensors, metadata = read_weights(path)
        state: State = _with_tensors(json.loads(metadata["state"]), tensors)
    except (WeightsError, KeyError, TypeError) as error:
        raise StoreError(f"{path} is not a checkpoint: {error}", hint="delete it; the training starts again") from error
    return state


def _without_tensors(value: Any, path: str, tensors: dict[str, Tensor]) -> Any:
    from torch import Tensor

    if isinstance(value, Tensor):
        tensors[path] = value.detach().cpu().contiguous().clone()
        return {"tensor": path}
    if isinstance(value, Mapping):
        return {str(key): _without_tensors(part, f"{path}/{key}", tensors) for key, part in value.items()}
    if isinstance(value, (list, tuple)):
        return [_without_tensors(part, f"{path}/{i}", tensors) for i, part in enumerate(value)]
    return value


def _with_tensors(value: Any, tensors: Mapping[str, Tensor]) -> Any:
    if isinstance(value, list):
        return [_with_tensors(part, tensors) for part in value]
    if not isinstance(value, dict):
        return value
    if set(value) == {"tensor"}:
        return tensors[value["tensor"]]
    return {key: _with_tensors(part, tensors) for key, part in value.items()}
