"""Networks: U-Nets, classifiers, and the segmenter, a trained U-Net that is applied to images of any size."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
