from .checks import KNOWN_BOUNDS, bounds_of
from .matrix import TransferMatrix, TruthDataset
from .stored import distance_names, open_distances, open_truth, published, truth_names

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
