"""The trained encoder as dsim builds it again, as a feature extractor."""

from __future__ import annotations

import copy
from typing import TYPE_CHECKING

import torch
from safetensors.torch import load_file

from dsim_asap.model import Architecture, Encoder

if TYPE_CHECKING:
    from dsim.zoo import Model

#: The builder that manifests of ASAP models name.
BUILDER = "dsim_asap.encoder:build"


def build(model: Model) -> Encoder:
    """Return the encoder of a zoo model, in evaluation mode, in float32 whatever precision the file has.

    It takes images float32 (b, 3, side, side) in [0, 1] to latent points float32 (b, n_emb).
    """
    with torch.random.fork_rng(devices=[]):
        encoder = Encoder(Architecture(**model.manifest["architecture"]))
    encoder.load_state_dict({name: _widened(tensor) for name, tensor in load_file(model.weights).items()})
    return encoder.eval()


def clone(encoder: Encoder, dtype: torch.dtype) -> Encoder:
    """Return a copy whose weights went through ``dtype`` and back: what a file of that precision gives."""
    copied = copy.deepcopy(encoder).cpu()
    narrowed = {
        name: tensor.to(dtype) if tensor.is_floating_point() else tensor for name, tensor in copied.state_dict().items()
    }
    copied.load_state_dict({name: _widened(tensor) for name, tensor in narrowed.items()})
    return copied.eval()


def _widened(tensor: torch.Tensor) -> torch.Tensor:
    return tensor.float() if tensor.is_floating_point() else tensor
