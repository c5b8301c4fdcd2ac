"""What transfer really gave: scores of every source on every target, measured, and what was published of measures."""

from dsim.truth.checks import KNOWN_BOUNDS, bounds_of
from dsim.truth.matrix import TransferMatrix, TruthDataset
from dsim.truth.stored import distance_names, open_distances, open_truth, published, truth_names

__all__ = [
    "KNOWN_BOUNDS",
    "TransferMatrix",
    "TruthDataset",
    "bounds_of",
    "distance_names",
    "open_distances",
    "open_truth",
    "published",
    "truth_names",
]
