from .answer import recommend
from .pool import zoo_sources
from .procedure import DEFAULT, RULE, Candidate, Choice, Procedure
from .reliability import Reliability, measure_reliability, said, stored
from .result import Recommendation, command, models_of, segmenting

__all__ = [
    "DEFAULT",
    "RULE",
    "Candidate",
    "Choice",
    "Procedure",
    "Recommendation",
    "Reliability",
    "command",
    "measure_reliability",
    "models_of",
    "recommend",
    "said",
    "segmenting",
    "stored",
    "zoo_sources",
]
