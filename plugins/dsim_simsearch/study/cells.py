"""The cells of a study: one method with so many prototypes and negatives, one experiment, one training each."""

from __future__ import annotations

import base64
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from dsim.errors import UnknownNameError, UsageError
from dsim.stats.detection_scores import MatchedDetections, average_precision, trapezoid_area

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Method:
    """One way to find the objects.

    Parameters
    ----------
    name : in tables. meaning : in a sentence. flags : whether it depends on the number of negatives, by what the user
        flags or by the threshold. needs_flags : whether it is nothing without negatives. trained : whether a network is
        trained, so that trainings with other seeds differ. supervised : whether it learns from all objects of the
        training images, whatever the user does.
    """

    name: str
    meaning: str
    flags: bool = True
    needs_flags: bool = False
    trained: bool = False
    supervised: bool = False


#: All methods by name, in the order of tables.
METHODS: Mapping[str, Method] = {
    method.name: method
    for method in (
        Method("template matching", "normalised cross-correlation with the prototypes, the best of them", flags=False),
        Method("random weights", "the similarity of a network that was never trained", flags=False),
        Method("similarity", "the similarity to the prototypes, without training", flags=False),
        Method("k-NN", "candidates scored by their nearest accepted and rejected patches"),
        Method("LDA", "candidates scored by a linear discriminant of accepted and rejected patches"),
        Method("re-ranked", "the similarity, corrected at once by what the user accepted and flagged"),
        Method("Pos", "trained on the accepted patches", trained=True),
        Method("Pos+Neg", "and on the flagged ones", needs_flags=True, trained=True),
        Method("Pos+Selflearn", "as Pos, after self-supervised training on noisy patches", trained=True),
        Method("Pos+Neg+Selflearn", "all of the method", needs_flags=True, trained=True),
        Method("supervised", "trained on all objects of the training images", False, False, True, True),
    )
}
#: Those that train nothing.
UNTRAINED = tuple(name for name, method in METHODS.items() if not method.trained)


class Cell(NamedTuple):
    """One result: with what, the number of the experiment (other images and prototypes), and that of the training.

    ``prototypes`` and ``negatives`` are 0 where the method does not depend on them.
    """

    method: str
    prototypes: int
    negatives: int
    repeat: int
    training: int


def find_methods(names: Sequence[str]) -> tuple[Method, ...]:
    """Return methods by name, in the order of tables. Raises UnknownNameError for another name."""
    for name in names:
        if name not in METHODS:
            raise UnknownNameError("method", name, METHODS, hint=f"choose among: {', '.join(METHODS)}")
    return tuple(method for name, method in METHODS.items() if name in names)


def plan_cells(
    methods: Sequence[Method], prototypes: Sequence[int], negatives: Sequence[int], repeats: int, trainings: int
) -> list[Cell]:
    """Return all cells, experiment by experiment, so that a study that is stopped has whole experiments.

    Raises UsageError for numbers below 1 (negatives: below 0).

    >>> from dsim_simsearch.study.cells import find_methods
    >>> cells = plan_cells(find_methods(["similarity", "Pos", "Pos+Neg"]), [5], [0, 5], 1, 2)
    >>> [(cell.method, cell.negatives, cell.training) for cell in cells]        # doctest: +NORMALIZE_WHITESPACE
    [('similarity', 0, 0), ('Pos', 0, 0), ('Pos', 0, 1), ('Pos', 5, 0), ('Pos', 5, 1), ('Pos+Neg', 5, 0),
     ('Pos+Neg', 5, 1)]
    """
    if not prototypes or min(*prototypes, repeats, trainings) < 1 or min(negatives, default=-1) < 0:
        raise UsageError(
            "a study needs prototypes, negatives, repeats and trainings",
            hint="write --prototypes 5,10 --negatives 0,5 --repeats 2 --trainings 1",
        )
    return [
        Cell(method.name, count, flagged, repeat, training)
        for repeat in range(repeats)
        for method in methods
        for count in ((0,) if method.supervised else prototypes)
        for flagged in _negatives(method, negatives)
        for training in range(trainings if method.trained else 1)
    ]


def _negatives(method: Method, negatives: Sequence[int]) -> Iterator[int]:
    if not method.flags:
        yield 0
        return
    yield from (count for count in negatives if count or not method.needs_flags)


def record_scores(matched: Mapping[str, MatchedDetections]) -> dict[str, Any]:
    """Return as JSON both areas of each class, and the matched detections that intervals are computed from."""
    return {
        name: {
            "average_precision": float(average_precision(each)),
            "trapezoid": float(trapezoid_area(each)),
            "detections": len(each.scores),
            "scores": _packed(each.scores.astype("<f4")),
            "images": _packed(each.images.astype("<u2")),
            "correct": _packed(np.packbits(each.correct)),
        }
        for name, each in matched.items()
    }


def read_matched(record: Mapping[str, Any], truth: Sequence[Floats]) -> MatchedDetections:
    """Return the matched detections of a class from its record; ``truth`` : (m, 2) of each image."""
    count = int(record["detections"])
    return MatchedDetections(
        _unpacked(record["scores"], "<f4").astype(np.float64),
        _unpacked(record["images"], "<u2").astype(np.intp),
        np.unpackbits(_unpacked(record["correct"], "u1"), count=count).astype(bool),
        np.array([len(each) for each in truth], dtype=np.intp),
    )


def _packed(values: NDArray[Any]) -> str:
    return base64.b64encode(values.tobytes()).decode("ascii")


def _unpacked(text: str, dtype: str) -> NDArray[Any]:
    return np.frombuffer(base64.b64decode(text), dtype=dtype)


def methods_in(cells: Collection[Cell]) -> tuple[str, ...]:
    """Return the names of the methods of some cells, in the order of tables."""
    present = {cell.method for cell in cells}
    return tuple(name for name in METHODS if name in present)
