from .cells import is_defect, is_outside_bounds
from .engine import compare
from .measure_agreement import Agreement, compare_rankings
from .plan import make_plan
from .provenance import code_of, conditions, measure_identity, plugin_of
from .resemblance import assess_resemblance, with_resemblance
from .summaries import Summaries, decode, encode, summary_type
from .votes import verdict_of_votes

__all__ = [
    "Agreement",
    "Summaries",
    "assess_resemblance",
    "code_of",
    "compare",
    "compare_rankings",
    "conditions",
    "decode",
    "encode",
    "is_defect",
    "is_outside_bounds",
    "make_plan",
    "measure_identity",
    "plugin_of",
    "summary_type",
    "verdict_of_votes",
    "with_resemblance",
]
