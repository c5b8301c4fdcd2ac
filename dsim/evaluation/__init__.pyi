from .contrasts import Nested, contrast_all, nested_choice
from .evaluator import SELF_PAIRS, evaluate
from .intervals import METHODS, Intervals
from .judgement import candidates_of
from .measure_distances import calls_measure, compute_distances
from .notes import notes_on
from .results import Contrast, Evaluation, Judgement, Score
from .scores import BY_NAME, PER_TARGET, SCORES, ScoreSpec, bounds, digits, shown, shown_p
from .tables import ScoreTable, baseline_table, score_table, target_table
from .words import choices_in_words

__all__ = [
    "BY_NAME",
    "METHODS",
    "PER_TARGET",
    "SCORES",
    "SELF_PAIRS",
    "Contrast",
    "Evaluation",
    "Intervals",
    "Judgement",
    "Nested",
    "Score",
    "ScoreSpec",
    "ScoreTable",
    "baseline_table",
    "bounds",
    "calls_measure",
    "candidates_of",
    "choices_in_words",
    "compute_distances",
    "contrast_all",
    "digits",
    "evaluate",
    "nested_choice",
    "notes_on",
    "score_table",
    "shown",
    "shown_p",
    "target_table",
]
