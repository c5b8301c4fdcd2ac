"""The design of the study: which images are annotated, which are scored, and which models are candidates."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from dsim.adapt import Pool, Settings, Standing
from dsim.data import Dataset
from dsim.data.splits import group_images, split_dataset
from dsim.random import stream
from dsim.selection import CandidateModel, Posterior, Prior, Record, RecordedTarget, find_candidates

#: Runs of neighbouring images that count as groups where none are known, as in the measured truths.
BLOCKS = 10
#: Images of the half that nobody annotates which are scored, at most.
SCORED = 20
#: The network that is trained from random weights, on the same images, half as long again: what adapt must beat.
RANDOM = Settings(encoder="plain", width=8, frozen=False, epochs=30)


@dataclass(frozen=True)
class Case:
    """One target: images that may be annotated, in the order in which they are, and images that are scored.

    Parameters
    ----------
    target : all masks are known; ``shown(count)`` hides all but those of the first images of ``order``.
    """

    target: Dataset
    order: tuple[int, ...]
    scored: tuple[int, ...]

    def shown(self, count: int) -> Dataset:
        """Return the target with the masks of the first ``count`` images of the order only."""
        seen = set(self.order[:count])
        return replace(self.target, masked=tuple(index in seen for index in range(len(self.target))))


def make_case(target: Dataset, draw: int) -> Case:
    """Return the case of a target: one fixed half is scored, the other is annotated in an order of this draw.

    Groups are never divided between the halves. Of ten annotated images the first five are those of five.
    """
    parts = split_dataset(target, validation=0, test=0.5, seed=0, blocks=BLOCKS)
    every = np.linspace(0, len(parts.test) - 1, min(SCORED, len(parts.test))).round().astype(int)
    rng = stream(0, "adaptation", target.images_fingerprint, str(draw))
    groups = group_images(target, BLOCKS)
    order = _spread([int(index) for index in rng.permutation(parts.training)], groups)
    return Case(target, tuple(order), tuple(parts.test[place] for place in every))


def _spread(order: Sequence[int], groups: Sequence[str]) -> list[int]:
    """The same images, each group's first before any group's second: whoever annotates three takes no neighbours."""
    turn: dict[str, int] = {}
    rounds = []
    for index in order:
        turn[groups[index]] = turn.get(groups[index], -1) + 1
        rounds.append(turn[groups[index]])
    return [index for _, index in sorted(zip(rounds, order, strict=True), key=lambda pair: pair[0])]


@dataclass(frozen=True)
class Known:
    """What is known of the candidates of one target: its row of the record, and a prior learnt from all other rows."""

    row: RecordedTarget
    prior: Prior
    models: tuple[CandidateModel, ...]

    def posterior(self, images: Sequence[int], rest: int) -> Posterior:
        """Return what is expected of the candidates when these images are annotated."""
        scores = self.row.dice[:, list(images)]
        return self.prior.posterior(self.row.signals, self.row.agreement, scores, rest)

    def pool(self, images: Sequence[int], rest: int) -> Pool:
        """Return the candidates as adaptation takes them, scored on these images."""

        def standing(columns: Sequence[int]) -> Standing:
            found = self.posterior([images[column] for column in columns], rest + len(images) - len(columns))
            return Standing(found.expected, found.low, found.high, found.best)

        return Pool(self.models, tuple(images), self.row.dice[:, list(images)], standing)


def known_of(record: Record, target: Dataset, folder: Path) -> Known:
    """Return what is known of the candidates of a target: models of the zoo, and a prior learnt from the other targets.

    The model of several sources of which the target is one lies in ``folder``, trained without it, as
    NAME-without-TARGET.safetensors. Raises LookupError where a candidate of the record is not there.
    """
    row = next(each for each in record.targets if each.name == target.name)
    found, _ = find_candidates(target)
    references = {candidate.name: candidate.reference for candidate in found}
    for candidate, sources in zip(row.candidates, row.sources, strict=True):
        if len(sources) > 1 and candidate not in references:
            references[candidate] = str(folder / f"{candidate}-without-{target.name}.safetensors")
    models = tuple(CandidateModel(references[candidate], candidate) for candidate in row.candidates)
    return Known(row, Prior.fit(record, without=[target.name]), models)
