"""All that the author of a plugin imports.

>>> from dsim.plugin import MeasureSpec, SimilarityMeasure, hookimpl

What code needs only when it is used (datasets, extractors) is imported when it is first asked for, so that a plugin's
declarations stay cheap.
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

from dsim.errors import DataError, DsimError, MeasureError, UsageError
from dsim.measures import EXTRACTOR, FeatureCloud, FeatureMeasure, PairwiseMeasure, SimilarityMeasure
from dsim.registry import (
    API_VERSION,
    CommandSpec,
    Direction,
    ExtractorSpec,
    MeasureSpec,
    Need,
    Parameter,
    Product,
    ReaderSpec,
    TrainerSpec,
    hookimpl,
)

if TYPE_CHECKING:
    from dsim.data.builders import from_arrays
    from dsim.data.dataset import Dataset
    from dsim.data.opener import open_dataset
    from dsim.data.options import ReadOptions
    from dsim.features.extractor import Blueprint, Extractor, Recipe, check_options
    from dsim.features.transforms import Square
    from dsim.learning.trainer import TrainedModel, Trainer
    from dsim.measures import DatasetView
    from dsim.runtime import Runtime

_HOMES = {
    "Blueprint": "dsim.features.extractor",
    "Dataset": "dsim.data.dataset",
    "DatasetView": "dsim.measures.view",
    "Extractor": "dsim.features.extractor",
    "ReadOptions": "dsim.data.options",
    "Recipe": "dsim.features.extractor",
    "Runtime": "dsim.runtime",
    "Square": "dsim.features.transforms",
    "TrainedModel": "dsim.learning.trainer",
    "Trainer": "dsim.learning.trainer",
    "check_options": "dsim.features.extractor",
    "from_arrays": "dsim.data.builders",
    "open_dataset": "dsim.data.opener",
}

__all__ = [
    "API_VERSION",
    "EXTRACTOR",
    "Blueprint",
    "CommandSpec",
    "DataError",
    "Dataset",
    "DatasetView",
    "Direction",
    "DsimError",
    "Extractor",
    "ExtractorSpec",
    "FeatureCloud",
    "FeatureMeasure",
    "MeasureError",
    "MeasureSpec",
    "Need",
    "PairwiseMeasure",
    "Parameter",
    "Product",
    "ReadOptions",
    "ReaderSpec",
    "Recipe",
    "Runtime",
    "SimilarityMeasure",
    "Square",
    "TrainedModel",
    "Trainer",
    "TrainerSpec",
    "UsageError",
    "check_options",
    "from_arrays",
    "hookimpl",
    "open_dataset",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'dsim.plugin' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
