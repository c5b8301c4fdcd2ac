"""Everything that a training depends on besides its images and its seed."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from typing import Any, Self


@dataclass(frozen=True)
class Recipe:
    """The settings of one training; names, defaults and meanings are those of the parameters in ``specs``."""

    backbone: str
    n_emb: int
    size: int
    minmax: bool
    maps: str
    alpha: float
    beta: float
    w: tuple[float, ...]
    margin: float
    gram_norm: str
    mse_reduction: str
    style_reduction: str
    triplet_distance: str
    style_triplet: str
    positive: str
    draws: int
    augment: str
    epochs: int
    batch: int
    optimizer: str
    lr: float
    weight_decay: float
    schedule: str
    patience: int
    split: float
    keep: str
    precision: str

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Self:
        """The recipe among the parameters of a measure."""
        return cls(**{field.name: params[field.name] for field in fields(cls)})

    def record(self) -> dict[str, Any]:
        """The settings as plain values, for a manifest."""
        return {name: list(value) if isinstance(value, tuple) else value for name, value in asdict(self).items()}
