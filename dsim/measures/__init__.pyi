from .build import build_measure, with_extractor, with_weights
from .feature_measure import (
    EXTRACTOR,
    FeatureCloud,
    FeatureMeasure,
    finite_blocks,
    finite_features,
    refuse_other_dimension,
)
from .interface import Draws, PairwiseMeasure, SimilarityMeasure
from .matrix import Ranked, Ranking, SimilarityMatrix, Verdict
from .view import DatasetView

__all__ = [
    "EXTRACTOR",
    "DatasetView",
    "Draws",
    "FeatureCloud",
    "FeatureMeasure",
    "PairwiseMeasure",
    "Ranked",
    "Ranking",
    "SimilarityMatrix",
    "SimilarityMeasure",
    "Verdict",
    "build_measure",
    "finite_blocks",
    "finite_features",
    "refuse_other_dimension",
    "with_extractor",
    "with_weights",
]
