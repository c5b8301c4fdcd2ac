"""Every measure on one benchmark: run, judged, ranked, with time, memory and everything each number depends on."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
