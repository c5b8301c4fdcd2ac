"""Images that two datasets share: they make the datasets seem nearer than new images would."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset


def count_shared_images(target: Dataset, source: Dataset) -> int:
    """Return how many images of the target are in the source too, byte for byte; 0 where one of them has no images.

    >>> from dsim.data.phantoms import open_phantom
    >>> whole = open_phantom("xray", count=4, size=32)
    >>> count_shared_images(whole.subset([0, 1], "part"), whole)
    2
    """
    if target.backing is None or source.backing is None:
        return 0
    held = set(source.image_digests)
    return sum(digest in held for digest in target.image_digests)


def say_shared_images(count: int, target: str, source: str) -> str:
    """Return the sentence on images that a target and a source share.

    >>> say_shared_images(2, "mine", "theirs")
    '2 images of mine are in theirs too: it lies nearer than it would without them'
    """
    images = "1 image" if count == 1 else f"{count} images"
    verb = "is" if count == 1 else "are"
    return f"{images} of {target} {verb} in {source} too: it lies nearer than it would without them"
