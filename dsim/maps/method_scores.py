"""The scores of one method: its maps of all seeds, judged by labels, groups, features, and by each other."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import combinations
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dsim.stats.map_scores import (
    EVALUATED,
    FOLDS,
    NEIGHBOURS,
    REPEATS,
    NeighbourShares,
    Silhouettes,
    group_neighbours,
    knn_accuracy,
    repeated_knn,
    silhouettes,
)
from dsim.stats.power_law import Estimate
from dsim.stats.share_intervals import share_interval

if TYPE_CHECKING:
    from dsim.maps.method_maps import SeededMap
    from dsim.maps.methods import Method

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Judges:
    """The labels, groups and splits by which maps of a dataset are judged.

    Parameters
    ----------
    labels : n texts, empty where an image has none; None to judge without them.
    groups : n texts, whole in training or test; None where the dataset has none.
    k : neighbours of every score. folds, repeats, seed : of the splits.
    """

    labels: tuple[str, ...] | None
    groups: tuple[str, ...] | None
    k: int = NEIGHBOURS
    folds: int = FOLDS
    repeats: int = REPEATS
    seed: int = 0


@dataclass(frozen=True)
class MethodScores:
    """The scores of a method's maps.

    Parameters
    ----------
    method : that made the maps, of all ``seeds``. ``points`` : places of each seed, float64 (n, 2).
    knn : the paper's accuracy, of one stratified split 9:1 that ignores groups; mean over seeds.
    accuracy, balanced : of nearest neighbours in repeated splits that keep groups whole, with intervals over groups
        (images, where there are none) and seeds. ``by_image`` : the same accuracy in splits that ignore groups: what it
        is above ``accuracy`` comes of neighbours of the same group.
    recalls : by class, of ``balanced``. ``split_spread`` : standard deviation of the accuracy over repeated splits.
    silhouette : mean over images, with an interval over groups and seeds, for the map as it is. ``by_class`` : means.
    trustworthiness : of the plane for the method's own features; NaN where these are not known.
    neighbours : whose neighbours share a group or a class, beside chance.
    disparity, overlap : of two seeds' maps, mean over pairs: Procrustes, 0 for equal shapes, and the share of
        neighbours that both have; NaN for one seed.
    seconds : of training and layout, mean over seeds. ``facts`` : where the maps come from, of each seed.
    notes : why numbers are missing. ``tested``, ``silhouettes`` : of each seed and image, for comparisons.
    """

    method: Method
    seeds: tuple[int, ...]
    points: tuple[Floats, ...]
    knn: float
    accuracy: Estimate
    balanced: Estimate
    by_image: Estimate
    recalls: Mapping[str, float]
    split_spread: float
    silhouette: Estimate
    by_class: Mapping[str, float]
    trustworthiness: float
    neighbours: NeighbourShares
    disparity: float
    overlap: float
    seconds: float
    facts: tuple[Mapping[str, Any], ...]
    notes: tuple[str, ...] = ()
    tested: Floats = field(default_factory=lambda: np.empty((0, 0)), repr=False, compare=False)
    silhouettes: Floats = field(default_factory=lambda: np.empty((0, 0)), repr=False, compare=False)

    def to_dict(self) -> dict[str, Any]:
        """Return it as plain values for JSON, without points and single images; what is not known is null."""
        from dsim.files.documents import or_null, plain

        numbers = ("knn", "split_spread", "trustworthiness", "disparity", "overlap", "seconds")
        estimates = ("accuracy", "balanced", "by_image", "silhouette")
        return {
            "method": self.method.text,
            "trains": self.method.trains,
            "seeds": list(self.seeds),
            **{name: or_null(getattr(self, name)) for name in numbers},
            **{name: getattr(self, name).to_dict() for name in estimates},
            "recalls": {name: or_null(value) for name, value in self.recalls.items()},
            "silhouette_by_class": {name: or_null(value) for name, value in self.by_class.items()},
            "neighbours": {name: or_null(value) for name, value in self.neighbours._asdict().items()},
            "facts": [plain(facts) for facts in self.facts],
            "notes": list(self.notes),
        }


def score_maps(method: Method, maps: Sequence[SeededMap], judges: Judges) -> MethodScores:
    """Return the scores of a method's maps of several seeds, which share images, labels, groups and splits."""
    from dsim.stats.map_scores import read_classes

    labels = judges.labels if judges.labels is not None else ("",) * len(maps[0].points)
    codes = read_classes(labels).codes
    planes = [each.points for each in maps]
    settings: dict[str, Any] = {"k": judges.k, "folds": judges.folds, "repeats": judges.repeats, "seed": judges.seed}
    grouped = [repeated_knn(plane, labels, judges.groups, **settings) for plane in planes]
    single = grouped if judges.groups is None else [repeated_knn(plane, labels, **settings) for plane in planes]
    shapes = [silhouettes(plane, labels, seed=judges.seed) for plane in planes]
    tested, values = (
        np.stack([getattr(each, name) for each in side]) for side, name in ((grouped, "shares"), (shapes, "values"))
    )
    disparity, overlap = agreement(planes, judges.k)
    near = np.mean([group_neighbours(plane, judges.groups, labels, k=judges.k) for plane in planes], axis=0)
    return MethodScores(
        method=method,
        seeds=tuple(each.seed for each in maps),
        points=tuple(planes),
        knn=float(np.mean([knn_accuracy(plane, labels, judges.k, seed=judges.seed) for plane in planes])),
        accuracy=_explained(share_interval(tested, codes, judges.groups), grouped[0].note),
        balanced=_explained(share_interval(tested, codes, judges.groups, balanced=True), grouped[0].note),
        by_image=_explained(share_interval(np.stack([e.shares for e in single]), codes, judges.groups), single[0].note),
        recalls=_mean_by_class([each.by_class for each in grouped]),
        split_spread=_spread([each.accuracies for each in grouped]),
        silhouette=_explained(share_interval(values, codes, judges.groups), shapes[0].note),
        by_class=_mean_by_class([each.by_class for each in shapes]),
        trustworthiness=float(np.mean([_trust(each, judges.k) for each in maps])),
        neighbours=NeighbourShares(*near.tolist()),
        disparity=disparity,
        overlap=overlap,
        seconds=float(np.mean([each.seconds for each in maps])),
        facts=tuple(each.facts for each in maps),
        notes=_notes(grouped[0].note, grouped[0].untrained, shapes[0]),
        tested=tested,
        silhouettes=values,
    )


def agreement(planes: Sequence[Floats], k: int = NEIGHBOURS) -> tuple[float, float]:
    """Return how far maps of the same images agree: mean Procrustes disparity and mean neighbour overlap of pairs.

    Parameters
    ----------
    planes : of each seed, (n, 2). k : neighbours; fewer where there are not so many other images.

    Returns
    -------
    Both in [0, 1]; NaN for one map. 0 and 1 where all maps are one, up to place, size, rotation and reflection.

    References
    ----------
    Gower 1975, doi:10.1007/BF02291478; Lee and Verleysen 2009, doi:10.1016/j.neucom.2008.12.017.

    >>> plane = np.array([[0.0, 0.0], [1.0, 0.0], [0.0, 2.0]])
    >>> [round(value, 6) for value in agreement([plane, 3 * plane[:, ::-1]], k=1)]
    [0.0, 1.0]
    """
    from dsim.embeddings import neighbour_overlap, procrustes_disparity

    pairs = list(combinations(planes, 2))
    if not pairs:
        return math.nan, math.nan
    near = min(k, len(planes[0]) - 1)
    disparities = [procrustes_disparity(a, b) for a, b in pairs]
    return float(np.mean(disparities)), float(np.mean([neighbour_overlap(a, b, near).mean() for a, b in pairs]))


def _explained(estimate: Estimate, note: str) -> Estimate:
    """The estimate with the reason why there is none, where it is known better."""
    return estimate._replace(note=note) if note and math.isnan(estimate.value) else estimate


def _mean_by_class(of_seeds: Sequence[Mapping[str, float]]) -> dict[str, float]:
    return {name: float(np.mean([each[name] for each in of_seeds])) for name in of_seeds[0]}


def _spread(accuracies: Sequence[Floats]) -> float:
    """Standard deviation over repeated splits, mean over seeds; NaN for fewer than two."""
    return float(np.mean([each.std(ddof=1) if len(each) > 1 else math.nan for each in accuracies]))


def _trust(seeded: SeededMap, k: int) -> float:
    from dsim.embeddings import trustworthiness

    if seeded.features is None:
        return math.nan
    most = (len(seeded.points) - 1) // 2
    return trustworthiness(seeded.features, seeded.points, min(k, most)) if most else math.nan


def _notes(reason: str, untrained: Sequence[str], shapes: Silhouettes) -> tuple[str, ...]:
    notes = [f"no accuracy of neighbours: {reason}"] if reason else []
    if untrained:
        notes.append(
            f"{len(untrained)} classes lie in one group (or are one image): no neighbour of another group can "
            f"recognise them: {', '.join(untrained)}"
        )
    if shapes.singletons:
        notes.append(
            f"{len(shapes.singletons)} classes of one image have no silhouette: {', '.join(shapes.singletons)}"
        )
    if shapes.note:
        notes.append(f"no silhouette: {shapes.note}")
    elif shapes.evaluated == EVALUATED:
        notes.append(f"silhouettes are of {shapes.evaluated} images, drawn at random, each with all others")
    return tuple(notes)
