"""Presentation of results in Python, in one line and as a picture, for matrices, truths and evaluations."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from dsim.errors import UsageError
from dsim.registry import load

if TYPE_CHECKING:
    from matplotlib.figure import Figure


def describe_result(
    kind: str, name: str, sources: Sequence[str], targets: Sequence[str], said: Iterable[str] = ()
) -> str:
    """Return the ``repr`` of a result in one line: what it is, how large, and what it says.

    >>> describe_result("SimilarityMatrix", "cc@1", ["a", "b"], ["t"], ["a is nearest"])
    '<SimilarityMatrix cc@1: 2 sources, 1 target; a is nearest>'
    """
    size = f"{len(sources)} source{'s' * (len(sources) != 1)}, {len(targets)} target{'s' * (len(targets) != 1)}"
    return f"<{kind} {'; '.join([f'{name}: {size}', *said])}>"


def draw_result(drawer: str, path: str | Path | None, *shown: Any, **settings: Any) -> Figure:
    """Return the figure that a function of ``dsim.plots`` draws; with a path it is also written.

    The function is named, as plugins name their code: pictures know of results, and not the other way round. Raises
    UsageError for a path that does not end in .png or .svg.
    """
    figure: Figure = load(f"dsim.plots:{drawer}")(*shown, path=None if path is None else Path(path), **settings)
    return figure


def only_target(targets: Sequence[str]) -> str:
    """Return the one target that there is; raises UsageError where one of several must be named."""
    if len(targets) != 1:
        raise UsageError(f"there are {len(targets)} targets", hint=f"name the one that you mean: {', '.join(targets)}")
    return targets[0]
