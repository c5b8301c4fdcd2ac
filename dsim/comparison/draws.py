"""Bootstrap: what is drawn, and what the replicates say of values, ranks and winners."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from dsim.data import Dataset
from dsim.random import stream

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.comparison.plan import Plan
    from dsim.measures import Draws

    #: Positions of the images of each unit; one array (n, 1) where every image is a unit.
    Units = Sequence[NDArray[np.intp]] | NDArray[np.intp]
    #: Positions of the images of either part.
    Split = tuple[NDArray[np.intp], NDArray[np.intp]]


def _groups_of(dataset: Dataset) -> list[NDArray[np.intp]] | None:
    """Return the positions (b,) of each group's images, groups in alphabetical order; None with fewer than two."""
    import numpy as np

    if dataset.groups is None or len(set(dataset.groups)) < 2:
        return None
    groups = np.array(dataset.groups)
    return [np.flatnonzero(groups == group) for group in sorted(set(dataset.groups))]


def units_of(dataset: Dataset) -> Units:
    """Return the groups (patients, videos, slides) where they are known: their images are not independent evidence.

    Single images otherwise.
    """
    import numpy as np

    found = _groups_of(dataset)
    return np.arange(len(dataset), dtype=np.intp)[:, None] if found is None else found


def joined(first: Units, second: Units, images: int) -> Units:
    """Return the units, indices (b,) each, of two merged datasets; the first dataset has so many ``images``."""
    import numpy as np

    if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
        return np.concatenate([first, second + images])
    return [*first, *(unit + images for unit in second)]


def random_split(units: Units, share: int, rng: np.random.Generator) -> Split:
    """Divide whole units at random: the first part has as near to ``share`` images as they allow, and neither is empty.

    Units are index arrays (b,), or one array (n, 1) of single images; the parts are index arrays (n,), (m,).

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


def draws(dataset: Dataset, fingerprint: str, count: int, seed: int) -> list[NDArray[np.intp]]:
    """Return ``count`` resamples of a dataset of n images, each an intp array of image indices, (n,) without groups.

    Whole groups (patients, videos, slides) are drawn where they are known, since images of one group are not
    independent evidence; single images otherwise. A dataset has the same draws in every pair: differences are paired.
    """
    import numpy as np

    rng = stream(seed, fingerprint, "bootstrap")
    members = _groups_of(dataset)
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
        """Return the draws of a source and a target; None without a bootstrap, or where the pair is one dataset.

        They are index arrays (n,).
        """
        plan = self._plan
        if not plan.bootstrap or plan.is_same(plan.datasets[source], plan.datasets[target]):
            return None
        return self._get(source), self._get(target)

    def _get(self, name: str) -> Draws:
        if name not in self._known:
            plan = self._plan
            self._known[name] = draws(plan.datasets[name], plan.fingerprints[name], plan.bootstrap, plan.seed)
        return self._known[name]
