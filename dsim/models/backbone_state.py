"""Weights of backbones from checkpoints as trainers of self-distillation write them, under timm's names."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor, nn

from dsim.errors import WeightsError

State = dict[str, Tensor]

#: Networks that self-distillation trains at once: either may be taken from a checkpoint.
BRANCHES = ("teacher", "student")

#: Names under which trainers keep a state dict within a larger file.
_WITHIN = ("state_dict", "model", "model_state_dict")
#: What wraps a backbone: DistributedDataParallel, torch.compile, MultiCropWrapper.
_WRAPPERS = ("module.", "_orig_mod.")
#: Projection heads, and classifiers: no part of a backbone.
_HEADS = ("head.", "projection_head.", "fc.")


def backbone_state(path: Path, branch: str) -> State:
    """Return the weights of one backbone of a file, without wrappers' prefixes and without heads.

    Parameters
    ----------
    path : a full checkpoint of training, which holds ``teacher`` and ``student``; or the state dict of one network.
        ``.safetensors``, or saved by ``torch.save``; code in the file is never run.
    branch : which of the two; empty for the teacher, where the file holds both.

    Raises WeightsError where that branch is missing, or nothing looks like weights.
    """
    state = _branch_state(path, read_file(path), branch)
    if any(key.startswith("backbone.") for key in state):
        state = {key.removeprefix("backbone."): value for key, value in state.items() if key.startswith("backbone.")}
        state = {_unwrapped(key): value for key, value in state.items()}
    state = {key: value for key, value in state.items() if not key.startswith(_HEADS)}
    if not state:
        raise WeightsError(f"{path} holds no weights of a backbone", hint="give a checkpoint of DINO, or a state dict")
    return state


def head_state(path: Path) -> State:
    """Return the weights of the teacher's head in a checkpoint of training, under ``mlp.`` and ``last_layer.``.

    Empty where the file holds no head. Raises WeightsError where it cannot be read.
    """
    state = _branch_state(path, read_file(path), "")
    return {key.removeprefix("head."): value for key, value in state.items() if key.startswith("head.")}


def _branch_state(path: Path, content: Any, branch: str) -> State:
    """The tensors of one branch, without the prefixes of wrappers."""
    state = _tensors(_branch(path, content, branch))
    return {_unwrapped(key): value for key, value in state.items()}


def load_backbone(name: str, module: nn.Module, path: Path, state: State) -> None:
    """Give a network of timm all its weights; timm interpolates a position embedding of another grid.

    Raises WeightsError where the file does not fit the network.
    """
    from dsim.features import load_state

    # Each family of timm reads its authors' names and shapes by a function of this name.
    adapt = getattr(sys.modules[type(module).__module__], "checkpoint_filter_fn", None)
    try:
        adapted: Mapping[str, Tensor] = adapt(dict(state), module) if adapt else state
    except (RuntimeError, KeyError, ValueError, IndexError, AttributeError) as error:
        raise WeightsError(
            f"{path} does not fit {name}: {str(error).splitlines()[0]}",
            hint="name the network that these weights belong to",
        ) from error
    load_state(name, module, path, adapted)


def read_file(path: Path) -> Any:
    """Return all that a file of weights holds; code in it is never run.

    Raises WeightsError where it is no such file.
    """
    import argparse
    import pickle

    import torch
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    try:
        if path.suffix == ".safetensors":
            return load_file(path)
        # DINO keeps its command line beside the weights: a Namespace is data, and the only thing that is let in.
        with torch.serialization.safe_globals([argparse.Namespace]):
            return torch.load(path, map_location="cpu", weights_only=True)
    except (pickle.UnpicklingError, SafetensorError, RuntimeError, AttributeError, EOFError, OSError) as error:
        message = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise WeightsError(
            f"{path} is not a file of weights: {message}",
            hint="give .safetensors, or a checkpoint that holds tensors and plain values only",
        ) from error


def _branch(path: Path, content: Any, branch: str) -> Any:
    """The part of a file's content that holds the wanted network."""
    found = _parts(content)
    if not found:
        content = next((content[key] for key in _WITHIN if _is_mapping(content, key)), content)
        found = _parts(content)
    if found:
        wanted = branch or BRANCHES[0]
        if wanted not in found:
            raise WeightsError(
                f"{path} holds no {wanted}", hint=f"it holds: {', '.join(found)}: branch={next(iter(found))}"
            )
        return found[wanted]
    if branch:
        raise WeightsError(f"{path} holds one network, not a teacher and a student", hint="leave branch away")
    return content


def _parts(content: Any) -> dict[str, Any]:
    """Teacher and student of a checkpoint: under these keys, or one flat dict whose names begin so."""
    if not isinstance(content, Mapping):
        return {}
    nested = {branch: content[branch] for branch in BRANCHES if _is_mapping(content, branch)}
    if nested:
        return nested
    flat = {branch: _below(content, f"{branch}.") for branch in BRANCHES}
    return {branch: state for branch, state in flat.items() if state}


def _below(content: Mapping[Any, Any], prefix: str) -> dict[str, Any]:
    return {str(key).removeprefix(prefix): value for key, value in content.items() if str(key).startswith(prefix)}


def _is_mapping(content: Any, key: str) -> bool:
    return isinstance(content, Mapping) and isinstance(content.get(key), Mapping)


def _tensors(content: Any) -> State:
    """The tensors of a state dict; whatever is not a tensor (a step counter, ...) is left out."""
    import torch

    if not isinstance(content, Mapping):
        return {}
    return {str(key): value for key, value in content.items() if isinstance(value, torch.Tensor)}


def _unwrapped(key: str) -> str:
    while key.startswith(_WRAPPERS):
        for wrapper in _WRAPPERS:
            key = key.removeprefix(wrapper)
    return key
