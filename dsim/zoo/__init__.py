"""The zoo: trained models with their card, weights, provenance and a probe that shows they still compute the same.

A model is a folder with ``manifest.toml``, ``card.md`` and weights in safetensors; never a pickle. ``write_model``
makes one, ``add_model`` puts it where ``zoo:ID`` finds it.
"""

from __future__ import annotations

from dsim.zoo.attachment import with_models
from dsim.zoo.manifest import SEGMENTATION
from dsim.zoo.model import (
    FOREGROUND,
    LEARNT,
    Model,
    ask,
    find,
    is_model,
    models,
    ramp,
    read_model,
    trained_on,
    user_zoo,
)
from dsim.zoo.writer import (
    ModelDescription,
    add_model,
    card_text,
    draw_curves,
    markdown_table,
    pool_entry,
    training_texts,
    weights_text,
    write_model,
)

__all__ = [
    "FOREGROUND",
    "LEARNT",
    "SEGMENTATION",
    "Model",
    "ModelDescription",
    "add_model",
    "ask",
    "card_text",
    "draw_curves",
    "find",
    "is_model",
    "markdown_table",
    "models",
    "pool_entry",
    "ramp",
    "read_model",
    "trained_on",
    "training_texts",
    "user_zoo",
    "weights_text",
    "with_models",
    "write_model",
]
