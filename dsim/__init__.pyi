from .comparison import compare
from .data.builders import from_arrays, from_torch
from .data.dataset import Dataset
from .data.opener import open_dataset
from .efficiency import label_efficiency
from .errors import DsimError
from .evaluation import evaluate
from .learning.trainer import train
from .measures import SimilarityMatrix, SimilarityMeasure, build_measure
from .truth import TransferMatrix, open_truth

__version__: str

__all__ = [
    "Dataset",
    "DsimError",
    "SimilarityMatrix",
    "SimilarityMeasure",
    "TransferMatrix",
    "build_measure",
    "compare",
    "evaluate",
    "from_arrays",
    "from_torch",
    "label_efficiency",
    "open_dataset",
    "open_truth",
    "train",
]
