"""The door for plugins: declarations, hooks, and what their code needs most.

>>> from dsim.plugin import MeasureSpec, SimilarityMeasure, hookimpl

Besides, a plugin may import the parts that ``PUBLISHED`` names, and nothing else of dsim.

What code needs only when it is used (datasets, extractors) is imported when it is first asked for, so that a plugin's
declarations stay cheap.
"""

from __future__ import annotations

import importlib
from collections.abc import Mapping
from typing import TYPE_CHECKING

from dsim.errors import DataError, DsimError, MeasureError, UsageError
from dsim.measures import EXTRACTOR, FeatureCloud, FeatureMeasure, PairwiseMeasure, SimilarityMeasure
from dsim.registry import (
    API_VERSION,
    BuilderSpec,
    CommandSpec,
    Direction,
    ExtractorSpec,
    Law,
    MeasureSpec,
    Need,
    Parameter,
    Product,
    ReaderSpec,
    TrainerSpec,
    format_bracketed,
    format_call,
    hookimpl,
    parse_bracketed,
    parse_call,
    parse_options,
    split_outside_brackets,
)

if TYPE_CHECKING:
    from dsim.data import Dataset, ReadOptions, from_arrays, open_dataset
    from dsim.features import Blueprint, Extractor, Recipe, Square, check_options
    from dsim.learning import TrainedModel, Trainer
    from dsim.measures import DatasetView
    from dsim.runtime import Runtime

#: The parts of dsim that a plugin may import beside this module, by name, and what each is for.
PUBLISHED: Mapping[str, str] = {
    "annotations": "boxes, points and outlines in the formats of annotation tools",
    "comparison": "compare datasets by a measure",
    "data": "datasets: open, make, divide them",
    "embeddings": "nearest neighbours, placement, maps in the plane",
    "errors": "every expected failure, with its fix",
    "evaluation": "judge a measure against measured transfer",
    "features": "extractors, transforms, features of datasets",
    "files": "files that are whole or absent, JSON documents",
    "learning": "one training loop, objectives, schedules, augmentation, losses; trainings by name",
    "measures": "the interface of measures, what they see of a dataset, the matrix of a comparison",
    "models": "networks, and the segmenter",
    "pages": "HTML pages: their shell, tables, pictures, maps",
    "plots": "pictures in one style",
    "random": "independent random streams of one seed",
    "runtime": "device, cache and progress of a run",
    "stats": "pure functions of arrays: distances, tests, intervals",
    "store": "content-addressed results, ledgers, checkpoints",
    "testing": "the conformance kit, for tests",
    "truth": "measured transfer",
    "ui": "console, tables, options and completion of commands",
    "zoo": "models: find, write, add them",
}

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
    "BuilderSpec",
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
    "Law",
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
    "format_bracketed",
    "format_call",
    "from_arrays",
    "hookimpl",
    "open_dataset",
    "parse_bracketed",
    "parse_call",
    "parse_options",
    "split_outside_brackets",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'dsim.plugin' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
