"""Zoo models that were trained on a source, and what to do with them."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from dsim.files.documents import number, or_nan

if TYPE_CHECKING:
    from dsim.data.dataset import Dataset


@dataclass(frozen=True)
class Trained:
    """A zoo model that was trained on a source.

    Parameters
    ----------
    segments : whether ``dsim prelabel`` can apply it. ``datasets`` : how many it was trained on.
    held_out : its Dice, percent, on images of its own source that it never saw; NaN where that is not known.
    trained_on_target : that it was trained on the target too, in a sentence; None where it was not.
    """

    id: str
    title: str
    segments: bool
    datasets: int
    held_out: float
    trained_on_target: str | None

    def to_dict(self) -> dict[str, Any]:
        """For JSON; NaN is null."""
        return {**asdict(self), "held_out": number(self.held_out)}


def models_of(source: Dataset, target: Dataset) -> tuple[Trained, ...]:
    """Models trained on the images of a source, under whatever name.

    First those that segment, those of fewer datasets, and those that do better on held-out images.
    """
    from dsim.zoo import models, trained_on

    if source.backing is None:
        return ()
    found = [
        Trained(
            model.id,
            model.title,
            model.segments,
            len(model.pool),
            or_nan(model.manifest["training"].get("dice_held_out")),
            None if target.backing is None else trained_on(model, target),
        )
        for model in models()
        if trained_on(model, source)
    ]
    return tuple(sorted(found, key=_order))


def _order(model: Trained) -> tuple[bool, int, float, str]:
    known = model.held_out if model.held_out >= 0 else -1.0
    return not model.segments, model.datasets, -known, model.id


def command(source: Dataset, target: Dataset, model: Trained | None) -> str | None:
    """What to type next: apply the model, or train one where there is none and the source has masks."""
    if model is not None:
        out = shlex.quote(f"prelabels-{target.name}")
        return f"dsim prelabel {shlex.quote(target.reference)} --model zoo:{model.id} --out {out}"
    if source.masked:
        return f"dsim transfer segmentation --sources {shlex.quote(source.reference)} --out trained/truth.json"
    return None


def segmenting(models: Sequence[Trained]) -> Trained | None:
    """The model to apply; None where none of them segments."""
    return next((model for model in models if model.segments), None)
