"""The findings of quality control: what is worth a look, why, and how much of it there is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from itertools import accumulate
from typing import Any

from dsim.files.documents import or_null, or_nulls

SCHEMA = "dsim.map-check/1"


class Fault(StrEnum):
    """Kinds of findings, in the order in which they are listed."""

    EXACT_DUPLICATE = "exact-duplicate"
    NEAR_DUPLICATE = "near-duplicate"
    BLANK = "blank"
    OUTLIER = "outlier"
    LABEL = "label"
    GROUP = "group"

    @property
    def words(self) -> str:
        """The kind in words, for a number of images."""
        return _WORDS[self]

    @property
    def score_meaning(self) -> str:
        """The meaning of the score of such a finding, in words."""
        return _SCORES[self]


_WORDS = {
    Fault.EXACT_DUPLICATE: "the same pixels as another image",
    Fault.NEAR_DUPLICATE: "nearly the same picture as another image",
    Fault.BLANK: "blank, or almost",
    Fault.OUTLIER: "unlike the other images",
    Fault.LABEL: "a label that similar images contradict",
    Fault.GROUP: "a group that clusters by itself",
}
_SCORES = {
    Fault.EXACT_DUPLICATE: "1, since all pixels are equal",
    Fault.NEAR_DUPLICATE: "correlation of the two pictures, aligned, without what all images have in common",
    Fault.BLANK: "1 less the contrast, as a share of the dataset's median contrast",
    Fault.OUTLIER: "1 less p, adjusted so that of all images listed 5 % are expected to be no outliers",
    Fault.LABEL: "share of the unrelated neighbours that have the suggested label",
    Fault.GROUP: "share of the neighbours of the same class that are of the same group, of those that could be",
}


@dataclass(frozen=True)
class Finding:
    """One image that is worth a look, or, of kind ``group``, the most typical image of the group.

    ``rank`` counts the findings of a kind from 1. ``index`` is the image's position in its dataset. ``score`` : in
    [0, 1], larger is stronger; ``Fault.score_meaning`` says what it is. ``partner`` : the other image, with its
    dataset; empty where there is none. ``suggestion`` : another label, where one is suggested. ``across`` : what the
    image and its partner do not share: dataset, split, group or label. ``group`` : of kind ``group``.
    """

    kind: Fault
    rank: int
    dataset: str
    index: int
    id: str
    score: float
    reason: str
    partner_dataset: str = ""
    partner: str = ""
    suggestion: str = ""
    across: tuple[str, ...] = ()
    group: str = ""


@dataclass(frozen=True)
class Examined:
    """How many images or groups were examined for one kind, and a note, such as why none was."""

    kind: Fault
    count: int
    note: str = ""


@dataclass(frozen=True)
class MapCheck:
    """All findings on the images of datasets, by kind, the strongest first.

    ``datasets``, ``sizes`` : names, and numbers of images. ``extractor`` : reference of the features. ``swap_power`` :
    share of labels that would be listed if they were another class's, by dataset; NaN where that is not known.
    """

    datasets: tuple[str, ...]
    sizes: tuple[int, ...]
    extractor: str
    findings: tuple[Finding, ...]
    examined: tuple[Examined, ...]
    swap_power: Mapping[str, float]

    @property
    def images(self) -> int:
        """Number of images."""
        return sum(self.sizes)

    @property
    def counts(self) -> Mapping[Fault, int]:
        """Number of findings of each kind that was examined."""
        counted = Counter(finding.kind for finding in self.findings)
        return {one.kind: counted[one.kind] for one in self.examined}

    @property
    def flagged(self) -> int:
        """Number of different images with a finding, groups not counted."""
        return len({(one.dataset, one.index) for one in self.findings if one.kind is not Fault.GROUP})

    def of_kind(self, kind: Fault) -> tuple[Finding, ...]:
        """Return the findings of one kind, the strongest first."""
        return tuple(finding for finding in self.findings if finding.kind is kind)

    def column(self) -> tuple[str, ...]:
        """Return the first fault of each image, one dataset after the other; empty where there is none.

        Images of a group that clusters by itself are not marked: it is the group that is at fault.
        """
        starts = dict(zip(self.datasets, accumulate(self.sizes, initial=0), strict=False))
        column = [""] * self.images
        for finding in self.findings:
            place = starts[finding.dataset] + finding.index
            if finding.kind is not Fault.GROUP and not column[place]:
                column[place] = finding.kind.value
        return tuple(column)

    def to_dict(self, most: int | None = None) -> dict[str, Any]:
        """Return the document of schema ``dsim.map-check/1``, with at most ``most`` findings of each kind."""
        shown = [vars(one) for one in self.findings if most is None or one.rank <= most]
        return {
            "schema": SCHEMA,
            "extractor": self.extractor,
            "datasets": [
                {"name": name, "images": size, "swap_power": or_null(self.swap_power.get(name))}
                for name, size in zip(self.datasets, self.sizes, strict=True)
            ],
            "images": self.images,
            "flagged": self.flagged,
            "kinds": [
                {
                    "kind": one.kind.value,
                    "findings": self.counts[one.kind],
                    "examined": one.count,
                    "score": one.kind.score_meaning,
                    "note": one.note,
                }
                for one in self.examined
            ],
            "findings": [{**or_nulls(row), "kind": row["kind"].value, "across": list(row["across"])} for row in shown],
        }
