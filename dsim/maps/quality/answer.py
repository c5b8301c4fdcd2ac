"""A check in words: how many images are worth a look, why, and how far that can be trusted."""

from __future__ import annotations

import math
from collections.abc import Iterator

from dsim.maps.quality.findings import Fault, MapCheck

_SINGULAR = {
    Fault.EXACT_DUPLICATE: ("{} exact duplicate", "{} exact duplicates"),
    Fault.NEAR_DUPLICATE: ("{} near duplicate", "{} near duplicates"),
    Fault.BLANK: ("{} blank image", "{} blank images"),
    Fault.OUTLIER: ("{} outlier", "{} outliers"),
    Fault.LABEL: ("{} doubtful label", "{} doubtful labels"),
    Fault.GROUP: ("{} group", "{} groups"),
}


def sentences(check: MapCheck) -> list[str]:
    """Return the answer first: how many images are worth a look, and of which kinds; then what is to be known of it.

    Where nothing was listed, the first sentence says so.
    """
    return [_first(check), *_groups(check), *_leaks(check), *_labels(check), *_notes(check)]


def _first(check: MapCheck) -> str:
    names = ", ".join(check.datasets)
    counts = [(kind, count) for kind, count in check.counts.items() if count and kind is not Fault.GROUP]
    images = f"{check.images:,} {'image' if check.images == 1 else 'images'} of {names}"
    if not counts:
        asked = [_SINGULAR[kind][1].format("no") for kind in check.counts if kind is not Fault.GROUP]
        return f"None of {images} is worth a look: {', '.join(asked)}." if asked else f"{images} were examined."
    listed = ", ".join(_SINGULAR[kind][count > 1].format(count) for kind, count in counts)
    verb = "is" if check.flagged == 1 else "are"
    return f"{check.flagged:,} of {images} {verb} worth a look: {listed}."


def _groups(check: MapCheck) -> Iterator[str]:
    """Whether groups cluster by themselves."""
    for one in check.examined:
        if one.kind is Fault.GROUP and one.count:
            found, groups = check.counts[Fault.GROUP], "1 group" if one.count == 1 else f"{one.count} groups"
            if not found:
                yield f"None of {groups} clusters by itself."
            else:
                verb = "clusters by itself" if found == 1 else "cluster by themselves"
                yield f"{found} of {groups} {verb}, as another stain, camera or patient would make them."


def _leaks(check: MapCheck) -> Iterator[str]:
    """Copies that stand on two sides: what training sees, a test must not."""
    for where in ("dataset", "split", "group", "label"):
        count = sum(where in finding.across for finding in check.findings)
        if count:
            images = "1 copy has its partner" if count == 1 else f"{count} copies have their partners"
            what = "with another label" if where == "label" else f"in another {where}"
            yield f"{images} {what}."


def _labels(check: MapCheck) -> Iterator[str]:
    """How many wrong labels the features could show at all."""
    for name, power in check.swap_power.items():
        if not math.isnan(power):
            yield f"{name}: of labels that were exchanged at random, {power:.0%} would be listed with these features."


def _notes(check: MapCheck) -> Iterator[str]:
    for one in check.examined:
        if one.note:
            yield f"{one.kind.value}: {one.note}."
