"""Ladders: datasets at growing knob distance from a base, so that the right order is known beforehand."""

from __future__ import annotations

from collections.abc import Mapping

from dsim.data.dataset import Dataset
from dsim.data.phantoms.backing import Recipe
from dsim.data.phantoms.knobs import Content, Style
from dsim.data.phantoms.opening import DEFAULT_COUNT, DEFAULT_DEPTH, DEFAULT_SEED, DEFAULT_SIZE, assemble, checked, turn
from dsim.errors import UsageError

#: Where the last step stands unless told otherwise: another scanner, and another tissue.
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
    """Datasets of the same scenes in a style that drifts away from the base's.

    Step 0 is the base itself; step k stands at the share k / (steps - 1) of the straight way to the goal, so knob
    distance to the base grows evenly. Masks and labels are the same in all steps.

    Parameters
    ----------
    steps : at least 2.
    base : a phantom's name.
    goal : the style knobs to move and where the last step has them; ``STYLE_GOAL`` if None.
    count, size, seed : as in ``open_phantom``.

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
    """Datasets in the same style that show ever other content: shape, scale and density drift away from the base's.

    As ``style_ladder``, with content knobs; ``CONTENT_GOAL`` if no goal is given.
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
