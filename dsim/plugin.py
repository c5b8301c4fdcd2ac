"""All that the author of a plugin imports.

>>> from dsim.plugin import MeasureSpec, SimilarityMeasure, hookimpl
"""

from __future__ import annotations

import pluggy

from dsim.clouds import EXTRACTOR, FeatureCloud, FeatureMeasure
from dsim.errors import DataError, DsimError, MeasureError, UsageError
from dsim.measure import PairwiseMeasure, SimilarityMeasure
from dsim.specs import (
    CommandSpec,
    Direction,
    ExtractorSpec,
    MeasureSpec,
    Need,
    Parameter,
    ReaderSpec,
)

#: Version of the contract in ``dsim.hookspecs`` and of the classes named here.
API_VERSION = 1

hookimpl = pluggy.HookimplMarker("dsim")

__all__ = [
    "API_VERSION",
    "EXTRACTOR",
    "CommandSpec",
    "DataError",
    "Direction",
    "DsimError",
    "ExtractorSpec",
    "FeatureCloud",
    "FeatureMeasure",
    "MeasureError",
    "MeasureSpec",
    "Need",
    "PairwiseMeasure",
    "Parameter",
    "ReaderSpec",
    "SimilarityMeasure",
    "UsageError",
    "hookimpl",
]
