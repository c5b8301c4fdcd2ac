"""Points in a space of features: nearest neighbours, placement among sets, maps in the plane, agreement of maps."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
