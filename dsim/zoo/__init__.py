"""The zoo: trained models with their card, weights, provenance and a probe that shows they still compute the same.

A model is a folder with ``manifest.toml``, ``card.md`` and weights in safetensors; never a pickle.
"""

from __future__ import annotations

from dsim.zoo.finding import find, models, read_model, trained_on
from dsim.zoo.model import Model
from dsim.zoo.probe import ramp

__all__ = ["Model", "find", "models", "ramp", "read_model", "trained_on"]
