"""How a dataset is to be read."""

from __future__ import annotations

from dataclasses import dataclass, field

from dsim.data.volumes.cut import Cut

#: Largest image that is decoded, in pixels: 8192 x 8192. A header that promises more is taken for a decompression bomb.
MAX_PIXELS = 2**26
#: What the names of phantoms begin with, where a path could stand.
PHANTOMS = "phantoms:"


@dataclass(frozen=True)
class ReadOptions:
    """Options of ``open_dataset``, handed to the reader.

    Parameters
    ----------
    skip_unreadable : decode every file when the dataset is opened, and leave out (and list) those that fail.
    name : the dataset's name; None: the name of its folder or file.
    max_pixels : largest height x width that is decoded; the header is asked first.
    cut : which slices of volumes become images; a reader that has none calls ``cut.refuse``.
    """

    skip_unreadable: bool = False
    name: str | None = None
    max_pixels: int = MAX_PIXELS
    cut: Cut = field(default_factory=Cut)
