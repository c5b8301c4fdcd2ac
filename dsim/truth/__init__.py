"""Measured transfer: the scores of every source on every target, and the published distances of measures."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
