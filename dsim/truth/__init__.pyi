from .checks import KNOWN_BOUNDS, bounds_of
from .images import data_folder, open_images, open_located, refuse_others
from .matrix import TransferMatrix, TruthDataset
from .stored import distance_names, open_distances, open_truth, published, truth_names

__all__ = [
    "KNOWN_BOUNDS",
    "TransferMatrix",
    "TruthDataset",
    "bounds_of",
    "data_folder",
    "distance_names",
    "open_distances",
    "open_images",
    "open_located",
    "open_truth",
    "published",
    "refuse_others",
    "truth_names",
]
