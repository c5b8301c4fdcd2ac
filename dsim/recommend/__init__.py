"""Which source to take for a target, with which model, and how reliable such a choice has been."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
