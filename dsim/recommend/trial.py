"""Trying models on a target: which can be tried, on which annotations, and what came of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from dsim.recommend.tried import Tried

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.runtime import Runtime
    from dsim.selection import Selection


@dataclass(frozen=True)
class Trial:
    """What came of trying models: ``selection`` and ``tried`` are None where none could be; ``notes`` then say why.

    ``sources`` : the datasets that were named; none where the zoo's models were tried.
    """

    selection: Selection | None = None
    tried: Tried | None = None
    notes: tuple[str, ...] = ()
    sources: tuple[Dataset, ...] = ()


def try_models(target: Dataset, sources: Sequence[Dataset] | None, runtime: Runtime, *, seed: int = 0) -> Trial:
    """Try the models of sources on a target, score them on its annotated images, and return what is expected of each.

    ``target`` : with masks that were checked. ``sources`` : datasets whose models are tried; None for the zoo's models.
    Raises what ``dsim.selection.select`` raises.
    """
    from dsim.selection import find_candidates, select
    from dsim.zoo import with_models

    if target.backing is None:
        return Trial(notes=("no model could be tried: the target was given as features only",))
    tried = None if sources is None else with_models(sources)
    candidates, left_out = find_candidates(target, tried)
    if not candidates:
        which = "that the zoo has" if sources is None else "that was trained on one of these sources"
        return Trial(notes=(f"no model could be tried: no segmentation model {which} suits the target", *left_out))
    selection = select(target, tried, runtime, seed=seed)
    return Trial(selection, Tried.of(selection, target), sources=tuple(sources or ()))
