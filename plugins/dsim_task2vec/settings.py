"""The parameters as one value, so that the parts of the computation need not know the measures."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, fields
from typing import Any


@dataclass(frozen=True)
class Settings:
    """How an embedding is made; see the parameters in ``dsim_task2vec.specs``."""

    probe: str
    fisher: str
    draws: int
    batch: int
    batchnorm: bool
    labels: str
    clusters: int
    balanced: bool
    decay: float
    steps: int
    beta: float
    subsets: int = 0
    share: float = 0.0
    least: int = 0

    @classmethod
    def of(cls, params: Mapping[str, Any]) -> Settings:
        """The settings among a measure's parameters."""
        known = {field.name for field in fields(cls)}
        return cls(**{name: value for name, value in params.items() if name in known})
