"""Completion of an option's value by the shell: names of measures and plugins, datasets. Nothing heavy is imported.

Give such a function to an option or argument as ``shell_complete``; ``completer`` makes one of a function that takes
the typed text and returns the values that begin with it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from functools import wraps

import click
from click.shell_completion import CompletionItem

from dsim.errors import DsimError

Completer = Callable[[click.Context, click.Parameter, str], list[CompletionItem]]

#: Names that follow a prefix of a dataset, such as ``phantoms:``; who knows the names adds them here.
DATASET_NAMES: dict[str, Callable[[], Iterable[str]]] = {}


def completer(complete: Callable[[str], list[CompletionItem]]) -> Completer:
    """Return a function for ``shell_complete``; a DsimError gives no names: the command reports it."""

    @wraps(complete)
    def complete_quietly(context: click.Context, parameter: click.Parameter, typed: str) -> list[CompletionItem]:
        try:
            return complete(typed)
        except DsimError:
            return []

    return complete_quietly


def names_beginning(typed: str, names: Iterable[str]) -> list[CompletionItem]:
    """Return the names that begin with the typed text."""
    return [CompletionItem(name) for name in names if name.startswith(typed)]


def files(typed: str) -> list[CompletionItem]:
    """Return the request that the shell completes a path itself."""
    return [CompletionItem(typed, type="file")]


@completer
def datasets(typed: str) -> list[CompletionItem]:
    """Complete files and folders, and names behind a prefix of ``DATASET_NAMES``."""
    for prefix, names in DATASET_NAMES.items():
        if typed.startswith(prefix):
            return names_beginning(typed, [prefix + name for name in names()])
    return files(typed)


@completer
def measures(typed: str) -> list[CompletionItem]:
    """Complete ``kld-tf``, and after it ``kld-tf:preset=paper`` and ``kld-tf:bins=``."""
    return _measures_beginning(typed)


@completer
def several_measures(typed: str) -> list[CompletionItem]:
    """Complete measures, and the words that stand for several of them."""
    return [*names_beginning(typed, ("all", "label-free")), *_measures_beginning(typed)]


@completer
def trainers(typed: str) -> list[CompletionItem]:
    """Complete names of trainers."""
    from dsim.registry import default

    return names_beginning(typed, default().trainers)


@completer
def plugins(typed: str) -> list[CompletionItem]:
    """Complete names of plugins, broken ones included."""
    from dsim.registry import default

    return names_beginning(typed, [*default().plugins, *(failure.name for failure in default().failures)])


def _measures_beginning(typed: str) -> list[CompletionItem]:
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
    return names_beginning(typed, [done + word for word in words])
