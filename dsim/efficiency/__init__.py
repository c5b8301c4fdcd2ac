"""Label efficiency: how well plain classifiers on frozen features do with few labelled images, by their number."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
