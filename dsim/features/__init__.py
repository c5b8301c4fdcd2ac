"""Features of datasets: transforms, extractors, and the way through the store."""

from __future__ import annotations

from dsim.features.extraction import extract, feature_key, feature_rows, recipe

__all__ = ["extract", "feature_key", "feature_rows", "recipe"]
