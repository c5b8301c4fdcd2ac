"""The trained encoder: how it is written, and how dsim builds it again as a feature extractor."""

from __future__ import annotations

import copy
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import torch
from safetensors.torch import load_file, save_file

from dsim.files import replacing
from dsim_asap.model import Architecture, Encoder

if TYPE_CHECKING:
    from dsim.zoo import Model

#: The builder that manifests of ASAP models name.
BUILDER = "dsim_asap.encoder:build"


def build(model: Model) -> Encoder:
    """The encoder of a zoo model: images float32 (b, 3, side, side) in [0, 1] to latent points (b, n_emb)."""
    return load(model.weights, model.manifest["architecture"])


def load(weights: Path, architecture: Mapping[str, Any]) -> Encoder:
    """An encoder in evaluation mode, in float32 whatever precision the file has."""
    with torch.random.fork_rng(devices=[]):
        encoder = Encoder(Architecture(**architecture))
    encoder.load_state_dict({name: _widened(tensor) for name, tensor in load_file(weights).items()})
    return encoder.eval()


def save(encoder: Encoder, path: Path, dtype: torch.dtype = torch.float32) -> None:
    """Write the encoder's weights to a safetensors file; counters stay integers."""
    tensors = {
        name: (tensor.to(dtype) if tensor.is_floating_point() else tensor).cpu().contiguous()
        for name, tensor in encoder.state_dict().items()
    }
    with replacing(path) as temporary:
        save_file(tensors, temporary)


def clone(encoder: Encoder, dtype: torch.dtype) -> Encoder:
    """A copy whose weights went through ``dtype`` and back: what a file of that precision gives."""
    copied = copy.deepcopy(encoder).cpu()
    narrowed = {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in copied.state_dict().items()
    }
    copied.load_state_dict({name: _widened(tensor) for name, tensor in narrowed.items()})
    return copied.eval()


def _widened(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
