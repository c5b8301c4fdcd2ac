"""The interface of every similarity measure, what it sees of a dataset, and the matrix that comes of a comparison."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
