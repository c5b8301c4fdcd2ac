from .answer import answer, instead, join_ways
from .build import build_measure, with_extractor, with_weights
from .feature_measure import (
    EXTRACTOR,
    FeatureCloud,
    FeatureMeasure,
    degree_of,
    digits_kept,
    finite_blocks,
    finite_features,
    frame_of,
    refuse_other_dimension,
)
from .interface import Draws, PairwiseMeasure, SimilarityMeasure
from .kinds import KnownKinds, known_kinds
from .matrix import SimilarityMatrix
from .presentation import describe_result, draw_result, only_target
from .ranking import Ranked, Ranking
from .resemblance import Bounds, Likeness, Resemblance
from .verdict import (
    CONFIDENCE,
    Outcome,
    Poll,
    Verdict,
    count_votes,
    decide,
    decide_by_votes,
    first_shares,
    percentile_interval,
    vote_of,
    with_floor,
    with_likeness,
)
from .view import DatasetView

__all__ = [
    "CONFIDENCE",
    "EXTRACTOR",
    "Bounds",
    "DatasetView",
    "Draws",
    "FeatureCloud",
    "FeatureMeasure",
    "KnownKinds",
    "Likeness",
    "Outcome",
    "PairwiseMeasure",
    "Poll",
    "Ranked",
    "Ranking",
    "Resemblance",
    "SimilarityMatrix",
    "SimilarityMeasure",
    "Verdict",
    "answer",
    "build_measure",
    "count_votes",
    "decide",
    "decide_by_votes",
    "degree_of",
    "describe_result",
    "digits_kept",
    "draw_result",
    "finite_blocks",
    "finite_features",
    "first_shares",
    "frame_of",
    "instead",
    "join_ways",
    "known_kinds",
    "only_target",
    "percentile_interval",
    "refuse_other_dimension",
    "vote_of",
    "with_extractor",
    "with_floor",
    "with_likeness",
    "with_weights",
]
