"""How choices fared on measured targets, in words."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from dsim.selection.fit import Fit


def how_choices_fared(errors: Mapping[str, Any], annotated: int) -> Iterator[str]:
    """Yield how choices from so many annotated images fared, a sentence each; nothing where that was not measured.

    ``errors`` : of a record. Of the numbers of annotated images that were tried the largest that is no larger counts.
    """
    if not errors:
        return
    count = max(int(tried) for tried in errors["annotated"] if int(tried) <= annotated)
    row = errors["annotated"][str(count)]
    regret, images = row["regret"], "image" if count == 1 else "images"
    yield (
        f"On {errors['targets']} measured targets, each left out of what is learnt, choices from"
        f" {count or 'no'} annotated {images} lost {regret['mean']:.1f} points of Dice against the best model"
        f" ({regret['low']:.1f} to {regret['high']:.1f})."
    )
    yield f"The 95 % intervals held {100 * row['coverage']['mean']:.0f} % of what came true."
    if not annotated:
        said = errors["fit"]["verdicts"]["0"]
        missed, alarms = (said[group][str(Fit.NONE)] for group in ("without_kin", "with_kin"))
        yield (
            f"Where no model was of the target's kind, this was noticed for {100 * missed:.0f} % of the targets;"
            f" where one was, it was denied for {100 * alarms:.0f} %."
        )
