from .annotations import check_annotations
from .answer import recommend
from .pool import zoo_sources
from .procedure import DEFAULT, RULE, Candidate, Choice, Procedure
from .reliability import Reliability, measure_reliability, said, stored, stored_for
from .result import Recommendation, command, models_of, segmenting
from .tried import Tried, TriedModel
from .tried_words import answer_by_models, said_of_models
from .words import in_words

__all__ = [
    "DEFAULT",
    "RULE",
    "Candidate",
    "Choice",
    "Procedure",
    "Recommendation",
    "Reliability",
    "Tried",
    "TriedModel",
    "answer_by_models",
    "check_annotations",
    "command",
    "in_words",
    "measure_reliability",
    "models_of",
    "recommend",
    "said",
    "said_of_models",
    "segmenting",
    "stored",
    "stored_for",
    "zoo_sources",
]
