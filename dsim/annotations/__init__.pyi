from .outlines import Outlined, outlined

__all__ = ["Outlined", "outlined"]
