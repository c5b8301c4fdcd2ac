"""Scores of a map by labels: accuracy of nearest neighbours, silhouettes, and whose neighbours share a group.

Groups are what belongs together, such as the cells of one smear: a point may be recognised by its neighbours because
they are of its class, or because they are of its smear. Only splits that keep groups whole tell one from the other.
"""

from __future__ import annotations

import math
import warnings
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsim.stats.group_folds import draw_folds

Points = NDArray[np.floating[Any]]
Floats = NDArray[np.float64]
Codes = NDArray[np.intp]
#: One per point: texts or numbers. Empty texts, None and NaN are not known.
Labels = Sequence[Any] | NDArray[Any]

#: As in the paper.
NEIGHBOURS, TEST_SHARE = 15, 0.1
FOLDS, REPEATS = 10, 10
#: Silhouettes of so many points at most are computed, each with all others.
EVALUATED = 20_000
#: Distances held at once: 32 MB in float64.
_HELD = 4_000_000


class Classes(NamedTuple):
    """Classes of points: ``names``, sorted, and ``codes`` intp (n,), positions in them; -1 where it is not known."""

    names: tuple[str, ...]
    codes: Codes


def read_classes(labels: Labels) -> Classes:
    """Return the classes of labels; a label that is an empty text, None or NaN is not known.

    >>> read_classes(["b", "a", "", None, float("nan"), "b"])
    Classes(names=('a', 'b'), codes=array([ 1,  0, -1, -1, -1,  1]))
    """
    texts = np.array([_text_of(label) for label in labels], dtype=object)
    known = texts != ""
    names, codes = np.unique(texts[known].astype(str), return_inverse=True)
    found = np.full(len(texts), -1, dtype=np.intp)
    found[known] = codes
    return Classes(tuple(names.tolist()), found)


def _text_of(label: Any) -> str:
    missing = label is None or (isinstance(label, float | np.floating) and math.isnan(label))
    text = "" if missing else str(label).strip()
    return "" if text.lower() == "nan" else text


def knn_accuracy(
    points: Points, labels: Labels, k: int = NEIGHBOURS, test_share: float = TEST_SHARE, seed: int = 0
) -> float:
    """Return the accuracy of nearest neighbours on a random part of the points, in [0, 1]: the paper's score.

    scikit-learn's stratified ``train_test_split`` and ``KNeighborsClassifier``. A single split of few points says
    little: of 60 test points the standard error is some 5 points of a hundred. ``repeated_knn`` has intervals.

    Parameters
    ----------
    points : (n, d), finite. labels : n; points without one, and the only points of a class, are left out.

    Returns
    -------
    NaN where fewer than two classes are left, or where either part would hold fewer points than there are classes.

    References
    ----------
    Nwabufo, Böhm, Berens and Kobak 2024, arXiv:2402.14566.

    >>> points = np.repeat(np.arange(4.0)[:, None], 20, axis=0)
    >>> knn_accuracy(points, np.repeat(["a", "b", "a", "b"], 20))
    1.0
    """
    from sklearn.model_selection import train_test_split

    names, codes = read_classes(labels)
    _check(points, codes)
    # One more, of 0, that the code -1 refers to.
    sizes = np.bincount(codes[codes >= 0], minlength=len(names) + 1)
    used = np.flatnonzero((codes >= 0) & (sizes[codes] > 1))
    present = len(np.unique(codes[used]))
    tested = math.ceil(test_share * len(used))
    if present < 2 or min(tested, len(used) - tested) < present:
        return math.nan
    train, test = train_test_split(used, test_size=test_share, stratify=codes[used], random_state=seed)
    return float((_predict(points, codes, train, test, k) == codes[test]).mean())


def _predict(points: Points, codes: Codes, train: Codes, test: Codes, k: int) -> Codes:
    from sklearn.neighbors import KNeighborsClassifier

    judge = KNeighborsClassifier(min(k, len(train))).fit(points[train], codes[train])
    return np.asarray(judge.predict(points[test]), dtype=np.intp)


def _check(points: Points, codes: Codes) -> None:
    if np.ndim(points) != 2 or len(points) != len(codes):
        raise ValueError(f"points {np.shape(points)} must be (n, d), with one label each; there are {len(codes)}")
    if not np.isfinite(points).all():
        raise ValueError("points must be finite: a row holds NaN or infinity")


@dataclass(frozen=True)
class KnnShares:
    """How often the neighbours recognise each point, in repeated splits in which each point is tested once.

    Parameters
    ----------
    shares : of the splits in which each point is recognised, float64 (n,), in [0, 1]; NaN where it was not tested.
    accuracies : of each split, float64 (repeats,). They are of the same points: their spread says how much the
        choice of folds matters, and nothing about other images.
    k, folds : neighbours, and parts of a split. classes : names. codes : class of each point, -1 where not known.
    groups : of each point, n texts, none of which is both in training and test; None where points are split singly.
    untrained : classes that lie in one group (or are one point), which no neighbour from another can recognise.
    note : why nothing was tested, where nothing was.
    """

    shares: Floats
    accuracies: Floats
    k: int
    folds: int
    classes: tuple[str, ...]
    codes: Codes
    groups: tuple[str, ...] | None
    untrained: tuple[str, ...] = ()
    note: str = ""

    @property
    def accuracy(self) -> float:
        """The mean accuracy over splits, in [0, 1]; NaN where nothing was tested."""
        return float(self.accuracies.mean()) if len(self.accuracies) else math.nan

    @property
    def by_class(self) -> dict[str, float]:
        """The share of each class's points that are recognised; their mean is the balanced accuracy."""
        return {
            name: float(self.shares[self.codes == code].mean()) if len(self.accuracies) else math.nan
            for code, name in enumerate(self.classes)
        }

    @property
    def balanced(self) -> float:
        """The balanced accuracy, in [0, 1]; NaN where nothing was tested."""
        return float(np.mean(list(self.by_class.values()))) if len(self.accuracies) else math.nan


def repeated_knn(
    points: Points,
    labels: Labels,
    groups: Sequence[str] | None = None,
    *,
    k: int = NEIGHBOURS,
    folds: int = FOLDS,
    repeats: int = REPEATS,
    seed: int = 0,
) -> KnnShares:
    """Return how often the nearest neighbours recognise each point, in repeated stratified splits into folds.

    Each fold is tested with all others as training, as 9:1 for 10 folds, so that in each repeat every point is tested
    once. The splits depend on labels, groups and seed alone: maps of the same points are judged on the same splits.

    Parameters
    ----------
    points : (n, d), finite. labels : n; points without one are neither tested nor neighbours.
    groups : n texts: no group is both in training and test; None to split single points.
    k : neighbours, scikit-learn's ``KNeighborsClassifier``; fewer where the training part is smaller.

    Returns
    -------
    KnnShares
        Without any test, and with a note, for fewer than two classes or two groups.

    Raises ValueError where lengths differ, or a number is not finite.

    References
    ----------
    Kohavi 1995, IJCAI 14:1137 (stratified folds).

    >>> points, labels = np.repeat(np.arange(4.0)[:, None], 20, axis=0), np.repeat(["a", "b"], 40)
    >>> repeated_knn(points, labels, repeats=2).accuracy
    1.0
    >>> repeated_knn(points, labels, [*"uvwx" * 20], repeats=2).folds
    4
    """
    names, codes = read_classes(labels)
    _check(points, codes)
    if groups is not None and len(groups) != len(codes):
        raise ValueError(f"{len(codes)} points have {len(groups)} groups")
    used = np.flatnonzero(codes >= 0)
    units = _units(used, groups)
    kept = None if groups is None else tuple(map(str, groups))
    parts, note = _parts(codes[used], units, folds)
    if note:
        return KnnShares(np.full(len(codes), np.nan), np.empty(0), k, 0, names, codes, kept, (), note)
    hits = np.full((repeats, len(codes)), np.nan)
    for repeat, row in enumerate(hits):
        for train, test in _splits(codes[used], units, parts, [seed, repeat]):
            row[used[test]] = _predict(points, codes, used[train], used[test], k) == codes[used[test]]
    untrained = tuple(name for code, name in enumerate(names) if len(np.unique(units[codes[used] == code])) < 2)
    return KnnShares(hits.mean(axis=0), np.nanmean(hits, axis=1), k, parts, names, codes, kept, untrained)


def _parts(codes: Codes, units: Codes, folds: int) -> tuple[int, str]:
    """The number of folds, and why there can be none: no class may be smaller in all of them than one point."""
    sizes = np.bincount(codes, minlength=1)
    if not len(codes):
        return 0, "no point has a label"
    if len(sizes) < 2:
        return 0, "all labelled points are of one class"
    if len(np.unique(units)) < 2:
        return 0, "all labelled points are of one group"
    if sizes.max() < 2:
        return 0, "each class is a single point"
    return int(min(folds, len(np.unique(units)), sizes.max())), ""


def _units(used: Codes, groups: Sequence[str] | None) -> Codes:
    """The number of each used point's group; its own where there are no groups."""
    if groups is None:
        return np.arange(len(used))
    return np.unique(np.array([str(groups[index]) for index in used]), return_inverse=True)[1]


def _splits(codes: Codes, units: Codes, folds: int, seed: Sequence[int]) -> Iterator[tuple[Codes, Codes]]:
    """Indices of the training and the test points, fold by fold."""
    drawn = draw_folds(codes, units, folds, np.random.default_rng(seed))
    for fold in range(folds):
        yield np.flatnonzero(drawn != fold), np.flatnonzero(drawn == fold)


@dataclass(frozen=True)
class Silhouettes:
    """How much nearer points are to their own class than to the nearest other one, in [-1, 1].

    Parameters
    ----------
    values : of each point, float64 (n,); NaN where it has no label, is the only one of its class, or was not drawn.
    mean : over points, NaN with a reason in ``note`` where there are not two classes. ``by_class`` : over each class.
    singletons : classes of a single point, which are left out. ``evaluated`` : points of which it was computed.
    """

    values: Floats
    mean: float
    by_class: Mapping[str, float]
    singletons: tuple[str, ...]
    evaluated: int
    note: str = ""


def silhouettes(points: Points, labels: Labels, *, most: int = EVALUATED, seed: int = 0) -> Silhouettes:
    """Return the silhouettes of labelled points, as scikit-learn's ``silhouette_samples``, in bounded memory.

    Classes that split into several clusters, as tissues within a diagnosis, have low silhouettes on good maps.

    Parameters
    ----------
    points : (n, d), finite. labels : n; points without one, and the only points of a class, are left out.
    most : where there are more points, those of a random sample of so many are computed, each with all others.

    Raises ValueError where lengths differ, or a number is not finite.

    References
    ----------
    Rousseeuw 1987, doi:10.1016/0377-0427(87)90125-7.

    >>> found = silhouettes(np.array([[0.0], [1.0], [9.0], [10.0], [50.0]]), [*"aabbc"])
    >>> round(found.mean, 4), found.singletons
    (0.8885, ('c',))
    """
    names, codes = read_classes(labels)
    _check(points, codes)
    sizes = np.bincount(codes[codes >= 0], minlength=len(names) + 1)
    singletons = tuple(name for code, name in enumerate(names) if sizes[code] == 1)
    used = np.flatnonzero((codes >= 0) & (sizes[codes] > 1))
    used = used[np.argsort(codes[used], kind="stable")]
    values = np.full(len(codes), np.nan)
    shown = [code for code in range(len(names)) if sizes[code] > 1]
    if len(shown) < 2:
        note = "there is one class" if shown else "no class has two points"
        return Silhouettes(values, math.nan, {names[code]: math.nan for code in shown}, singletons, 0, note)
    drawn = np.arange(len(used))
    if len(used) > most:
        drawn = np.sort(np.random.default_rng(seed).choice(len(used), most, replace=False))
    values[used[drawn]] = _silhouettes(np.asarray(points, dtype=np.float64)[used], codes[used], drawn)
    with warnings.catch_warnings():
        # A small class may have no point in the sample.
        warnings.filterwarnings("ignore", "Mean of empty slice", RuntimeWarning)
        by_class = {names[code]: float(np.nanmean(values[codes == code])) for code in shown}
    return Silhouettes(values, float(np.nanmean(values)), by_class, singletons, len(drawn))


def _silhouettes(points: Floats, codes: Codes, drawn: Codes) -> Floats:
    """Silhouettes of the drawn points, of points (n, d) that are sorted by class."""
    from scipy.spatial.distance import cdist

    starts = np.flatnonzero(np.diff(codes, prepend=-1))
    sizes = np.diff(np.append(starts, len(codes))).astype(np.float64)
    place = np.searchsorted(starts, drawn, side="right") - 1
    values = np.empty(len(drawn))
    rows = max(1, _HELD // len(points))
    for first in range(0, len(drawn), rows):
        block = slice(first, first + rows)
        sums = np.add.reduceat(cdist(points[drawn[block]], points), starts, axis=1)
        at = np.arange(len(sums)), place[block]
        within = sums[at] / (sizes[place[block]] - 1)
        means = sums / sizes
        means[at] = np.inf
        between = means.min(axis=1)
        larger = np.maximum(within, between)
        values[block] = np.divide(between - within, larger, out=np.zeros_like(larger), where=larger > 0)
    return values


class NeighbourShares(NamedTuple):
    """Shares of nearest neighbours, in [0, 1], each with what it would be if neighbours were drawn at random.

    same_group, same_class : of all neighbours. group_in_class : of the same group, among the nearest of the same class;
    groups often hold some classes only, and then a good map has neighbours of one group too. NaN where there are no
    groups, labels, or no two points of one class.
    """

    same_group: float
    same_group_chance: float
    same_class: float
    same_class_chance: float
    group_in_class: float
    group_in_class_chance: float


def group_neighbours(
    points: Points, groups: Sequence[str] | None, labels: Labels | None = None, *, k: int = NEIGHBOURS
) -> NeighbourShares:
    """Return how many of the k nearest neighbours are of the same group, or class, beside what chance gives.

    A map without traces of the smear or the scanner has about as many neighbours of one group in a class as chance.

    Parameters
    ----------
    points : (n, d), finite. groups, labels : n texts; empty ones, NaN and None are not known, and left out.
    k : neighbours; all others where there are fewer.

    Raises ValueError where lengths differ, or a number is not finite.

    References
    ----------
    Büttner et al. 2019, doi:10.1038/s41592-018-0254-1 (neighbours by batch).

    >>> points = np.array([[0.0], [1.0], [8.0], [9.0]])
    >>> found = group_neighbours(points, ["s", "s", "t", "t"], [*"aabb"], k=1)
    >>> round(found.same_group, 3), round(found.same_group_chance, 3)
    (1.0, 0.333)
    """
    none = [""] * len(points)
    group = read_classes(none if groups is None else groups).codes
    kind = read_classes(none if labels is None else labels).codes
    _check(points, group)
    _check(points, kind)
    both = np.flatnonzero((group >= 0) & (kind >= 0))
    parts = [both[kind[both] == code] for code in np.unique(kind[both])]
    return NeighbourShares(
        *_shared(points, group, [np.flatnonzero(group >= 0)], k),
        *_shared(points, kind, [np.flatnonzero(kind >= 0)], k),
        *_shared(points, group, parts, k),
    )


def _shared(points: Points, codes: Codes, parts: Sequence[Codes], k: int) -> tuple[float, float]:
    """The share of neighbours, looked for within each part, that have a point's code; and the same by chance."""
    from sklearn.neighbors import NearestNeighbors

    observed, expected = [], []
    for part in (part for part in parts if len(part) > 1):
        finder = NearestNeighbors(n_neighbors=min(k, len(part) - 1)).fit(points[part])
        own = codes[part]
        observed.append((own[finder.kneighbors(return_distance=False)] == own[:, None]).mean(axis=1))
        expected.append((np.bincount(own)[own] - 1) / (len(part) - 1))
    if not observed:
        return math.nan, math.nan
    return float(np.concatenate(observed).mean()), float(np.concatenate(expected).mean())
