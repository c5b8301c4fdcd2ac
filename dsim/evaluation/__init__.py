"""Is a measure any good? Its distances judged against measured transfer, with intervals, baselines and a ceiling."""

from dsim.evaluation.evaluator import evaluate
from dsim.evaluation.results import Contrast, Evaluation, Judgement, Score

__all__ = ["Contrast", "Evaluation", "Judgement", "Score", "evaluate"]
