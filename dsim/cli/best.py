"""``dsim prelabel --best``: the zoo's segmentation model of the source that is recommended for a target."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset
    from dsim.recommend import Recommendation
    from dsim.runtime import Runtime


def best_model(target: Dataset, sources: Sequence[str], runtime: Runtime) -> str:
    """The reference ``zoo:ID`` of the model; which and why is told on stderr.

    DataError where no source could be compared, or no segmentation model was trained on the best one.
    """
    from dsim.cli.recommend import chosen, open_sources
    from dsim.recommend import recommend
    from dsim.ui import say

    pool = open_sources(sources, runtime)
    found = recommend(target, pool, runtime=runtime)
    if found.model is None:
        raise _no_model(found, target, pool)
    for line in (*chosen(found), *found.said, *(f"note: {text}" for text in found.notes)):
        say(line)
    return f"zoo:{found.model.id}"


def _no_model(found: Recommendation, target: Dataset, pool: Sequence[Dataset]) -> Exception:
    from dsim.errors import DataError
    from dsim.recommend.result import models_of, segmenting

    if found.best is None:
        return DataError(
            f"no source could be compared with {target.name!r}",
            hint="dsim recommend tells why; or choose a model yourself: --model zoo:ID",
        )
    others = {source.name: segmenting(models_of(source, target)) for source in pool}
    nearest = next((model for entry in found.choice.candidates if (model := others[entry.source])), None)
    ways = [
        *([f"train one: {found.command}"] if found.command else []),
        *([f"take the nearest source that has one: --model zoo:{nearest.id}"] if nearest else []),
        *([] if found.command or nearest else ["choose among the zoo's sources: leave out --sources"]),
    ]
    return DataError(
        f"{found.best} is the source to take, and no segmentation model of the zoo was trained on it",
        hint="; or ".join(ways),
    )
