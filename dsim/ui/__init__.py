"""The console, tables, progress, options and completion of commands; for the commands of plugins too."""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
