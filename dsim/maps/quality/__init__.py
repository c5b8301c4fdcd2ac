"""Quality control of image datasets: copies, blank images, outliers, doubtful labels, groups that cluster."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
