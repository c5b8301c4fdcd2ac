"""HTML pages of one file: a shell with one style sheet and one content policy, markup, pictures, and a map of points.

A page loads nothing, runs no script but its own, and shows every name as text, whatever characters are in it.
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
