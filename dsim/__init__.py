"""dsim: which dataset should I pre-train on? Similarity of 2D biomedical image datasets.

Public names are resolved on first use, so that ``import dsim`` costs next to nothing.

>>> import dsim
>>> sorted(dsim.__all__)[:3]
['Dataset', 'DsimError', 'SimilarityMatrix']
"""

import lazy_loader

from dsim.runtime import VERSION

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
__version__ = VERSION
