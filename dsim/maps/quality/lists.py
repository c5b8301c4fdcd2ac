"""The findings of each kind: what is listed, how strong it is, and the reason in words."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np

from dsim.maps.quality.copies import Copy
from dsim.maps.quality.features import (
    FALSE_SHARE,
    FAR,
    LEVEL,
    OWN_SHARE,
    LabelCheck,
    check_groups,
    number,
)
from dsim.maps.quality.findings import Fault, Finding
from dsim.maps.quality.subject import Subject
from dsim.random import stream
from dsim.stats.tails import FEWEST

if TYPE_CHECKING:
    from dsim.data import Dataset

#: An image is blank if its contrast is below this share of its dataset's median contrast; chosen on phantoms.
BLANK = 0.1


@dataclass(frozen=True)
class Listed:
    """The findings of one kind, in order, and how many images or groups were examined for it."""

    kind: Fault
    findings: Sequence[Finding]
    examined: int
    note: str = ""

    @property
    def ranked(self) -> tuple[Finding, ...]:
        """The findings, numbered from 1."""
        return tuple(replace(finding, rank=place) for place, finding in enumerate(self.findings, 1))


def list_exact(subject: Subject) -> Listed:
    """Return the images that have the pixels of an earlier one; those in another dataset, split or group first."""
    findings = [_copy_finding(subject, copy) for copy in subject.copies if copy.exact]
    return Listed(Fault.EXACT_DUPLICATE, _leaks_first(findings), subject.count)


def list_near(subject: Subject) -> Listed:
    """Return the images that are turned, brightened, shifted or compressed copies of another."""
    findings = [_copy_finding(subject, copy) for copy in subject.copies if not copy.exact]
    return Listed(Fault.NEAR_DUPLICATE, _leaks_first(findings), subject.count)


def _leaks_first(findings: Sequence[Finding]) -> list[Finding]:
    """Copies across datasets, splits or groups, or with two labels, do more harm than a repetition within one."""
    return sorted(findings, key=lambda finding: (not finding.across, -finding.score))


def _copy_finding(subject: Subject, copy: Copy) -> Finding:
    (data, index), (other, place) = subject.place(copy.image), subject.place(copy.partner)
    across = _across(data, index, other, place)
    kind = Fault.EXACT_DUPLICATE if copy.exact else Fault.NEAR_DUPLICATE
    reason = ", ".join(["the same pixels" if copy.score == 1 else "the same picture", *_changes(subject, copy)])
    if across:
        reason += f"; another {' and another '.join(across)}"
    own, its = _text(data.labels, index), _text(other.labels, place)
    if "label" in across:
        reason += f" ({own} here, {its} there)"
    return subject.finding(
        kind,
        copy.image,
        copy.score,
        reason,
        partner_dataset=other.name,
        partner=str(other.ids[place]),
        suggestion=its if "label" in across else "",
        across=across,
    )


def _across(data: Dataset, index: int, other: Dataset, place: int) -> tuple[str, ...]:
    """The properties in which an image and its copy differ."""
    differ = ["dataset"] if data.name != other.name else []
    columns = (("split", data.splits, other.splits), ("group", data.groups, other.groups))
    for word, ours, theirs in (*columns, ("label", data.labels, other.labels)):
        mine, its = _text(ours, index), _text(theirs, place)
        # Groups of two datasets are not the same people, whatever their names.
        comparable = word != "group" or data.name == other.name
        if comparable and mine and its and mine != its:
            differ.append(word)
    return tuple(differ)


def _text(values: Sequence[str] | None, index: int) -> str:
    return values[index] if values is not None else ""


def _changes(subject: Subject, copy: Copy) -> list[str]:
    """How an image differs from its partner, in words."""
    level = subject.traits.level
    words = [copy.turned] if copy.turned else []
    if copy.shift >= 0.02:
        words.append(f"shifted by {copy.shift:.0%} of the side")
    if level[copy.partner] > 0 and abs(ratio := level[copy.image] / level[copy.partner] - 1) >= 0.03:
        words.append(f"{abs(ratio):.0%} {'brighter' if ratio > 0 else 'darker'}")
    return words


def list_blank(subject: Subject) -> Listed:
    """Return the images of one colour, or of hardly any contrast beside that of their dataset."""
    findings = []
    for image in np.flatnonzero(subject.contrast_share < BLANK).tolist():
        share = float(subject.contrast_share[image])
        one_colour = bool(subject.traits.constant[image])
        reason = "all pixels have one colour" if one_colour else f"{share:.1%} of the usual contrast"
        findings.append(subject.finding(Fault.BLANK, image, 1 - share, reason))
    return Listed(Fault.BLANK, sorted(findings, key=lambda finding: -finding.score), subject.count)


def list_outliers(subject: Subject) -> Listed:
    """Return the images that are farther from their nearest in their dataset than its tail explains; no blank ones."""
    findings, examined, small = [], 0, []
    for (data, part), p in zip(subject.parts(), subject.outlier_p, strict=True):
        if np.isnan(p).all():
            small.append(data.name)
            continue
        examined += len(data)
        blank = subject.contrast_share[part] < BLANK
        for index in np.flatnonzero((p <= FALSE_SHARE) & ~blank).tolist():
            reason = (
                f"its {FAR} nearest are farther than theirs, as is not usual in {data.name} (adjusted p {_p(p[index])})"
            )
            findings.append(subject.finding(Fault.OUTLIER, part.start + index, 1 - p[index], reason))
    note = f"not judged, fewer than {FEWEST} different images: {', '.join(small)}" if small else ""
    return Listed(Fault.OUTLIER, sorted(findings, key=lambda finding: -finding.score), examined, note)


def _p(p: float) -> str:
    return "below 0.0001" if p < 1e-4 else f"{p:.4f}"


def list_labels(subject: Subject) -> Listed:
    """Return the images whose label hardly any similar image has, while another label is confident.

    Of blank images and outliers the neighbours mean nothing: their labels are not judged.
    """
    findings, examined, notes = [], 0, []
    for (data, part), p in zip(subject.parts(), subject.outlier_p, strict=True):
        check = subject.label_checks.get(data.name)
        if check is None:
            notes.append(f"{data.name} has no labels")
            continue
        disagreement = check.disagreement
        examined += int((~np.isnan(disagreement.own)).sum())
        if check.small:
            notes.append(
                f"{data.name}: not judged, fewer than {check.neighbours.shape[1]} images with unrelated neighbours: "
                f"{', '.join(check.small)}"
            )
        alone = (p <= FALSE_SHARE) | (subject.contrast_share[part] < BLANK)
        listed = np.flatnonzero(disagreement.contradicted & ~alone).tolist()
        findings += [_label_finding(subject, data, part.start, index, check) for index in listed]
    return Listed(Fault.LABEL, sorted(findings, key=lambda finding: -finding.score), examined, "; ".join(notes))


def _label_finding(subject: Subject, data: Dataset, start: int, index: int, check: LabelCheck) -> Finding:
    own, other = check.disagreement.own[index], check.disagreement.other[index]
    suggestion = check.classes[check.disagreement.suggested[index]]
    given = _text(data.labels, index)
    nearest = next(
        (one for one in check.neighbours[index].tolist() if one >= 0 and _text(data.labels, one) == suggestion), None
    )
    # Neighbours without a label do not vote.
    voters = sum(bool(_text(data.labels, one)) for one in check.neighbours[index].tolist())
    reason = (
        f"labelled {given}, but of the {voters} nearest unrelated images {round(other * voters)} are {suggestion} "
        f"and {round(own * voters)} {given}"
    )
    partner = {} if nearest is None else {"partner_dataset": data.name, "partner": str(data.ids[nearest])}
    return subject.finding(Fault.LABEL, start + index, other, reason, suggestion=suggestion, **partner)


def list_groups(subject: Subject) -> Listed:
    """Return the groups whose images have one another for neighbours, within their class, more often than by chance."""
    findings, examined, notes = [], 0, []
    for (data, part), points in zip(subject.parts(), subject.points, strict=True):
        if data.groups is None:
            notes.append(f"{data.name} has no groups")
            continue
        groups, names = number(data.groups), sorted(set(data.groups) - {""})
        classes = number(data.labels or [""] * len(data))
        cohesion = check_groups(points, groups, classes, stream(subject.seed, "groups", data.name))
        examined += int((~np.isnan(cohesion.p)).sum())
        if np.isnan(cohesion.p).any():
            notes.append(f"{data.name}: {int(np.isnan(cohesion.p).sum())} groups are too small to be judged")
        for group in np.flatnonzero((cohesion.p <= LEVEL) & (cohesion.share >= OWN_SHARE)).tolist():
            members = np.flatnonzero(groups == group)
            typical = members[np.linalg.norm(points[members] - points[members].mean(axis=0), axis=1).argmin()]
            share, chance = cohesion.share[group], cohesion.expected[group]
            reason = (
                f"of the neighbours that its {len(members)} images could have in their group {share:.0%} are; "
                f"{chance:.0%} by chance (adjusted p {_p(cohesion.p[group])})"
            )
            found = subject.finding(Fault.GROUP, part.start + int(typical), share, reason, group=names[group])
            findings.append(found)
    return Listed(Fault.GROUP, sorted(findings, key=lambda finding: -finding.score), examined, "; ".join(notes))


def swap_powers(subject: Subject) -> Mapping[str, float]:
    """Return, for each dataset with labels, the share of labels that would be listed if they were another class's."""
    return {name: check.power for name, check in subject.label_checks.items()}


#: How the findings of each kind are listed.
LISTS: Mapping[Fault, Callable[[Subject], Listed]] = {
    Fault.EXACT_DUPLICATE: list_exact,
    Fault.NEAR_DUPLICATE: list_near,
    Fault.BLANK: list_blank,
    Fault.OUTLIER: list_outliers,
    Fault.LABEL: list_labels,
    Fault.GROUP: list_groups,
}
