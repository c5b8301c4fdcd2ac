"""Maps of image datasets: every image in a plane, by a model that can place new ones; fitted, placed, compared."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
