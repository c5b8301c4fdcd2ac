from .image_map import COLUMNS, ImageMap

__all__ = ["COLUMNS", "ImageMap"]
