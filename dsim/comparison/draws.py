"""Bootstrap: what is drawn, and what the replicates say of values, ranks and winners."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from dsim.data.dataset import Dataset
from dsim.measures import Verdict
from dsim.random import stream
from dsim.registry import Direction

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.comparison.plan import Plan
    from dsim.measures import Draws

    #: Positions of the images of each unit; one array (n, 1) where every image is a unit.
    Units = Sequence[NDArray[np.intp]] | NDArray[np.intp]
    #: Positions of the images of either part.
    Split = tuple[NDArray[np.intp], NDArray[np.intp]]


def groups_of(dataset: Dataset) -> list[NDArray[np.intp]] | None:
    """The positions of each group's images, groups in alphabetical order; None where there are no two groups."""
    import numpy as np

    if dataset.groups is None or len(set(dataset.groups)) < 2:
        return None
    groups = np.array(dataset.groups)
    return [np.flatnonzero(groups == group) for group in sorted(set(dataset.groups))]


def units_of(dataset: Dataset) -> Units:
    """The groups (patients, videos, slides) where they are known, since their images are no independent evidence.

    Single images otherwise.
    """
    import numpy as np

    found = groups_of(dataset)
    return np.arange(len(dataset), dtype=np.intp)[:, None] if found is None else found


def joined(first: Units, second: Units, images: int) -> Units:
    """The units of two datasets that are merged, the first of which has so many images."""
    import numpy as np

    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return np.concatenate([first, second + images])
    return [*first, *(unit + images for unit in second)]


def random_split(units: Units, share: int, rng: np.random.Generator) -> Split:
    """Divide whole units at random: the first part has as near to ``share`` images as they allow, and neither is empty.

    >>> import numpy as np
    >>> units = [np.array([0, 1]), np.array([2, 3]), np.array([4, 5])]
    >>> sorted(len(part) for part in random_split(units, 2, np.random.default_rng(0)))
    [2, 4]
    """
    import numpy as np

    order = rng.permutation(len(units))
    if isinstance(units, np.ndarray):
        cut = min(max(1, share), len(units) - 1)
        return units[order[:cut], 0], units[order[cut:], 0]
    shuffled = [units[index] for index in order]
    taken = np.cumsum([len(unit) for unit in shuffled[:-1]])
    cut = int(np.abs(taken - share).argmin()) + 1
    return np.concatenate(shuffled[:cut]), np.concatenate(shuffled[cut:])


CONFIDENCE = 0.95


def draws(dataset: Dataset, fingerprint: str, count: int, seed: int) -> list[NDArray[np.intp]]:
    """``count`` resamples of a dataset, each an array of image indices.

    Whole groups (patients, videos, slides) are drawn where they are known, since images of one group are no independent
    evidence; single images otherwise. A dataset has the same draws in every pair, so differences are paired.
    """
    import numpy as np

    rng = stream(seed, fingerprint, "bootstrap")
    members = groups_of(dataset)
    if members is None:
        return list(rng.integers(len(dataset), size=(count, len(dataset)), dtype=np.intp))
    chosen = rng.integers(len(members), size=(count, len(members)))
    return [np.concatenate([members[group] for group in row]) for row in chosen]


class DrawsOfPairs:
    """The resamples of every dataset of a plan, drawn once."""

    def __init__(self, plan: Plan) -> None:
        self._plan = plan
        self._known: dict[str, Draws] = {}

    def of(self, source: str, target: str) -> tuple[Draws, Draws] | None:
        """Draws for a pair; None where there are no intervals: not asked for, or the pair is one dataset."""
        plan = self._plan
        if not plan.bootstrap or plan.is_same(plan.datasets[source], plan.datasets[target]):
            return None
        return self._get(source), self._get(target)

    def _get(self, name: str) -> Draws:
        if name not in self._known:
            plan = self._plan
            self._known[name] = draws(plan.datasets[name], plan.fingerprints[name], plan.bootstrap, plan.seed)
        return self._known[name]


def interval(replicates: NDArray[np.float64]) -> tuple[float, float]:
    """Percentile interval of the replicates at CONFIDENCE; NaN where a replicate is undefined."""
    import numpy as np

    tail = 50 * (1 - CONFIDENCE)
    low, high = np.percentile(replicates, [tail, 100 - tail])
    return float(low), float(high)


def first_shares(replicates: Mapping[str, NDArray[np.float64]], direction: Direction) -> dict[str, float]:
    """Share of resamples in which each source ranks first; ties are shared."""
    import numpy as np

    if not replicates:
        return {}
    stacked = direction.sign * np.stack(list(replicates.values()))
    if np.isnan(stacked).any():
        return dict.fromkeys(replicates, math.nan)
    first = stacked == stacked.min(axis=0)
    shares = (first / first.sum(axis=0)).mean(axis=1)
    return {name: float(share) for name, share in zip(replicates, shares, strict=True)}


def tied(distances: NDArray[np.float64]) -> int:
    """How many of the distances, of which none is NaN, equal the least but for rounding."""
    import numpy as np

    return int(np.isclose(distances, distances.min(), rtol=1e-9, atol=0).sum()) if len(distances) else 0


def verdict(
    target: str,
    order: Sequence[str],
    replicates: Mapping[str, NDArray[np.float64]] | None,
    direction: Direction,
    alike: int = 1,
    resamples: bool = True,
) -> Verdict:
    """Can the best source be told from the second?

    ``order`` lists sources with a value, best first; the first ``alike`` of them have one value. ``resamples`` says
    whether the measure could have had replicates.
    """
    nan = math.nan
    if not order:
        return Verdict(target, None, None, None, nan, nan, "no source could be compared")
    best, second = order[0], order[1] if len(order) > 1 else None
    if second is None:
        return Verdict(target, best, None, None, nan, nan, f"{best} is the only source")
    if alike > 1:
        named = ", ".join(order[: min(alike, 3)]) + (f" and {alike - 3} more" if alike > 3 else "")
        return Verdict(target, best, second, False, 0.0, 0.0, f"no clear winner: {named} are equally near")
    if replicates is None:
        why = "no intervals (--bootstrap N)" if resamples else "this measure has no intervals"
        reason = f"{best} is nearest; not assessed: {why}"
        return Verdict(target, best, second, None, nan, nan, reason)
    low, high = interval(direction.sign * (replicates[second] - replicates[best]))
    if math.isnan(low):
        return Verdict(
            target, best, second, None, nan, nan, f"{best} is nearest; not assessed: a replicate is undefined"
        )
    if low > 0:
        return Verdict(target, best, second, True, low, high, f"{best} is nearest")
    return Verdict(target, best, second, False, low, high, f"no clear winner: {best} and {second} cannot be told apart")
