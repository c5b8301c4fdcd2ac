"""Datasets of another world than biomedicine: the same images every time."""

from __future__ import annotations

from dsim.data.phantoms import open_photographs, open_textures


def test_built_in_foreign_images_are_the_same_every_time() -> None:
    for make in (open_photographs, open_textures):
        first, again = make(), make()
        assert first.images_fingerprint == again.images_fingerprint
        assert len(first) == 48
        assert len({first.native(index).tobytes() for index in range(48)}) == 48
