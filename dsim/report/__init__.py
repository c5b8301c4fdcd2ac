"""The report on a comparison: one page for a person who decides, on screen, on a phone and on paper."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
