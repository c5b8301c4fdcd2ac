from .outlines import Outlined, outlined
from .regions import Region

__all__ = ["Outlined", "Region", "outlined"]
