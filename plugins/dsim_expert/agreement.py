"""How far observers agree, property by property."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from dsim.data.attributes import votes_of
from dsim.files.documents import number
from dsim.stats.agreement import Kappa, fleiss_kappa, pooled_kappa
from dsim_expert.votes import canonical

SCHEMA = "dsim.expert-agreement/1"


@dataclass(frozen=True)
class Agreement:
    """Of one property: its kappa, the datasets that two or more observers judged, and the most who judged one."""

    kappa: Kappa
    datasets: int
    observers: int

    def to_json(self) -> dict[str, float | int | None]:
        """Plain numbers; NaN is null."""
        kappa = self.kappa
        return {
            "kappa": number(kappa.value),
            "observed": number(kappa.observed),
            "expected": number(kappa.expected),
            "datasets": self.datasets,
            "observers": self.observers,
        }


def agreements(table: Mapping[str, Mapping[str, str]]) -> dict[str, Agreement]:
    """Agreement by property, and of all together under the key ""; ``table`` holds attributes by dataset."""
    judged: dict[str, list[list[str]]] = {}
    for attributes in table.values():
        for name, votes in votes_of(attributes).items():
            judged.setdefault(name, []).append([canonical(answer) for answer in votes.values()])
    found = {name: _agreement(things) for name, things in judged.items()}
    together = pooled_kappa([agreement.kappa for agreement in found.values()])
    most = [max(getattr(agreement, what) for agreement in found.values()) if found else 0 for what in _SIZES]
    return {**found, "": Agreement(together, *most)}


_SIZES = ("datasets", "observers")


def _agreement(things: list[list[str]]) -> Agreement:
    counts = _counts(things)
    judges = counts.sum(axis=1)
    return Agreement(fleiss_kappa(counts), int((judges >= 2).sum()), int(judges.max()))


def _counts(things: list[list[str]]) -> NDArray[np.int64]:
    """How many observers gave each answer, (things, answers).

    >>> _counts([["a", "b", "a"], ["b"]]).tolist()
    [[2, 1], [0, 1]]
    """
    answers = sorted({answer for thing in things for answer in thing})
    return np.array([[thing.count(answer) for answer in answers] for thing in things], dtype=np.int64)
