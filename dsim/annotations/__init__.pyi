from .checks import describe, faults_of, match_images, refuse_faulty
from .outlines import Outlined, outlined
from .readers import read_regions
from .regions import Region, around
from .writers import FORMATS, class_colours, write_regions

__all__ = [
    "FORMATS",
    "Outlined",
    "Region",
    "around",
    "class_colours",
    "describe",
    "faults_of",
    "match_images",
    "outlined",
    "read_regions",
    "refuse_faulty",
    "write_regions",
]
