"""The card beside the truth: what was measured, of what, how it can be rebuilt, and what it says."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from typing import Any

import numpy as np

from benchmarks.biomed16.model_card import LEARNT
from benchmarks.biomed16.sets import Annotated
from benchmarks.cards import counted, listed, table, words
from benchmarks.real_sets import sections, storing
from benchmarks.real_sets.facts import Facts, facts
from dsim.evaluation import Score
from dsim.models import SegmentationRecipe
from dsim.truth import TransferMatrix

Manifests = Mapping[str, Mapping[str, Any]]

REBUILD = """\
The images are not shipped: several licences forbid it. [images.csv](images.csv) names each of them by its path in the
repository that it was taken from; with the commit below it can be had again, or found in the original collection by
its name. Each image and its mask were scaled so that the longest side is at most 256 pixels, and written as PNG,
masks as 0 and 255. With which filter is recorded for `monuseg` alone (area), so images made anew will not have the
fingerprints that truth.json gives, and their scores will differ a little: measure again with the command below rather
than judge by these. Lay a set as `images/` and `masks/`, a file of the same name in each."""

RULES = """\
A source as its own target is scored on its held-out images, the same in every repetition; every other pair on all
images of the target. Where a set knows no groups, its images in the order of their names are cut into ten runs, and
whole runs are held out: neighbours can be frames of one video. A set that is a single sequence has neighbours on both
sides even so (`dic_c2dh_hela`, `isbi_em`)."""

LIMITS = """\
- Several sets show the same thing (nuclei in six, the retina in two, Cell Tracking Challenge in two): the 16 targets
  are not independent, and intervals over them are too narrow for a claim about other kinds of images.
- What masks mark differs between sets: `drive` marks vessels and `drishti_gs` the disc of the same organ. No likeness
  of images can know that.
- `cxr_lung_masks` has masks that a model drew; scores on it say how well that model is imitated.
- At most 60 images a set, one small network at 128 pixels, no fine-tuning. Another network gives other numbers.
- {noise}
- The same seed gives the same numbers on the same machine and libraries; elsewhere they differ as between seeds."""


NOISE = (
    "The noise between trainings is known, that of the choice of images is not: every repetition scores the same ones."
)
NO_NOISE = (
    "Each source was trained once: neither the noise between trainings nor that of the choice of images is known."
)


def card(
    truth: TransferMatrix,
    known: Mapping[str, Annotated],
    manifests: Manifests,
    written: Collection[str],
    options: str = "",
) -> str:
    """The card as Markdown; ``manifests`` are those of the models, by source, ``written`` those that are in the zoo.

    ``options`` : of the command that writes it.
    """
    told = facts(truth)
    parts = [
        f"# {truth.name}",
        _summary(truth),
        "## What it says",
        _findings(truth, told),
        "## The sources, each on its own held-out images",
        _sources(truth, told, manifests, written),
        _unlearnt(truth, told, known, manifests),
        "## The targets",
        _targets(truth, told),
        f"## Dice, {truth.unit}",
        f"{_repeated(truth)}; targets in rows, sources in columns, the best in "
        "bold; self pairs, on held-out images, in brackets.",
        sections.scores(truth, told, digits=1),
        "## What a choice costs, and what the best measure could reach",
        _ceiling(told),
        "## The sets",
        _sets(truth, known),
        "## Rebuilding them",
        REBUILD,
        sections.origins(known),
        "## How",
        _how(truth, options),
        "## Limits",
        LIMITS.format(noise=NOISE if truth.repetitions > 1 else NO_NOISE),
    ]
    return "\n\n".join(part for part in parts if part) + "\n"


def command(truth: TransferMatrix) -> str:
    """The command line that measures it: settings that differ from the defaults."""
    recipe = SegmentationRecipe.of(truth.provenance["recipe"])
    return storing.command("segmentation", truth, recipe.record(), SegmentationRecipe().record(), "--repetitions")


def _summary(truth: TransferMatrix) -> str:
    return (
        f"Dice ({truth.unit}) of small U-Nets on {len(truth.targets)} sets of real images: each trained on one set "
        f"and applied to all others as it is, as if to write pre-annotations; {_trainings(truth)} per "
        f"source. {sections.measured(truth.provenance)}\n\n"
        f"Use: judging measures on real images, `dsim evaluate MATRIX --truth {truth.name}`. The datasets are named "
        "as there; `location` in truth.json is below a data folder. The trained models are in the zoo: `dsim zoo "
        "list`."
    )


def _findings(truth: TransferMatrix, told: Facts) -> str:
    every = truth.provenance["all foreground"]
    best = np.nanmax(told.means, axis=0)
    baseless = [f"`{name}`" for name, value in zip(truth.targets, best, strict=True) if value < every[name]]
    poor = [f"`{name}`" for name, value in zip(truth.targets, best, strict=True) if value < LEARNT]
    unlearnt = [f"`{name}`" for name, own in zip(truth.sources, told.own, strict=True) if own < LEARNT]
    lines = [
        f"Sources that were not learnt (own held-out Dice below {LEARNT:g} %): {listed(unlearnt)}.",
        f"The targets are served best by {counted(told.best)}.",
        f"Targets for which even the best source stays below {LEARNT:g} %: {listed(poor)}.",
        f"Targets for which no source beats calling everything foreground: {listed(baseless)}.",
        f"A source drawn at random loses {_points(told.baselines['random'].scores['regret'])} of Dice against the "
        f"best for each target; the best fixed source {_points(told.baselines['best fixed source'].scores['regret'])} "
        f"({told.baselines['best fixed source'].note}).",
    ]
    if truth.repetitions > 1:
        lines += [
            f"Between two trainings the sources of a target correlate by {told.seeds_agree:.2f} (Spearman, mean over "
            "targets and pairs of trainings); the best source of one training is that of the mean of the others for "
            f"{100 * told.best_again:.0f} % of targets and trainings."
        ]
    return "\n".join(f"- {line}" for line in lines)


def _repeated(truth: TransferMatrix) -> str:
    return "Mean over trainings ± standard deviation between them" if truth.repetitions > 1 else "Of one training each"


def _sources(truth: TransferMatrix, told: Facts, manifests: Manifests, written: Collection[str]) -> str:
    head = ["source", "own Dice, %", "images", "*all*", "Dice on training images", "epoch kept", "zoo model"]
    rows = []
    for name, own, spread in zip(truth.sources, told.own, told.own_spread, strict=True):
        model = manifests[name]
        training = model["training"]
        epochs = [each["best_epoch"] for each in truth.provenance["trainings"] if each["source"] == name]
        rows.append(
            [
                f"`{name}`",
                sections.with_spread(own, spread, 1),
                str(truth.provenance["images scored"][name]),
                f"{truth.provenance['all foreground'][name]:.1f}",
                f"{training['dice_training']:.1f}",
                " to ".join(map(str, sorted({min(epochs), max(epochs)}))),
                f"[{model['id']}](../../../zoo/{model['id']}/card.md)" if name in written else "not shipped",
            ]
        )
    return (
        "*all*: every pixel of the set called foreground. The Dice on training images is the zoo model's: the "
        "training with the "
        "least validation loss.\n\n" + table(head, rows)
    )


def _unlearnt(truth: TransferMatrix, told: Facts, known: Mapping[str, Annotated], manifests: Manifests) -> str:
    lines = []
    for name, own in zip(truth.sources, told.own, strict=True):
        if own >= LEARNT:
            continue
        fitted = manifests[name]["training"]["dice_training"]
        measured = (
            f"the network reaches {fitted:.1f} on the images that trained it, so it learns them and does not generalise"
            if fitted >= own + 20
            else f"even on the images that trained it the network reaches {fitted:.1f} only"
        )
        guess = f" A likely cause: {known[name].hard}." if known[name].hard else ""
        lines.append(f"- `{name}` ({own:.1f}): {measured}.{guess}")
    return "Not learnt:\n\n" + "\n".join(lines) if lines else ""


def _targets(truth: TransferMatrix, told: Facts) -> str:
    rows = []
    for j, name in enumerate(truth.targets):
        order = np.argsort(-np.nan_to_num(told.means[:, j], nan=-np.inf))
        first, second = (
            f"`{truth.sources[i]}` {sections.with_spread(told.means[i, j], told.spread[i, j], 1)}" for i in order[:2]
        )
        middle = f"{np.nanmedian(told.means[:, j]):.1f}"
        rows.append([f"`{name}`", first, second, middle, f"{truth.provenance['all foreground'][name]:.1f}"])
    return table(["target", "best source", "second", "median source", "*all*"], rows)


def _ceiling(told: Facts) -> str:
    chosen = ("random", "best fixed source", "best fixed source, others")
    return sections.reach(told, chosen, "Dice", "trainings", regret="mean regret, points", digits=2)


def _sets(truth: TransferMatrix, known: Mapping[str, Annotated]) -> str:
    head = ["set", "images", "what", "masks", "licence", "use of models", "notes"]
    rows = [
        [
            f"`{name}`",
            str(truth.datasets[name].images),
            f"{origin.collection}; {origin.modality}",
            origin.foreground,
            origin.licence,
            origin.use,
            origin.notes,
        ]
        for name, origin in known.items()
    ]
    return words(head, rows)


def _trainings(truth: TransferMatrix) -> str:
    return "one training" if truth.repetitions == 1 else f"{truth.repetitions} trainings"


def _how(truth: TransferMatrix, options: str) -> str:
    record = truth.provenance
    return (
        f"    {command(truth)}\n    python -m benchmarks.biomed16 RESULTS{options}\n\n"
        f"The first trains {len(record['trainings'])} networks of {record['parameters']} parameters, seed "
        f"{record['seed']}, and can be stopped at any moment and goes on; the second checks what was measured, and "
        "writes this card and the zoo models.\n\n"
        f"{RULES}\n\n{sections.settings(record)}"
    )


def _points(score: Score) -> str:
    return f"{score.value:.1f} points"
