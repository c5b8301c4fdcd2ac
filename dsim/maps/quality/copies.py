"""Copies among the images of datasets: the same pixels, also turned, and pictures that agree up to small changes."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsim.maps.quality.alignment import Whitener, align
from dsim.maps.quality.traits import TURNS, Traits, inverse, shrink, turn

if TYPE_CHECKING:
    from dsim.data import Dataset
    from dsim.embeddings import Neighbours

Integers = NDArray[np.intp]
Pairs = set[tuple[int, int]]

#: Smallest score of a copy; chosen on phantoms (``benchmarks/maps/planted.py``): pairs of different images stay below
#: .93, copies that were turned, brightened by 15 %, saved as JPEG of quality 50 or shifted by 5 % reach .97.
NEAR = 0.95
#: Smallest score on small pictures of pairs that are compared again on larger ones, of this side in pixels.
_POSSIBLE, _SIDE = 0.7, 64
#: Candidates of each image, and numbers held at once in their search: 64 MB.
_CANDIDATES, _HELD = 5, 16_000_000


class Copy(NamedTuple):
    """An image that is a copy of an earlier one, its partner; both positions among all images.

    ``score`` : 1 for the same pixels, else the correlation that ``align`` defines. ``exact`` : the same pixels in the
    same orientation. ``symmetry``, ``shift`` : how the partner's picture must be turned and moved, in shares of the
    side.
    """

    image: int
    partner: int
    score: float
    exact: bool
    symmetry: int = 0
    shift: float = 0.0

    @property
    def turned(self) -> str:
        """In words; empty where the orientation is the same."""
        return TURNS[self.symmetry]


class _Match(NamedTuple):
    score: float
    first: int
    second: int
    symmetry: int
    shift: float


def find_copies(datasets: Sequence[Dataset], traits: Traits, neighbours: Neighbours | None) -> list[Copy]:
    """Return the copies among all images of the datasets, the best first; constant images take no part.

    Candidates are images of the same pixels, also turned or mirrored, the nearest in features, and those whose small
    pictures agree best in any of 8 orientations; candidates of similar pictures are read again and compared at
    64 pixels. An image with several copies is the partner of each, and no copy of itself.

    Parameters
    ----------
    neighbours : the nearest in features of each image, positions (n, k) among all; None: pictures alone decide.
    """
    exact = _of_equal_digests(traits.digests, ~traits.constant)
    alone = ~traits.constant
    alone[[copy.image for copy in exact]] = False
    turned = _of_equal_digests(traits.shapes, alone)
    certain = {(copy.partner, copy.image) for copy in turned}
    pairs = np.array(sorted(certain | _candidates(traits, alone, neighbours)), dtype=np.intp).reshape(-1, 2)
    near = _verified(datasets, traits, pairs, certain)
    return sorted([*exact, *near], key=lambda copy: (not copy.exact, -copy.score, copy.image))


def _of_equal_digests(digests: Sequence[str], taking_part: NDArray[np.bool_]) -> list[Copy]:
    first: dict[str, int] = {}
    copies = []
    for image in np.flatnonzero(taking_part).tolist():
        partner = first.setdefault(digests[image], image)
        if partner != image:
            copies.append(Copy(image, partner, 1.0, exact=True))
    return copies


def _candidates(traits: Traits, alone: NDArray[np.bool_], neighbours: Neighbours | None) -> Pairs:
    """Pairs of positions, the smaller first, that may be copies."""
    members = np.flatnonzero(alone)
    pairs: Pairs = set()
    if len(members) > 1:
        whitener = Whitener(traits.gray[members])
        similar = _similar_pictures(whitener.soften(traits.gray[members]))
        pairs |= _pairs(members, members[similar])
    if neighbours is not None:
        pairs |= _pairs(np.arange(len(alone)), neighbours.indices)
    return {(i, j) for i, j in pairs if alone[i] and alone[j]}


def _pairs(rows: Integers, columns: Integers) -> Pairs:
    left, right = np.repeat(rows, columns.shape[1]), columns.ravel()
    both = np.sort(np.stack([left, right], axis=1)[left != right], axis=1)
    return set(map(tuple, both.tolist()))


def _similar_pictures(soft: NDArray[np.float32]) -> Integers:
    """The most similar other pictures of each, in any orientation: positions (n, k)."""
    count, side = len(soft), soft.shape[-1]
    k = min(_CANDIDATES, count - 1)
    vectors = soft.reshape(count, -1)
    turns = [np.ascontiguousarray(turn(soft, symmetry)).reshape(count, side * side) for symmetry in range(len(TURNS))]
    rows = max(1, _HELD // (2 * count))
    parts = []
    for start in range(0, count, rows):
        best = turns[0][start : start + rows] @ vectors.T
        for turned in turns[1:]:
            np.maximum(best, turned[start : start + rows] @ vectors.T, out=best)
        here = np.arange(len(best))
        best[here, here + start] = -np.inf
        parts.append(np.argpartition(-best, k - 1, axis=1)[:, :k])
    return np.concatenate(parts)


def _verified(datasets: Sequence[Dataset], traits: Traits, pairs: Integers, certain: Pairs) -> list[Copy]:
    """The pairs that are copies once they were aligned: of small pictures, then of larger ones that are read again."""
    if not len(pairs):
        return []
    taking_part = np.unique(pairs)
    whitener = Whitener(traits.gray[taking_part])
    small = align(traits.gray[pairs[:, 0]], traits.gray[pairs[:, 1]], whitener, finely=False)
    sure = np.array([(i, j) in certain for i, j in pairs.tolist()])
    pairs = pairs[(small.score >= _POSSIBLE) | sure]
    if not len(pairs):
        return []
    reference = taking_part[:: -(-len(taking_part) // 512)]
    pictures = _read_again(datasets, np.union1d(reference, pairs))
    whitener = Whitener(np.stack([pictures[image] for image in reference.tolist()]))
    stacks = [np.stack([pictures[image] for image in column.tolist()]) for column in pairs.T]
    aligned = align(stacks[0], stacks[1], whitener)
    rows = zip(pairs.tolist(), aligned.score.tolist(), aligned.symmetry.tolist(), aligned.shift.tolist(), strict=True)
    matches = []
    for (first, second), score, symmetry, moved in rows:
        same = (first, second) in certain
        if same or score >= NEAR:
            shift = 0.0 if same else max(abs(step) for step in moved) / _SIDE
            matches.append(_Match(1.0 if same else score, first, second, symmetry, shift))
    return _one_partner_each(matches)


def _one_partner_each(matches: Iterable[_Match]) -> list[Copy]:
    """Of all matches one for each image but the first of its set: the best ones that connect the set."""
    edges: dict[int, list[_Match]] = defaultdict(list)
    joined = _Sets()
    for match in sorted(matches, key=lambda match: (-match.score, match.first, match.second)):
        if joined.join(match.first, match.second):
            edges[match.first].append(match)
            edges[match.second].append(match)
    copies: dict[int, Copy] = {}
    for root in sorted(edges):
        waiting = [] if root in copies or joined.first(root) != root else [root]
        while waiting:
            partner = waiting.pop()
            for match in edges[partner]:
                image = match.second if match.first == partner else match.first
                if image != root and image not in copies:
                    # The match turns its second picture; here it is the partner's that is turned.
                    symmetry = match.symmetry if partner == match.second else inverse(match.symmetry)
                    copies[image] = Copy(image, partner, match.score, False, symmetry, match.shift)
                    waiting.append(image)
    return list(copies.values())


class _Sets:
    """Disjoint sets of numbers, each called by its smallest."""

    def __init__(self) -> None:
        self._above: dict[int, int] = {}

    def first(self, number: int) -> int:
        while (above := self._above.setdefault(number, number)) != number:
            number = above
        return number

    def join(self, one: int, other: int) -> bool:
        """Whether they were in two sets, which are now one."""
        a, b = self.first(one), self.first(other)
        self._above[max(a, b)] = min(a, b)
        return a != b


def _read_again(datasets: Sequence[Dataset], images: Integers) -> dict[int, NDArray[np.float32]]:
    starts = np.cumsum([0, *(len(dataset) for dataset in datasets)])
    pictures = {}
    for image in images.tolist():
        owner = int(np.searchsorted(starts, image, side="right")) - 1
        pictures[image] = shrink(datasets[owner].pixels(image - int(starts[owner])), _SIDE)
    return pictures


def copy_sets(count: int, copies: Sequence[Copy]) -> Integers:
    """Return the number of the set of copies that each of n images belongs to, intp (n,): its smallest position.

    >>> copy_sets(4, [Copy(2, 0, 1.0, True), Copy(3, 2, 0.95, False)]).tolist()
    [0, 1, 0, 0]
    """
    from scipy.sparse import coo_array
    from scipy.sparse.csgraph import connected_components

    ends = np.array([(copy.image, copy.partner) for copy in copies], dtype=np.intp).reshape(-1, 2)
    graph = coo_array((np.ones(len(ends)), (ends[:, 0], ends[:, 1])), shape=(count, count))
    _, component = connected_components(graph, directed=False)
    smallest = np.full(component.max(initial=0) + 1, count)
    np.minimum.at(smallest, component, np.arange(count))
    return smallest[component]
