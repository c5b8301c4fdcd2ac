"""Which segmentation model to apply to a target: from what images say, what the models do, and annotated images."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
