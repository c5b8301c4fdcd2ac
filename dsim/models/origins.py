"""What a segmentation model was trained on, read without building its network."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.data import model_file
from dsim.errors import WeightsError

if TYPE_CHECKING:
    from dsim.data import Dataset


def read_origins(reference: str) -> tuple[Mapping[str, Any], ...]:
    """Return the facts about each dataset that a model was trained on.

    They are ``name``, ``images_fingerprint`` and, where they are known, ``image_digests``.

    ``reference`` is ``zoo:ID``, a file, or a folder that holds one. Raises WeightsError where it is no segmentation
    model, UnknownNameError for an unknown id.
    """
    if not reference.startswith("zoo:"):
        file = model_file(reference)
        return _facts(file, file.stat().st_mtime_ns, reference)
    from dsim.zoo import find

    model = find(reference.removeprefix("zoo:"))
    if not model.segments:
        raise WeightsError(
            f"zoo model {model.id!r} does not segment", hint="choose a segmentation model: dsim zoo list"
        )
    own = _facts(model.weights, 0, reference) if model.weights.is_file() else ()
    return own or tuple(model.pool)


@lru_cache(maxsize=256)
def _facts(file: Path, changed: int, reference: str) -> tuple[Mapping[str, Any], ...]:
    from safetensors import SafetensorError, safe_open

    try:
        with safe_open(file, framework="np") as opened:
            return tuple(json.loads((opened.metadata() or {})["dsim"])["trained_on"])
    except (SafetensorError, OSError, ValueError, KeyError, TypeError) as error:
        raise WeightsError(
            f"{reference} is not a segmentation model of dsim: {error}",
            hint="give a file that dsim trained (dsim transfer segmentation), or zoo:ID (dsim zoo list)",
        ) from error


def count_seen(reference: str, dataset: Dataset) -> int:
    """Return how many images of a dataset a model is known to have been trained on: by their bytes, whatever its name.

    Raises WeightsError as ``read_origins`` does.
    """
    entries = read_origins(reference)
    if any(entry.get("images_fingerprint") == dataset.images_fingerprint for entry in entries):
        return len(dataset)
    known = {digest for entry in entries for digest in entry.get("image_digests", ())}
    return sum(digest in known for digest in dataset.image_digests)
