from .candidates import CandidateModel, candidate_models, find_candidates
from .evidence import Evidence, gather_evidence
from .fit import Fit, KinBounds
from .image_choice import Basis, Next, next_images
from .posterior import Posterior
from .prior import Prior, shipped_prior
from .record import Record, RecordedTarget, read_record
from .selection import Selection, select
from .signals import SIGNALS

__all__ = [
    "SIGNALS",
    "Basis",
    "CandidateModel",
    "Evidence",
    "Fit",
    "KinBounds",
    "Next",
    "Posterior",
    "Prior",
    "Record",
    "RecordedTarget",
    "Selection",
    "candidate_models",
    "find_candidates",
    "gather_evidence",
    "next_images",
    "read_record",
    "select",
    "shipped_prior",
]
