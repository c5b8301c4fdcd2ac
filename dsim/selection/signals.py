"""What can be said of the candidates on a target without any mask: one number for each, of several kinds.

Alone each is a trap: an empty mask is perfectly consistent, and a source may look alike and mark another thing. The
prior learns from measured targets what each is worth.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING

from dsim.errors import DsimError

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from dsim.data import Dataset
    from dsim.runtime import Runtime
    from dsim.selection.candidates import CandidateModel

    Array = NDArray[np.float64]

#: Raised when the same target and candidates would have other signals.
VERSION = 2
CONSENSUS, EDGES = "consensus", "edge-agreement"
IMAGENET, SHIPPED, PIXELS = "energy:extractor=zoo:lite0.imagenet.r1", "kld-tf", "energy:extractor=pixels:[side=8]"
#: Measures of similarity of images, of features of three origins; small is near. A candidate has the value of its
#: nearest source. The usual distance of two real sets of different kinds, about the median of the record.
DISTANCES = {IMAGENET: 14.0, SHIPPED: 1.5, PIXELS: 3.0}
#: What each measure counts where the usefulness of candidates is compared, and where kin are told from strangers:
#: colours and brightness say how a model will fare, and not whether two sets are of one kind.
USEFUL, KINSHIP = {IMAGENET: 1.0, SHIPPED: 1.0, PIXELS: 0.5}, {IMAGENET: 1.0, SHIPPED: 1.0}
#: Distances below this share of the usual one are no better for it: estimates about 0 may be negative.
_NEAREST = 0.01
#: Of behaviour the usual values, about the medians of the record: what is taken where one is not known.
BEHAVIOUR = {CONSENSUS: 0.23, EDGES: 0.59}
#: All signals, in the order in which they are shown.
SIGNALS = (*DISTANCES, CONSENSUS, EDGES)


def behaviour_of_image(image: NDArray[np.float64], masks: NDArray[np.bool_], dice: Array) -> Mapping[str, Array]:
    """Return what c candidates do on one image, float64 (c,) in [0, 1] by signal; higher is better.

    Parameters
    ----------
    image : gray (h, w). masks : of the candidates, (c, h, w). dice : of every two of them, (c, c).
    """
    from dsim.stats.mask_agreement import consensus_of, edge_contrast, gradient_of, is_degenerate

    return {
        CONSENSUS: consensus_of(dice, is_degenerate(masks)),
        EDGES: edge_contrast(gradient_of(image), masks),
    }


def distance_signals(
    target: Dataset,
    candidates: Sequence[CandidateModel],
    sources: Sequence[Dataset],
    runtime: Runtime,
    seed: int = 0,
    calls: Iterable[str] | None = None,
) -> tuple[dict[str, Array], list[str]]:
    """Return how far the nearest source of each candidate lies, (c,) by measure, and why a value is missing.

    ``calls`` : the measures, by default those of ``DISTANCES``. Small is near; NaN where no source of a candidate is
    among the ``sources``.
    """
    import numpy as np

    found, notes = {}, []
    for call in DISTANCES if calls is None else calls:
        found[call] = np.full(len(candidates), np.nan)
        known = {name for candidate in candidates for name in candidate.sources}
        compared = [source for source in sources if source.name in known and not _same_images(source, target)]
        if not compared:
            continue
        try:
            values = _distances(target, compared, call, runtime, seed)
        except DsimError as error:
            notes.append(f"similarity by {call} is not known: {error.message}")
            continue
        for index, candidate in enumerate(candidates):
            near = [values[name] for name in candidate.sources if name in values]
            found[call][index] = np.nanmin(near) if np.isfinite(near).any() else np.nan
    return found, notes


def _distances(
    target: Dataset, sources: Sequence[Dataset], call: str, runtime: Runtime, seed: int
) -> Mapping[str, float]:
    from dsim.comparison import compare

    # Names are the user's: a source of the same name as the target may have other images.
    if target.name in {source.name for source in sources}:
        target = target.renamed(f"{target.name} (target)")
    matrix = compare(sources, [target], measure=call, bootstrap=0, floor=False, seed=seed, runtime=runtime)
    return matrix.distances(target.name)


def _same_images(source: Dataset, target: Dataset) -> bool:
    return source.backing is not None and source.images_fingerprint == target.images_fingerprint


def nearness(signals: Mapping[str, Array], weights: Mapping[str, float]) -> Array:
    """Return how much nearer than usual the sources of each candidate are, (c,): 0 is as usual, higher is nearer.

    It is the sum over measures of a weight times the logarithm of the usual distance over its own. A distance that is
    not known of a candidate is taken to be that of the others; NaN where none is known of any.

    >>> import numpy as np
    >>> nearness({"kld-tf": np.array([1.5, 1.5 / np.e, np.nan])}, {"kld-tf": 1.0}).round(3).tolist()
    [0.0, 1.0, 0.5]
    """
    import numpy as np

    logs = []
    for name, weight in weights.items():
        values = signals.get(name)
        if values is not None and np.isfinite(values).any():
            near = weight * np.log(DISTANCES[name] / np.maximum(values, _NEAREST * DISTANCES[name]))
            logs.append(np.where(np.isfinite(near), near, np.nanmean(near)))
    count = len(next(iter(signals.values())))
    return np.sum(logs, axis=0) if logs else np.full(count, np.nan)
