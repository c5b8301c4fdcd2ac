"""From a recipe to its classifier, with random weights or with the body of another one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from dsim.errors import UnknownNameError, UsageError
from dsim.registry import parse_bracketed

if TYPE_CHECKING:
    from torch import Tensor

    from dsim.models.classifier import Classifier
    from dsim.runtime import Runtime
    from dsim.transfer.classification.recipe import ClassificationRecipe

_OTHER = "give network=plain, or another network of timm, such as timm:resnet18"
State = Mapping[str, "Tensor"]


@dataclass(frozen=True)
class Published:
    """Weights that others trained, as a source: ``reference`` names them, ``sha256`` is of their file."""

    reference: str
    sha256: str


def build(recipe: ClassificationRecipe, classes: int, seed: int, body: State | None = None) -> Classifier:
    """The classifier of a recipe for so many classes, with random weights of this seed.

    ``body`` replaces those of the body; the head stays random, and is the same whatever the body. Raises
    UnknownNameError or UsageError where timm has no such network.
    """
    import torch

    from dsim.features.network import seeded

    with seeded(seed):
        network: Any = _made(recipe, classes)
    if body is not None:
        network.body.load_state_dict(body)
    made: Classifier = network.to(memory_format=torch.channels_last)
    return made


def _made(recipe: ClassificationRecipe, classes: int) -> Classifier:
    from dsim.models.classifier import Classifier, PlainBody, timm_body

    if recipe.network == "plain":
        widths = [recipe.width * 2**level for level in range(recipe.levels)]
        return Classifier(PlainBody(widths), widths[-1], classes, recipe.dropout)
    import timm

    name = recipe.network.removeprefix("timm:")
    if name not in timm.list_models():
        raise UnknownNameError("network of timm", name, timm.list_models(), hint="timm.list_models() lists them")
    try:
        body, facts = timm_body(name)
    except (RuntimeError, ValueError, TypeError) as error:
        raise UsageError(f"timm's {name!r} cannot be a classifier here: {error}", hint=_OTHER) from error
    return Classifier(body, classes=classes, dropout=recipe.dropout, **facts)


def find_published(reference: str, recipe: ClassificationRecipe, runtime: Runtime) -> Published:
    """The weights that a reference such as ``timm:resnet50.a1_in1k[weights=FILE]`` names.

    Raises UsageError where they are of another network than the recipe's, since then a difference would not tell of
    the data; WeightsError, with the ways to supply them, where they cannot be had.
    """
    blueprint = _prepared(reference, runtime)
    if blueprint.recipe.network != recipe.network:
        raise UsageError(
            f"{reference} holds weights of {blueprint.recipe.network}, and the recipe's network is {recipe.network}",
            hint=f"give --set network={blueprint.recipe.network}, so that all sources have the same network",
        )
    return Published(reference, blueprint.recipe.weights)


def published_body(published: Published, runtime: Runtime) -> State:
    """The weights themselves, without a head."""
    extractor: Any = _prepared(published.reference, runtime).open("cpu")
    state: State = extractor.module.state_dict()
    return state


def _prepared(reference: str, runtime: Runtime) -> Any:
    from dsim.features.timm_backend import prepare

    name, options = parse_bracketed(reference)
    if not name.startswith("timm:"):
        raise UsageError(f"{reference!r} names no network of timm", hint="give --imagenet timm:NAME.TAG")
    if "init" in options:
        raise UsageError(f"{reference!r} asks for random weights", hint="that is the baseline; leave --imagenet away")
    return prepare(name.removeprefix("timm:"), options, runtime)
