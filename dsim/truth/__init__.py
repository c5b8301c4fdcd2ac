"""What transfer really gave: scores of every source on every target, measured, and what was published of measures."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
