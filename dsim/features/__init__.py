"""Features of datasets: transforms, extractors, and the way through the store."""

from __future__ import annotations

from dsim.features.extraction import extract, feature_key, recipe

__all__ = ["extract", "feature_key", "recipe"]
