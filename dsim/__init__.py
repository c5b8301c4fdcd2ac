"""dsim: which dataset should I pre-train on? Similarity of 2D biomedical image datasets.

>>> import dsim
>>> sorted(dsim.__all__)[:3]
['Dataset', 'DsimError', 'SimilarityMatrix']
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.comparison import compare
    from dsim.data.dataset import Dataset
    from dsim.data.memory import from_arrays, from_torch
    from dsim.data.opening import open_dataset
    from dsim.errors import DsimError
    from dsim.evaluation import evaluate
    from dsim.matrix import SimilarityMatrix
    from dsim.measure import SimilarityMeasure
    from dsim.registry import build_measure
    from dsim.truth import TransferMatrix, open_truth

__version__ = "0.1.0"

# Public names are resolved on first use, so that `import dsim` costs next to nothing.
_HOMES = {
    "Dataset": "dsim.data.dataset",
    "DsimError": "dsim.errors",
    "SimilarityMatrix": "dsim.matrix",
    "SimilarityMeasure": "dsim.measure",
    "TransferMatrix": "dsim.truth",
    "build_measure": "dsim.registry",
    "compare": "dsim.comparison",
    "evaluate": "dsim.evaluation",
    "from_arrays": "dsim.data.memory",
    "from_torch": "dsim.data.memory",
    "open_dataset": "dsim.data.opening",
    "open_truth": "dsim.truth",
}

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
    "open_dataset",
    "open_truth",
]


def __getattr__(name: str) -> object:
    if name not in _HOMES:
        raise AttributeError(f"module 'dsim' has no attribute {name!r}")
    value = getattr(importlib.import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*__all__, "__version__"])
