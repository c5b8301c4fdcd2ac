"""Pictures of results, for readers with and without full colour vision, and the parts that they are drawn from.

matplotlib is imported when a picture is drawn.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
