"""Phantoms as datasets: by name and keyword in Python, by ``phantoms:NAME[option=value,...]`` everywhere else."""

from __future__ import annotations

from collections.abc import Mapping

from dsim.data.dataset import Dataset
from dsim.data.options import PHANTOMS
from dsim.data.phantoms.backing import PhantomBacking, Recipe
from dsim.data.phantoms.catalogue import phantom, source_names, target_names
from dsim.data.phantoms.knobs import Content, Style
from dsim.errors import UnknownNameError, UsageError
from dsim.registry import Parameter, format_bracketed, parse_bracketed

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
    """A phantom as a dataset with images, masks, labels and groups; nothing is rendered yet.

    Parameters
    ----------
    name : one of ``names()``, or the notation ``NAME[option=value,...]``, with or without ``phantoms:`` in front.
    count : number of images, 24 by default. The first n images are the same whatever the count.
    size : side of the square images in pixels, 96 by default; the same scenes are shown at any size.
    seed : picks the scenes, 0 by default. ``depth`` : 8 (uint8) or 16 (uint16) bits.
    knobs : any of ``Style`` and ``Content``, such as ``noise=0.5``; those not named stay where the phantom has them.

    Returns
    -------
    Dataset named as it is written, with the knobs that were turned, so that two settings can be compared.

    Raises
    ------
    UnknownNameError : no such phantom, knob or option; the nearest one is suggested.
    UsageError : a value out of its range, or given both in the brackets and as a keyword.

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
    """All options: those given, checked, and the defaults of the others."""
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
    """The nine source phantoms, each of another modality."""
    return [open_phantom(name, count=count, size=size, seed=seed) for name in source_names()]


def targets(*, count: int = DEFAULT_COUNT, size: int = DEFAULT_SIZE, seed: int = DEFAULT_SEED) -> list[Dataset]:
    """The six target phantoms; ``TRUE_SOURCE`` tells the nearest source of each.

    >>> from dsim.data.phantoms import TRUE_SOURCE
    >>> [data.name for data in targets()] == list(TRUE_SOURCE)
    True
    """
    return [open_phantom(name, count=count, size=size, seed=seed) for name in target_names()]


def turn(name: str, knobs: Mapping[str, float]) -> tuple[Style, Content]:
    """The knobs of a phantom after some were set; an unknown one is refused with the nearest known."""
    base = phantom(name)
    known = (*Style.names(), *Content.names())
    for knob in knobs:
        if knob not in known:
            hint = f"knobs are: {', '.join(known)}; options are: {', '.join(_OPTIONS)}"
            raise UnknownNameError("knob or option", knob, (*known, *_OPTIONS), hint=hint)
    style = base.style.turned({knob: value for knob, value in knobs.items() if knob in Style.names()})
    return style, base.content.turned({knob: value for knob, value in knobs.items() if knob in Content.names()})


def assemble(title: str, recipe: Recipe, count: int) -> Dataset:
    """The dataset of the first ``count`` images of a recipe."""
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
    """Whether a text names a phantom rather than a path."""
    return text.startswith(PHANTOMS)
