"""Is a measure any good? Its distances judged against measured transfer, with intervals, baselines and a ceiling."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
