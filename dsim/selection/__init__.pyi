from .candidates import CandidateModel, candidate_models, find_candidates
from .evidence import Evidence, gather_evidence
from .posterior import Posterior
from .prior import Prior, shipped_prior
from .record import Record, RecordedTarget, read_record
from .selection import Fit, Selection, select
from .signals import SIGNALS

__all__ = [
    "SIGNALS",
    "CandidateModel",
    "Evidence",
    "Fit",
    "Posterior",
    "Prior",
    "Record",
    "RecordedTarget",
    "Selection",
    "candidate_models",
    "find_candidates",
    "gather_evidence",
    "read_record",
    "select",
    "shipped_prior",
]
