"""Phantoms as datasets: each image is generated on demand, and depends on its recipe alone, never on the others."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from dsim.data.dataset import Dataset
from dsim.data.options import PHANTOMS
from dsim.data.phantoms.camera import Content, Sitting, Style, expose, store
from dsim.data.phantoms.catalogue import phantom, source_names, target_names
from dsim.errors import UnknownNameError, UsageError
from dsim.files.documents import digest
from dsim.random import stream
from dsim.registry import Parameter, format_bracketed, parse_bracketed

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
    """Everything that the images (size, size, c) of one phantom dataset depend on.

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
        """Return the sha256 that identifies one image or mask, without rendering it as (size, size, c)."""
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
        """Return one photographed scene: image (H, W, C), uint8 or uint16, and mask (H, W), uint8 of 0 and 255."""
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
        # Knobs, size and depth are not keys: turning one changes what it governs, and leaves all other draws alone.
        return stream(self.seed, "phantom", self.name, purpose, str(number))


@dataclass(frozen=True)
class PhantomBacking:
    """Generated pixels (size, size, c) and masks (size, size); picklable, for it holds the recipe only."""

    recipe: Recipe

    def image(self, index: int) -> NDArray[Any]:
        """Return pixels (H, W, C) of 1 or 3 channels, uint8 or uint16."""
        return self._rendered(index)[0].copy()

    def image_digest(self, index: int) -> str:
        """Return the sha256 of the image's recipe."""
        return self.recipe.digest(index, "image")

    def mask(self, index: int) -> NDArray[Any]:
        """Return the mask (H, W), uint8, 255 within the objects."""
        return self._rendered(index)[1].copy()

    def mask_digest(self, index: int) -> str:
        """Return the sha256 of the mask's recipe."""
        return self.recipe.digest(index, "mask")

    def _rendered(self, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
        if self.recipe.size > _REMEMBERED_SIZE:
            return self.recipe.render(index)
        return _remembered(self.recipe, index)


@lru_cache(maxsize=512)
def _remembered(recipe: Recipe, index: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Recently rendered images: at most 512 of 128 x 128 pixels, some 60 MB at the very worst."""
    return recipe.render(index)


DEFAULT_COUNT, DEFAULT_SIZE, DEFAULT_SEED, DEFAULT_DEPTH = 24, 96, 0, 8

_OPTIONS = {
    option.name: option
    for option in (
        Parameter("count", "int", DEFAULT_COUNT, "number of images", minimum=1),
        Parameter("size", "int", DEFAULT_SIZE, "side of the images, pixels", minimum=16, maximum=4096),
        Parameter("seed", "int", DEFAULT_SEED, "random seed", minimum=0),
        Parameter("depth", "int", DEFAULT_DEPTH, "bits per channel", choices=(8, 16)),
    )
}


def open_phantom(
    name: str,
    *,
    count: int | None = None,
    size: int | None = None,
    seed: int | None = None,
    depth: int | None = None,
    **knobs: float,
) -> Dataset:
    """Return a phantom as a dataset with images, masks, labels and groups; nothing is rendered yet.

    Parameters
    ----------
    name : one of ``names()``, or the notation ``NAME[option=value,...]``, with or without ``phantoms:`` in front.
    count : number of images, 24 by default. The first n images are the same whatever the count.
    size : side of the square images in pixels, 96 by default; the same scenes are shown at any size.
    seed : picks the scenes, 0 by default. ``depth`` : 8 (uint8) or 16 (uint16) bits.
    knobs : any of ``Style`` and ``Content``, such as ``noise=0.5``; those not named stay where the phantom has them.

    The dataset is named as it is written, with the knobs that were turned, so that two settings can be compared.
    Raises UnknownNameError for an unknown phantom, knob or option; UsageError for a value out of its range, or
    given both in the brackets and as a keyword.

    >>> data = open_phantom("ultrasound", count=3, size=32)
    >>> data.native(0).shape, data.mask(0).shape, data.classes
    ((32, 32, 1), (32, 32), ('cyst', 'solid'))
    >>> open_phantom("phantoms:fundus[size=48,count=4]", noise=0.5).name
    'fundus[count=4,noise=0.5,size=48]'
    """
    head, written = parse_bracketed(name.strip().removeprefix(PHANTOMS))
    phantom(head)
    keywords = {"count": count, "size": size, "seed": seed, "depth": depth}
    given = {key: value for key, value in keywords.items() if value is not None}
    for key in written:
        if key in given or key in knobs:
            raise UsageError(f"option {key!r} of {name!r} is also given as a keyword", hint="give it once")
    options = checked(given | {key: _read(key, text) for key, text in written.items() if key in _OPTIONS})
    turned = knobs | {key: _number(key, text) for key, text in written.items() if key not in _OPTIONS}
    style, content = turn(head, turned)
    recipe = Recipe(head, options["size"], options["seed"], options["depth"], style, content)
    title = format_bracketed(head, {knob: f"{value:g}" for knob, value in knobs.items()} | written)
    return assemble(title, recipe, options["count"])


def checked(given: Mapping[str, int]) -> dict[str, int]:
    """Return all options: those given, and the defaults of the others. Raises UsageError for one out of its range."""
    return {name: option.check(given.get(name, option.default)) for name, option in _OPTIONS.items()}


def _read(option: str, text: str) -> int:
    value: int = _OPTIONS[option].parse(text)
    return value


def _number(knob: str, text: str) -> float:
    try:
        return float(text)
    except ValueError:
        raise UsageError(f"knob {knob!r} takes a number, not {text!r}", hint=f"write {knob}=0.5") from None


def sources(*, count: int = DEFAULT_COUNT, size: int = DEFAULT_SIZE, seed: int = DEFAULT_SEED) -> list[Dataset]:
    """Return the nine source phantoms, each of another modality; images are (size, size, 1) or (size, size, 3).

    Raises UsageError for a count or size out of its range.
    """
    return [open_phantom(name, count=count, size=size, seed=seed) for name in source_names()]


def targets(*, count: int = DEFAULT_COUNT, size: int = DEFAULT_SIZE, seed: int = DEFAULT_SEED) -> list[Dataset]:
    """Return the six target phantoms; ``TRUE_SOURCE`` names the nearest source of each.

    Images are (size, size, 1) or (size, size, 3). Raises UsageError for a count or size out of its range.

    >>> from dsim.data.phantoms import TRUE_SOURCE
    >>> [data.name for data in targets()] == list(TRUE_SOURCE)
    True
    """
    return [open_phantom(name, count=count, size=size, seed=seed) for name in target_names()]


def turn(name: str, knobs: Mapping[str, float]) -> tuple[Style, Content]:
    """Return the knobs of a phantom after some were set.

    Raises UnknownNameError for an unknown phantom or knob, UsageError for a knob out of its range.
    """
    base = phantom(name)
    known = (*Style.names(), *Content.names())
    for knob in knobs:
        if knob not in known:
            hint = f"knobs are: {', '.join(known)}; options are: {', '.join(_OPTIONS)}"
            raise UnknownNameError("knob or option", knob, (*known, *_OPTIONS), hint=hint)
    style = base.style.turned({knob: value for knob, value in knobs.items() if knob in Style.names()})
    return style, base.content.turned({knob: value for knob, value in knobs.items() if knob in Content.names()})


def assemble(title: str, recipe: Recipe, count: int) -> Dataset:
    """Return the dataset of the first ``count`` images of a recipe."""
    base = phantom(recipe.name)
    return Dataset(
        name=title,
        ids=tuple(f"{index:05d}" for index in range(count)),
        backing=PhantomBacking(recipe),
        labels=tuple(recipe.label(index) for index in range(count)),
        groups=tuple(recipe.group(index) for index in range(count)),
        attributes={"modality": base.modality, "subject": base.subject},
        masked=True,
        dtypes=(f"uint{recipe.depth}",) * count,
        location=PHANTOMS + title,
        format="phantom",
        notes=(f"generated: {base.title}",),
    )


def is_phantom(text: str) -> bool:
    """Return whether a text names a phantom rather than a path."""
    return text.startswith(PHANTOMS)


#: Where the last step stands by default: another scanner, and another tissue.
STYLE_GOAL: Mapping[str, float] = {"colour": 0.8, "contrast": -0.7, "noise": 0.7, "illumination": 0.6}
CONTENT_GOAL: Mapping[str, float] = {"shape": 1.0, "scale": 0.7, "density": 0.7}


def style_ladder(
    steps: int = 5,
    *,
    base: str = "fluorescence",
    goal: Mapping[str, float] | None = None,
    count: int = DEFAULT_COUNT,
    size: int = DEFAULT_SIZE,
    seed: int = DEFAULT_SEED,
) -> list[Dataset]:
    """Return datasets of the same scenes in a style that drifts away from the base's.

    Step 0 is the base itself; step k stands at the share k / (steps - 1) of the straight way to the goal, so knob
    distance to the base grows evenly. Masks and labels are the same in all steps.

    Parameters
    ----------
    steps : at least 2.
    base : a phantom's name.
    goal : the style knobs to move and where the last step has them; ``STYLE_GOAL`` if None.
    count, size, seed : as in ``open_phantom``.

    Raises UsageError for fewer than two steps, UnknownNameError for an unknown phantom or knob.

    >>> [data.name for data in style_ladder(3, count=2, size=32)]
    ['fluorescence-style-0', 'fluorescence-style-1', 'fluorescence-style-2']
    """
    _check(steps)
    style, content = turn(base, {})
    end = style.turned(STYLE_GOAL if goal is None else goal)
    knobs = [(style.moved(end, step / (steps - 1)), content) for step in range(steps)]
    return _datasets(base, "style", knobs, count, size, seed)


def content_ladder(
    steps: int = 5,
    *,
    base: str = "fluorescence",
    goal: Mapping[str, float] | None = None,
    count: int = DEFAULT_COUNT,
    size: int = DEFAULT_SIZE,
    seed: int = DEFAULT_SEED,
) -> list[Dataset]:
    """Return datasets in the same style whose content changes: shape, scale and density drift away from the base's.

    As ``style_ladder``, with content knobs; ``CONTENT_GOAL`` if no goal is given. Raises UsageError for fewer than two
    steps, UnknownNameError for an unknown phantom or knob.
    """
    _check(steps)
    style, content = turn(base, {})
    end = content.turned(CONTENT_GOAL if goal is None else goal)
    knobs = [(style, content.moved(end, step / (steps - 1))) for step in range(steps)]
    return _datasets(base, "content", knobs, count, size, seed)


def _datasets(
    base: str, kind: str, knobs: list[tuple[Style, Content]], count: int, size: int, seed: int
) -> list[Dataset]:
    checked({"count": count, "size": size, "seed": seed})
    return [
        assemble(f"{base}-{kind}-{step}", Recipe(base, size, seed, DEFAULT_DEPTH, style, content), count)
        for step, (style, content) in enumerate(knobs)
    ]


def _check(steps: int) -> None:
    if steps < 2:
        raise UsageError(f"a ladder has at least 2 steps, not {steps}", hint="ask for steps=5")
