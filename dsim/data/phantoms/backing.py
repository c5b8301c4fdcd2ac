"""A dataset's pixels, generated on demand: each image depends on its recipe alone, never on the others."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from dsim.data.phantoms.camera import Sitting, expose, store
from dsim.data.phantoms.catalogue import phantom
from dsim.data.phantoms.knobs import Content, Style
from dsim.files.documents import digest
from dsim.random import stream

if TYPE_CHECKING:
    from typing import Any

    import numpy as np
    from numpy.typing import NDArray

#: Part of every digest: raise it whenever a change alters any pixel, mask or label.
GENERATOR_VERSION = 1
#: Consecutive images of one patient, slide, well or video.
GROUP_SIZE = 4
#: Rendered images are remembered up to this side; larger ones would fill the memory.
_REMEMBERED_SIZE = 128


@dataclass(frozen=True)
class Recipe:
    """Everything that the images of one phantom dataset depend on.

    Parameters
    ----------
    name : a name of the catalogue; it picks the modality and the random streams.
    size : side, pixels. ``depth`` : 8 or 16 bits.
    style, content : where the knobs stand.
    """

    name: str
    size: int
    seed: int
    depth: int
    style: Style
    content: Content

    def label(self, index: int) -> str:
        """The class of an image: each run of as many images as there are classes holds each class once."""
        classes = phantom(self.name).classes
        block, place = divmod(index, len(classes))
        return classes[int(self._stream("labels", block).permutation(len(classes))[place])]

    def group(self, index: int) -> str:
        """The patient, slide, well or video of an image."""
        return f"{phantom(self.name).group}-{index // GROUP_SIZE:03d}"

    def digest(self, index: int, part: str) -> str:
        """sha256 that identifies one image or mask without rendering it."""
        recipe = {
            "generator": GENERATOR_VERSION,
            "phantom": self.name,
            "size": self.size,
            "seed": self.seed,
            "depth": self.depth,
            "style": self.style.values(),
            "content": self.content.values(),
            "index": index,
            "part": part,
        }
        return digest(recipe)

    def render(self, index: int) -> tuple[NDArray[np.uint8] | NDArray[np.uint16], NDArray[np.uint8]]:
        """Draw and photograph one scene: image (H, W, C) and mask (H, W) of 0 and 255."""
        patient = index // GROUP_SIZE
        sitting = Sitting(
            size=self.size,
            label=self.label(index),
            style=self.style,
            content=self.content,
            layout=self._stream("layout", index),
            surface=self._stream("surface", index),
            patient=self._stream("patient", patient),
        )
        scene = phantom(self.name).draw(sitting)
        pixels = expose(scene, self.style, self._stream("light", patient), self._stream("sensor", index))
        return store(pixels, self.depth), scene.mask

    def _stream(self, purpose: str, number: int) -> np.random.Generator:
        # Knobs, size and depth are no keys: turning one changes what it governs, and leaves all other draws alone.
        return stream(self.seed, "phantom", self.name, purpose, str(number))


@dataclass(frozen=True)
class PhantomBacking:
    """Generated pixels and masks; picklable, for it holds the recipe only."""

    recipe: Recipe

    def image(self, index: int) -> NDArray[Any]:
        """Pixels (H, W, C) of 1 or 3 channels, uint8 or uint16."""
        return self._rendered(index)[0].copy()

    def image_digest(self, index: int) -> str:
        """sha256 of the image's recipe."""
        return self.recipe.digest(index, "image")

    def mask(self, index: int) -> NDArray[Any]:
        """Mask (H, W), uint8, 255 within the objects."""
        return self._rendered(index)[1].copy()

    def mask_digest(self, index: int) -> str:
        """sha256 of the mask's recipe."""
        return self.recipe.digest(index, "mask")

    def _rendered(self, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        if self.recipe.size > _REMEMBERED_SIZE:
            return self.recipe.render(index)
        return _remembered(self.recipe, index)


@lru_cache(maxsize=512)
def _remembered(recipe: Recipe, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Recently rendered images: at most 512 of 128 x 128 pixels, some 60 MB at the very worst."""
    return recipe.render(index)
