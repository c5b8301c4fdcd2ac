"""Completion of what is stored: truths, models, phantoms."""

from __future__ import annotations

from collections.abc import Iterable

from click.shell_completion import CompletionItem

from dsim.ui.completion import DATASET_NAMES, completer, files, names_beginning


@completer
def truths(typed: str) -> list[CompletionItem]:
    """Complete stored truths, else files."""
    from dsim.truth import truth_names

    return names_beginning(typed, truth_names()) or files(typed)


@completer
def distances(typed: str) -> list[CompletionItem]:
    """Complete published distances, else files."""
    from dsim.truth import distance_names

    return names_beginning(typed, distance_names()) or files(typed)


@completer
def zoo_ids(typed: str) -> list[CompletionItem]:
    """Complete ids of zoo models."""
    from dsim.zoo import models

    return names_beginning(typed, [model.id for model in models()])


@completer
def segmentation_models(typed: str) -> list[CompletionItem]:
    """Complete ``zoo:ID`` of models that predict masks, else files."""
    from dsim.zoo import models

    return names_beginning(typed, [f"zoo:{model.id}" for model in models() if model.segments]) or files(typed)


@completer
def extractors(typed: str) -> list[CompletionItem]:
    """Complete kinds of extractors, and ``zoo:ID`` of models that give features."""
    from dsim.registry import default
    from dsim.zoo import models

    if not typed.startswith("zoo:"):
        return names_beginning(typed, [f"{kind}:" for kind in default().extractors])
    return names_beginning(typed, [f"zoo:{model.id}" for model in models() if not model.segments])


def _phantoms() -> Iterable[str]:
    from dsim.data.phantoms import names

    return names()


# Options of dsim.ui that take datasets complete these names too.
DATASET_NAMES["phantoms:"] = _phantoms
