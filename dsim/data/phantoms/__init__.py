"""Phantoms: seeded 2D datasets that look like biomedical images, with masks, labels, groups, and known truth.

>>> from dsim.data.phantoms import open_phantom
>>> open_phantom("histology", count=4, size=64).native(0).shape
(64, 64, 3)
"""

from __future__ import annotations

from dsim.data.phantoms.camera import Content, Style
from dsim.data.phantoms.catalogue import TRUE_SOURCE, names
from dsim.data.phantoms.opener import content_ladder, is_phantom, open_phantom, sources, style_ladder, targets
from dsim.data.phantoms.strangers import open_photographs, open_textures
from dsim.data.phantoms.writer import write

__all__ = [
    "TRUE_SOURCE",
    "Content",
    "Style",
    "content_ladder",
    "is_phantom",
    "names",
    "open_phantom",
    "open_photographs",
    "open_textures",
    "sources",
    "style_ladder",
    "targets",
    "write",
]
