"""What an adaptation wrote, in one sentence, as a table, and as plain values."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from dsim.adapt.choice import Choice, Interval

SCHEMA = "dsim.adapt/1"


@dataclass(frozen=True)
class Adapted:
    """The model that was written for a target, and how sure it is.

    Parameters
    ----------
    out : the model's folder. ``target`` : name, ``reference`` : text by which dsim opens it. ``images`` : annotated.
    way : the way that was taken. ``models`` : names of the models that it started from, the first or only one first.
    expected : Dice on the images without a mask. ``choice`` : of the ways by cross-validation; None without one.
    marks : what the model marks. ``notes`` : sentences for the user. ``seconds`` : of the whole run.
    """

    out: Path
    target: str
    reference: str
    images: int
    way: str
    models: tuple[str, ...]
    expected: Interval | None
    choice: Choice | None
    marks: str
    notes: tuple[str, ...]
    seconds: float

    @property
    def answer(self) -> str:
        """What was written and how good it is, in one sentence."""
        made = describe_way(self.way, self.models, self.images)
        expected = f"expected Dice {self.expected}" if self.expected else "its Dice on other images is unknown"
        return f"Wrote {self.out}: {made}; {expected}{self._gain()}."

    @property
    def next_command(self) -> str:
        """The command that applies the model."""
        labels = f"{self.out}-labels"
        typed = ("dsim", "prelabel", self.reference, "--model", str(self.out), "--out", labels)
        return shlex.join(typed)

    def _gain(self) -> str:
        if self.choice is None or self.choice.lead is None:
            return ""
        simplest = next(iter(self.choice.estimates))
        than = "the model as it is" if simplest == "apply" else f"the way {simplest!r}"
        return f", {self.choice.lead.mean:.2f} above {than}"

    def rows(self) -> list[tuple[str, str]]:
        """Return of each way that was tried its name and its Dice with bounds."""
        if self.choice is None:
            return []
        return [(way, str(estimate)) for way, estimate in self.choice.estimates.items()]

    def to_dict(self) -> dict[str, Any]:
        """Return all of it as plain values for JSON."""
        choice = self.choice
        lead = choice.lead if choice else None
        return {
            "schema": SCHEMA,
            "answer": self.answer,
            "next": self.next_command,
            "model": str(self.out),
            "target": self.target,
            "annotated": self.images,
            "way": self.way,
            "best_way": choice.best if choice else self.way,
            "models": list(self.models),
            "marks": self.marks,
            "expected_dice": _plain(self.expected) if self.expected else None,
            "ways": {way: _plain(each) for way, each in choice.estimates.items()} if choice else {},
            "lead": _plain(lead) if lead else None,
            "notes": list(self.notes),
            "seconds": round(self.seconds, 1),
        }


def describe_way(way: str, models: Sequence[str], images: int) -> str:
    """Return how a model was made.

    >>> describe_way("finetune", ["wbc_seg1"], 5)
    'fine-tuned from wbc_seg1 on 5 annotated images'
    """
    count = f"{images} annotated image{'s' if images != 1 else ''}"
    if way == "finetune":
        return f"fine-tuned from {models[0]} on {count}"
    if way == "scratch":
        return f"trained from scratch on {count}"
    if way == "vote" and len(models) > 1:
        return f"a vote of {', '.join(models[:-1])} and {models[-1]}, chosen by {count}"
    return f"{models[0]} as it is, chosen by {count}"


def _plain(interval: Interval) -> dict[str, float]:
    return {name: round(getattr(interval, name), 4) for name in ("mean", "low", "high")}
