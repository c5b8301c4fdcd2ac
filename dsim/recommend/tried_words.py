"""The answer by models in words: which to take, what to expect of it, what it marks, and what to type next."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from dsim.selection import Fit
from dsim.zoo import FOREGROUND

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.recommend.tried import Tried, TriedModel

#: With fewer annotated images the interval is too wide to be taken for an answer, and more are asked for.
ENOUGH = 3
#: Probability of being the best from which on no more images are asked for.
SURE = 0.9


def answer_by_models(tried: Tried) -> str:
    """Return the answer in one sentence: the model to take, its expected Dice, the chance that it is the best.

    >>> from dsim.recommend.tried import Tried, TriedModel
    >>> model = TriedModel("zoo:wbc.r1", "wbc", ("wbc",), "white blood cells", 90.0, 0.81, 0.68, 0.9, 0.72)
    >>> tried = Tried("mine", (model,) * 16, ("a", "b", "c"), 57, Fit.FITS, "")
    >>> answer_by_models(tried)
    'Take wbc: expected Dice 0.81 (0.68 to 0.90); best of 16 with probability 0.72; from 3 annotated images.'
    """
    chosen, evidence = tried.chosen, from_images(len(tried.annotated))
    if tried.fit is Fit.NONE:
        dice = f"an expected Dice of {with_interval(chosen)}; {evidence}"
        if len(tried.models) == 1:
            return f"The only model that could be tried, {chosen.name}, does not fit {tried.target}: it has {dice}."
        return f"None of {len(tried.models)} models fits {tried.target}: even {chosen.name}, the best, has {dice}."
    take = f"Take {chosen.name}" if tried.fit is Fit.FITS else f"Take {chosen.name}, if any"
    return f"{take}: expected Dice {with_interval(chosen)}; {_chance(tried)}; {evidence}."


def _chance(tried: Tried) -> str:
    if len(tried.models) == 1:
        return "the only model that could be tried"
    return f"best of {len(tried.models)} with probability {tried.chosen.best:.2f}"


def with_interval(model: TriedModel) -> str:
    """Return the expected Dice with its 95 % interval: ``0.81 (0.68 to 0.90)``."""
    return f"{model.expected:.2f} ({model.low:.2f} to {model.high:.2f})"


def from_images(count: int) -> str:
    """Return on how many annotated images an answer rests.

    >>> [from_images(count) for count in (0, 1, 2)]
    ['from no annotated image', 'from 1 annotated image', 'from 2 annotated images']
    """
    return f"from {count or 'no'} annotated image{'s' if count > 1 else ''}"


def said_of_models(tried: Tried) -> Iterator[str]:
    """Yield what follows the answer, a sentence each: what the model marks, and how far the answer carries."""
    yield from _marks(tried)
    if tried.fit is not Fit.FITS:
        yield f"{_upper(tried.reason)}."
    if len(tried.annotated) == 1 and tried.rest:
        yield (
            "One annotated image says little, so the interval is wide: annotate"
            f" {ENOUGH - 1} more, and most of the doubt is gone."
        )
    if not tried.rest:
        yield "All images are annotated: the expected Dice is that of new images of this kind."


def _marks(tried: Tried) -> Iterator[str]:
    name = "It" if tried.useful else tried.chosen.name
    if tried.chosen.marks != FOREGROUND:
        yield f"{name} marks {tried.chosen.marks}."
    else:
        yield f"What {'it' if tried.useful else name} marks is not stated."


def _upper(text: str) -> str:
    return text[:1].upper() + text[1:].removesuffix(".")


def _needs_more(tried: Tried) -> bool:
    """Whether more images can be annotated, and must be before much can be said."""
    return len(tried.annotated) < ENOUGH and tried.rest > 0


def instead_of_models(tried: Tried) -> tuple[str, ...]:
    """Return what to do where no model fits, in words; empty where one may."""
    if tried.useful:
        return ()
    few = _needs_more(tried)
    first = f"annotate {ENOUGH} images of {{}}, and ask again" if few else "train a model on the annotated images of {}"
    return (first.format(tried.target), "bring a source of this kind, with its masks or a model: --sources PATH")


def next_command(tried: Tried, target: Dataset, sources: Sequence[Dataset] = ()) -> str:
    """Return what to type next: apply the chosen model, or what helps where none fits; ``sources`` : those named."""
    few = _needs_more(tried)
    if tried.fit is Fit.FITS or (tried.useful and not few):
        return prelabel_command(target, tried.chosen.model)
    make = annotate_command if few else adapt_command
    return make(target, sources)


def other_commands(tried: Tried, target: Dataset, sources: Sequence[Dataset] = ()) -> tuple[tuple[str, str], ...]:
    """Return further commands, each with the words in front of it; ``sources`` : those that were named."""
    if tried.fit is Fit.UNCERTAIN and _needs_more(tried):
        return (("Or at once", prelabel_command(target, tried.chosen.model)),)
    found: list[tuple[str, str]] = []
    if len(tried.annotated) >= ENOUGH and tried.useful:
        found.append(("Or, for a better model", adapt_command(target, sources)))
    if tried.useful and tried.rest and (len(tried.annotated) < ENOUGH or tried.chosen.best < SURE):
        found.append(("Or first, to be surer", annotate_command(target, sources)))
    return tuple(found)


def prelabel_command(target: Dataset, model: str) -> str:
    """Return the command that applies a model, ``zoo:ID`` or a file, to a target."""
    out = shlex.quote(f"prelabels-{target.name}")
    return f"dsim prelabel {shlex.quote(target.reference)} --model {shlex.quote(model)} --out {out}"


def annotate_command(target: Dataset, sources: Sequence[Dataset] = ()) -> str:
    """Return the command that names the images to annotate, with a pre-label of each."""
    return f"dsim annotate-next {_asked(target, sources)} --out {shlex.quote(f'annotate-{target.name}')}"


def adapt_command(target: Dataset, sources: Sequence[Dataset] = ()) -> str:
    """Return the command that makes a model from the annotated images of a target."""
    return f"dsim adapt {_asked(target, sources)} --out {shlex.quote(f'model-{target.name}')}"


def _asked(target: Dataset, sources: Sequence[Dataset]) -> str:
    named = ["--sources", *(source.reference for source in sources)] if sources else []
    return " ".join(map(shlex.quote, (target.reference, *named)))
