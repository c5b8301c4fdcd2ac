"""The tables of the card, and what is said between them."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from benchmarks.biomed6.gains import CONFIDENCE, Gains
from benchmarks.biomed6.sets import Labelled
from benchmarks.cards import by_target, listed, table, words
from benchmarks.real_sets import sections
from benchmarks.real_sets.facts import Facts
from dsim.truth import TransferMatrix

_STAR = "\\*"


def gain(truth: TransferMatrix, told: Facts, gained: Gains) -> str:
    """Transferability of every pair with its standard error; a star where the folds tell it from 0."""

    def pair(i: int, j: int) -> str:
        return f"{gained.percent[i, j]:+.1f}{_STAR if gained.clear[i, j] else ''} ± {gained.error[i, j]:.1f}"

    return table(["target", *truth.sources], by_target(truth, told.best, pair))


def targets(truth: TransferMatrix, told: Facts, gained: Gains) -> str:
    """Of each target the baseline, its best and worst sources, and the noise."""
    assert truth.baseline is not None
    rows = []
    for j, (name, base) in enumerate(zip(truth.targets, truth.baseline, strict=True)):
        order = [i for i in np.argsort(-told.means[:, j], kind="stable") if truth.sources[i] != name]
        chosen = [f"`{truth.sources[i]}` {told.means[i, j]:.3f}" for i in (order[0], order[1], order[-1])]
        scratch = f"{base.mean():.3f} ± {base.std(ddof=1):.3f}"
        better = f"{(gained.percent[:, j] > 0).sum()} of {len(order)}"
        rows.append([f"`{name}`", scratch, *chosen, better, f"{gained.noise[j]:.3f}", _scored(truth, name)])
    head = ["target", "from scratch", "best source", "second", "worst", "better than scratch", "noise", "scored images"]
    return (
        "*Noise*: standard error of a source's mean, without what a fold adds to all sources alike. *Scored images*: "
        "in a fold.\n\n" + table(head, rows)
    )


def _scored(truth: TransferMatrix, target: str) -> str:
    counts = [part["test"] for part in truth.provenance["folds"][target]]
    return str(counts[0]) if min(counts) == max(counts) else f"{min(counts)} to {max(counts)}"


def sources(truth: TransferMatrix) -> str:
    """How well each source was learnt."""
    rows = []
    for name in truth.targets:
        trainings = [each for each in truth.provenance["trainings"] if each["source"] == name]
        known = [auc for each in trainings if (auc := each.get("validation_auc")) is not None]
        epochs = [each["best_epoch"] for each in trainings]
        own = f"{np.mean(known):.3f} ({min(known):.3f} to {max(known):.3f})" if known else "none"
        rows.append([f"`{name}`", own, str(trainings[0]["images"]), f"{min(epochs)} to {max(epochs)}"])
    head = ["source", "AUC on its validation images", "images that train", "epoch kept"]
    return (
        "Whether a source was learnt before it was transferred: AUC on images of its own that chose the epoch, so a "
        "little too high; mean and range of its trainings.\n\n" + table(head, rows)
    )


def noise(truth: TransferMatrix, told: Facts, gained: Gains) -> str:
    """How far the sources are apart beside the noise, whether folds agree, and what the folds did not score."""
    apart = np.nanmax(told.means, axis=0) - np.nanmin(told.means, axis=0)
    lacking = [
        f"`{name}`, fold {number}: {', '.join(part['lacking'])}"
        for name, parts in truth.provenance["folds"].items()
        for number, part in enumerate(parts, 1)
        if part["lacking"]
    ]
    alike = [
        f"`{name}` (p = {p:.2f})" for name, p in zip(truth.targets, gained.alike, strict=True) if p > 1 - CONFIDENCE
    ]
    lines = [
        f"Best and worst source of a target are {apart.min():.3f} to {apart.max():.3f} of AUC apart; the standard "
        f"error of a source's mean is {gained.noise.min():.3f} to {gained.noise.max():.3f}.",
        "Targets whose sources the folds do not tell apart (analysis of variance with folds as blocks): "
        f"{listed(alike)}.",
        "Between two folds the sources of a target correlate by "
        f"{'nothing known' if np.isnan(told.seeds_agree) else f'{told.seeds_agree:.2f}'} (Spearman, mean over targets "
        "and pairs of folds where sources differ); the best source of one fold is that of the mean of the others for "
        f"{100 * told.best_again:.0f} % of targets and folds.",
        f"Classes that no scored image of a fold has, which weigh nothing there: {listed(lacking)}.",
        f"Images that were not scored because the source holds them too, byte for byte: {_unscored(truth)}.",
    ]
    return "\n".join(f"- {line}" for line in lines)


def _unscored(truth: TransferMatrix) -> int:
    record = truth.provenance
    return sum(
        record["folds"][each["target"]][each["fold"]]["test"] - each["images"] for each in record["trained on targets"]
    )


def reach(told: Facts) -> str:
    """What simple choices score, and the ceiling."""
    chosen = ["random", "best fixed source", "best fixed source, others", "no transfer"]
    chosen += [name for name in ("ImageNet",) if name in told.baselines]
    scratch = "*No transfer*: training from scratch, which chooses no source."
    return sections.reach(told, chosen, "AUC", "folds", regret="mean regret, AUC", digits=3, more=scratch)


def sets(truth: TransferMatrix, known: Mapping[str, Labelled]) -> str:
    """What the sets are, how they were sampled, and what to beware of."""
    head = ["set", "images", "classes", "what", "sampling", "licence", "caution", "notes of META.json"]
    rows = [
        [
            f"`{name}`",
            str(truth.datasets[name].images),
            ", ".join(f"{label} {count}" for label, count in origin.classes.items()),
            f"{origin.collection}; {origin.modality}",
            origin.sampling,
            origin.licence,
            origin.caution,
            origin.notes,
        ]
        for name, origin in known.items()
    ]
    return words(head, rows)
