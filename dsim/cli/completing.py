"""What the shell may complete: names of measures, truths, models and plugins. Nothing heavy is imported for it.

A function here is given to an option as ``shell_complete``; it returns the values that begin with what was typed. What
goes wrong while a word is completed is told by nobody: the command itself will tell it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps

import click
from click.shell_completion import CompletionItem

from dsim.errors import DsimError

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]


def _quiet(complete: Callable[[str], list[CompletionItem]]) -> Completer:
    @wraps(complete)
    def quiet(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        try:
            return complete(typed)
        except DsimError:
            return []

    return quiet


def _beginning(typed: str, names: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(typed)]


def _files(typed: str) -> list[CompletionItem]:
    """The shell's own completion of paths."""
    return [CompletionItem(typed, type="file")]


def _of_measures(typed: str) -> list[CompletionItem]:
    from dsim.registry import default

    name, colon, settings = typed.partition(":")
    known = default().measures
    if not colon:
        return [CompletionItem(name, help=spec.title) for name, spec in known.items() if name.startswith(typed)]
    if name not in known or "[" in settings:
        return []
    done = typed.removesuffix(settings.rpartition(",")[2])
    words = [f"preset={preset}" for preset in known[name].presets]
    words += [f"{parameter.name}=" for parameter in known[name].parameters]
    return _beginning(typed, [done + word for word in words])


@_quiet
def measures(typed: str) -> list[CompletionItem]:
    """``kld-tf``, and after it ``kld-tf:preset=paper``, ``kld-tf:bins=``."""
    return _of_measures(typed)


@_quiet
def several_measures(typed: str) -> list[CompletionItem]:
    """As ``measures``, and the words that stand for many."""
    # Those of dsim.cli.choosing, which imports what building measures takes.
    return [*_beginning(typed, ("all", "label-free")), *_of_measures(typed)]


@_quiet
def trainers(typed: str) -> list[CompletionItem]:
    """Names of trainers."""
    from dsim.registry import default

    return _beginning(typed, default().trainers)


@_quiet
def truths(typed: str) -> list[CompletionItem]:
    """Stored truths; files where none begins so."""
    from dsim.truth import truth_names

    return _beginning(typed, truth_names()) or _files(typed)


@_quiet
def distances(typed: str) -> list[CompletionItem]:
    """Published distances; files where none begins so."""
    from dsim.truth import distance_names

    return _beginning(typed, distance_names()) or _files(typed)


@_quiet
def zoo_ids(typed: str) -> list[CompletionItem]:
    """Ids of zoo models."""
    from dsim.zoo import models

    return _beginning(typed, [model.id for model in models()])


@_quiet
def segmentation_models(typed: str) -> list[CompletionItem]:
    """``zoo:ID`` of models that give masks; files where none begins so."""
    from dsim.zoo import models

    return _beginning(typed, [f"zoo:{model.id}" for model in models() if model.segments]) or _files(typed)


@_quiet
def extractors(typed: str) -> list[CompletionItem]:
    """Kinds of extractors, and ``zoo:ID`` of models that give features."""
    from dsim.registry import default
    from dsim.zoo import models

    if not typed.startswith("zoo:"):
        return _beginning(typed, [f"{kind}:" for kind in default().extractors])
    return _beginning(typed, [f"zoo:{model.id}" for model in models() if not model.segments])


@_quiet
def datasets(typed: str) -> list[CompletionItem]:
    """Files and folders; after ``phantoms:`` its names."""
    if not typed.startswith("phantoms:"):
        return _files(typed)
    from dsim.data.phantoms import names

    return _beginning(typed, [f"phantoms:{name}" for name in names()])


@_quiet
def plugins(typed: str) -> list[CompletionItem]:
    """Plugins, those that are broken among them."""
    from dsim.registry import default

    return _beginning(typed, [*default().plugins, *(failure.name for failure in default().failures)])
